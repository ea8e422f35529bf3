"""What the API server refuses to change in an object that is there, and how it comes about all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from constructs_st2.changes.difference import Difference, Leaf
from constructs_st2.changes.findings import Finding, Section
from constructs_st2.checks.data import at
from constructs_st2.facts.keeping import ALLOWED
from constructs_st2.kube.quantity import amount

Path = tuple[str, ...]


@dataclass(frozen=True)
class Fixed:
    """Fields that cannot be changed: those at ``paths`` and below, but for ``free``, which can."""

    paths: tuple[Path, ...]
    free: tuple[Path, ...] = ()

    def holds(self, path: Path) -> bool:
        """Whether the API server refuses another value there."""
        return any(_below(path, fixed) for fixed in self.paths) and not any(_below(path, free) for free in self.free)


def _below(path: Path, root: Path) -> bool:
    return path[: len(root)] == root


FIXED: Mapping[str, Fixed] = {
    "StatefulSet": Fixed(
        (("spec",),),
        free=tuple(
            ("spec", field)
            for field in (
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
                "revisionHistoryLimit",
            )
        ),
    ),
    "Deployment": Fixed((("spec", "selector"),)),
    "DaemonSet": Fixed((("spec", "selector"),)),
    "Job": Fixed((("spec", "template"), ("spec", "selector"), ("spec", "completions"), ("spec", "completionMode"))),
    "Service": Fixed((("spec", "clusterIP"), ("spec", "clusterIPs"))),
    "PersistentVolumeClaim": Fixed(
        (("spec",),), free=(("spec", "resources", "requests"), ("spec", "volumeAttributesClassName"))
    ),
    "RoleBinding": Fixed((("roleRef",),)),
    "ClusterRoleBinding": Fixed((("roleRef",),)),
    "Secret": Fixed((("type",),)),
    "PriorityClass": Fixed((("value",), ("preemptionPolicy",))),
}
"""By kind, as the API server of Kubernetes 1.36 has it (pkg/apis/*/validation)."""


def immutable(difference: Difference, folder: str) -> Iterator[Finding]:
    """What of a difference cannot be applied, with the commands that bring it about."""
    fixed = FIXED.get(difference.kind)
    if difference.action != "changed" or fixed is None:
        return
    refused = [leaf for leaf in difference.leaves if fixed.holds(leaf.path)]
    if refused:
        remedy = _REMEDIES.get(difference.kind, _recreated)
        yield remedy(difference, refused, folder)


Remedy = Callable[[Difference, list[Leaf], str], Finding]


def kubectl(difference: Difference) -> str:
    """The beginning of a command about an object."""
    return f"kubectl -n {difference.namespace}" if difference.namespace else "kubectl"


def names(difference: Difference) -> str:
    """Kind and name as kubectl takes them."""
    return f"{difference.kind.lower()} {difference.name}"


def _fields(leaves: list[Leaf]) -> str:
    return ", ".join(dict.fromkeys(".".join(leaf.path[:3]).replace(".[", "[") for leaf in leaves))


def _recreated(difference: Difference, leaves: list[Leaf], folder: str) -> Finding:
    effect = {
        "Job": "a Job cannot be changed; it is recreated, and runs again",
        "Service": "another address for its clients, which find it by name; connections are refused for seconds",
        "Deployment": "all its pods stop at once, and new ones start",
        "PersistentVolumeClaim": "ITS DATA IS LOST with the claim: copy what is needed first",
        "Secret": "keep a copy: pods that start meanwhile wait for it",
        "PriorityClass": "its pods keep what they have until they are replaced; meanwhile none is made",
    }.get(difference.kind, "it is recreated")
    lost = difference.kind == "PersistentVolumeClaim"
    return Finding(
        Section.DATA if lost else Section.HANDS,
        difference.identity,
        f"{_fields(leaves)} cannot be changed; {effect}",
        (
            f"{kubectl(difference)} delete {names(difference)}",
            f"kubectl apply -f {folder}/",
        ),
    )


def _stateful_set(difference: Difference, leaves: list[Leaf], folder: str) -> Finding:
    claims = [leaf for leaf in leaves if leaf.path[:2] == ("spec", "volumeClaimTemplates")]
    if any(leaf.path[:2] in (("spec", "selector"), ("spec", "serviceName")) for leaf in leaves):
        return _recreated(difference, leaves, folder)
    around = (
        f"{kubectl(difference)} delete {names(difference)} --cascade=orphan",
        f"kubectl apply -f {folder}/",
    )
    if not claims:
        text = f"{_fields(leaves)} cannot be changed; its pods go on while it is recreated around them"
        return Finding(Section.HANDS, difference.identity, text, around)
    if all(_is_size(leaf) for leaf in claims):
        return _bigger(difference, claims[0], around)
    text = (
        f"{_fields(claims)} cannot be changed; volumes that are there stay as they are, so each member gets a new one, "
        "one after the other, and its data from the others"
    )
    members = _members(difference)
    if len(members) < 2:
        text = f"{_fields(claims)} cannot be changed; ITS DATA IS LOST with the volume of the only member: back it up"
    moving = [
        step
        for member in reversed(members)
        for step in (
            f"{kubectl(difference)} annotate pvc data-{member} {ALLOWED}=true",
            f"{kubectl(difference)} delete pvc data-{member} --wait=false && {kubectl(difference)} delete pod {member}",
            f"{kubectl(difference)} wait --for=condition=Ready --timeout=1h pod/{member}   # before the next one",
        )
    ]
    section = Section.HANDS if len(members) > 1 else Section.DATA
    return Finding(section, difference.identity, text, (*around, *moving))


def _is_size(leaf: Leaf) -> bool:
    return leaf.path[-3:] == ("resources", "requests", "storage")


def is_smaller(leaf: Leaf) -> bool:
    """Whether a size of storage shrinks."""
    try:
        return _is_size(leaf) and None not in (leaf.old, leaf.new) and amount(str(leaf.new)) < amount(str(leaf.old))
    except ArithmeticError:
        return False


def _bigger(difference: Difference, leaf: Leaf, around: tuple[str, str]) -> Finding:
    patch = f'{{"spec":{{"resources":{{"requests":{{"storage":"{leaf.new}"}}}}}}}}'
    growing = tuple(f"{kubectl(difference)} patch pvc data-{member} -p '{patch}'" for member in _members(difference))
    text = (
        f"the size of claims cannot be changed in it ({leaf.old} -> {leaf.new}); the storage class must allow "
        "volumes to grow (allowVolumeExpansion). Pods go on"
    )
    return Finding(Section.HANDS, difference.identity, text, (*growing, *around))


def _members(difference: Difference) -> list[str]:
    count = at(difference.old or {}, "spec", "replicas")
    return [f"{difference.name}-{ordinal}" for ordinal in range(count if isinstance(count, int) else 1)]


_REMEDIES: Mapping[str, Remedy] = {"StatefulSet": _stateful_set}

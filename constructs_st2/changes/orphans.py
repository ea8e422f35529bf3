"""What manifests no longer have, and nobody deletes: what it goes on to do, and how it goes away."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.changes.difference import Difference
from constructs_st2.changes.findings import Finding, Section
from constructs_st2.changes.immutable import kubectl, names
from constructs_st2.changes.rollouts import entry_of
from constructs_st2.checks.data import at, labels_of, namespace_of, strings
from constructs_st2.checks.index import Index
from constructs_st2.facts.keeping import FINALIZER


def orphans(gone: list[Difference], new: Index) -> Iterator[Finding]:
    """What nobody deletes: kubectl knows nothing of what manifests no longer have, and Argo CD only with `prune`."""
    apps = {(namespace_of(job), labels_of(job).get("app")) for job in new.of_kind("Job")}
    superseded: list[Difference] = []
    others: list[Difference] = []
    for difference in gone:
        app = labels_of(difference.document).get("app")
        is_former = difference.kind == "Job" and (difference.namespace, app) in apps
        (superseded if is_former else others).append(difference)
    for difference in others:
        if difference.kind in _DATA_KINDS:
            yield Finding(
                Section.DATA,
                difference.identity,
                "is no longer in the manifests, and stays with what is in it; deleting it DESTROYS that",
                (f"{kubectl(difference)} delete {names(difference)}   # only when nobody needs it any more",),
            )
    twice = [each for each in others if each.kind == "Deployment" and _runs_twice(each, new)]
    for difference in twice:
        text = "is no longer in the manifests, and others take its place: as long as it is there, both do the same work"
        command = f"{kubectl(difference)} delete {names(difference)} --wait   # before the apply"
        yield Finding(Section.HANDS, difference.identity, text, (command,))
    loose = [each for each in others if each.kind not in _DATA_KINDS and each not in twice]
    if loose:
        effects = dict.fromkeys(effect for each in loose if (effect := _while_it_stays(each)))
        text = "; ".join(effects) or "nothing uses it any more"
        yield Finding(Section.ORPHANS, _count(loose), text, tuple(_deletions(loose)))
    if superseded:
        commands = tuple(_deletions(superseded))
        yield Finding(
            Section.ORPHANS,
            _count(superseded),
            "Jobs that others follow; older manifests run them again only once they are deleted",
            commands,
        )


def _runs_twice(gone: Difference, new: Index) -> bool:
    """Whether a service that must not run twice goes on beside others of it: sensors emit every trigger twice then."""
    entry = entry_of(gone)
    others = (labels_of(each).get("app") for each in new.of_kind("Deployment"))
    return entry is not None and entry.is_single and entry.name in others


def _count(differences: list[Difference]) -> str:
    return f"{len(differences)} object{'s' if len(differences) > 1 else ''}"


def _is_kept_by_finalizer(difference: Difference) -> bool:
    return FINALIZER in strings(at(difference.document, "metadata", "finalizers"))


def _deletions(differences: list[Difference]) -> Iterator[str]:
    """One command for all objects of a namespace."""
    for command in dict.fromkeys(map(kubectl, differences)):
        objects = (f"{each.kind.lower()}/{each.name}" for each in differences if kubectl(each) == command)
        yield f"{command} delete {' '.join(objects)}"
    for each in filter(_is_kept_by_finalizer, differences):
        # Its deletion waits for that.
        yield f"""kubectl patch {names(each)} --type=merge -p '{{"metadata":{{"finalizers":null}}}}'"""


_DATA_KINDS = frozenset({"PersistentVolumeClaim", "Secret", "Namespace"})


def _while_it_stays(difference: Difference) -> str | None:
    """What an object that is left over goes on to do."""
    does = {
        "Deployment": "pods of {} go on",
        "StatefulSet": "members of {} go on",
        "CronJob": "{} goes on",
        "NetworkPolicy": "the network policy {} holds",
        "ValidatingAdmissionPolicy": "{} goes on to keep the data",
        "PriorityClass": "pods that still name {} are refused without it: delete it when the others have rolled",
        "HorizontalPodAutoscaler": "{} goes on to set the number of pods, against the manifests",
        "ScaledObject": "{} goes on to set the number of pods, against the manifests",
        "Ingress": "{} leads to st2web",
        "HTTPRoute": "{} leads to st2web",
    }.get(difference.kind)
    return does.format(difference.name) if does else None

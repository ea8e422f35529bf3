"""The objects that a cluster has, as their manifests would have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from constructs_st2.changes.difference import key_of, named
from constructs_st2.changes.returning import task_of
from constructs_st2.checks.data import annotations_of, at, labels_of, mapping, mappings, namespace_of
from constructs_st2.commands.cluster_options import ClusterOptions
from constructs_st2.commands.kubectl import Kubectl, as_json
from constructs_st2.errors import UserError
from constructs_st2.facts.release import MANAGED_BY
from constructs_st2.kube.documents import Document
from constructs_st2.kube.quantity import amount
from constructs_st2.kube.well_known import INSTANCE_LABEL, LAST_APPLIED, MANAGED_BY_LABEL
from constructs_st2.kube.yaml_text import yaml_text

"""What kubectl has applied: by it one tells what somebody asked for from what the API server added."""

KINDS = (
    "configmaps",
    "cronjobs.batch",
    "certificates.cert-manager.io",
    "deployments.apps",
    "externalsecrets.external-secrets.io",
    "horizontalpodautoscalers.autoscaling",
    "httproutes.gateway.networking.k8s.io",
    "ingresses.networking.k8s.io",
    "issuers.cert-manager.io",
    "jobs.batch",
    "networkpolicies.networking.k8s.io",
    "persistentvolumeclaims",
    "poddisruptionbudgets.policy",
    "podmonitors.monitoring.coreos.com",
    "prometheusrules.monitoring.coreos.com",
    "rolebindings.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "scaledobjects.keda.sh",
    "sealedsecrets.bitnami.com",
    "serviceaccounts",
    "services",
    "statefulsets.apps",
    "triggerauthentications.keda.sh",
)
"""The kinds of namespaced objects that manifests can have. No Secrets: those of a release are made in the cluster."""


class State(NamedTuple):
    """The live objects that manifests are about, and those of the release that they no longer hold.

    Fields that nobody asked for are left out. So are the Jobs of the manifests that others of the same task have
    outrun: they are in the way of what they have to do. Of these there are the names.
    """

    objects: list[Document]
    outrun_jobs: frozenset[str]


def state(new: Sequence[Document], options: ClusterOptions, context: str | None) -> State:
    """What a cluster has.

    Raises:
        UserError: kubectl cannot be asked.
    """
    kubectl = Kubectl(context)
    found = {key_of(each): each for each in _same_names(new, kubectl)}
    namespaces = {namespace_of(each) for each in new if labels_of(each).get(MANAGED_BY_LABEL) == MANAGED_BY}
    releases = {release for each in new if (release := labels_of(each).get(INSTANCE_LABEL)) is not None} or {
        options.release
    }
    for namespace in sorted(namespaces - {""}):
        for each in _labelled(kubectl, namespace, releases):
            found.setdefault(key_of(each), each)
    wanted = {key_of(each): each for each in new}
    outrun = {key_of(job) for job in _outrun(found.values()) if key_of(job) in wanted}
    return State(
        [as_applied(live, wanted.get(key)) for key, live in found.items() if key not in outrun],
        frozenset(name for *_, name in outrun),
    )


def _outrun(found: Iterable[Document]) -> Iterator[Document]:
    """The Jobs after which others of the same task were made."""
    by_task: dict[tuple[str, str], list[Document]] = {}
    for job in found:
        if job["kind"] == "Job" and (task := task_of(job)):
            by_task.setdefault((namespace_of(job), task), []).append(job)
    for jobs in by_task.values():
        last = max(map(_created, jobs))
        yield from (job for job in jobs if _created(job) < last)


def _created(live: Document) -> str:
    """When an object was made; in the one form in which an API server tells it, earlier times come first."""
    return str(at(live, "metadata", "creationTimestamp") or "")


def _same_names(new: Sequence[Document], kubectl: Kubectl) -> list[Document]:
    # What kubectl shows of a Secret is compared by its keys, and told of by its keys.
    known = set(_kinds(kubectl))
    asked = [each for each in new if each["kind"].lower() in known]
    if not asked:
        return []
    return kubectl.objects("get", "-f", "-", "--ignore-not-found", given=yaml_text(asked))


def _kinds(kubectl: Kubectl) -> Iterator[str]:
    """The kinds that the cluster knows, in small letters."""
    for line in kubectl.must("api-resources", "--no-headers").splitlines():
        if words := line.split():
            yield words[-1].lower()


def _labelled(kubectl: Kubectl, namespace: str, releases: Iterable[str]) -> list[Document]:
    served = set(kubectl.must("api-resources", "--verbs=list", "--namespaced", "-o", "name").split())
    kinds = [kind for kind in KINDS if kind in served]
    labels = f"{MANAGED_BY_LABEL}={MANAGED_BY},{INSTANCE_LABEL} in ({','.join(sorted(releases))})"
    if not kinds:
        raise UserError("kubectl api-resources: it tells no kind that the manifests have; is the cluster reachable?")
    found = kubectl.objects("get", ",".join(kinds), "-n", namespace, "-l", labels)
    return [each for each in found if not _belongs_to_other(each)]


def _belongs_to_other(live: Document) -> bool:
    """Whether a controller made it: claims of members have the labels of a release, too."""
    is_claim_of_member = live["kind"] == "PersistentVolumeClaim" and LAST_APPLIED not in annotations_of(live)
    return bool(mappings(at(live, "metadata", "ownerReferences"))) or is_claim_of_member


def as_applied(live: Document, wanted: Document | None) -> Document:
    """A live object without what nobody asked for: neither the manifest, nor what kubectl applied last."""
    applied = annotations_of(live).get(LAST_APPLIED)
    last: Document = mapping(as_json(applied)) if isinstance(applied, str) else {}
    if not annotations_of(last):
        # kubectl notes an empty mapping where there were none.
        mapping(last.get("metadata")).pop("annotations", None)
    if wanted is None:
        return last or live
    kept: Document = _projected(live, [_stated(wanted), last])
    # The version that one asked for is the one to compare with.
    return {**kept, "apiVersion": wanted["apiVersion"]}


def _stated(wanted: Document) -> Document:
    if wanted["kind"] == "Secret" and "stringData" in wanted:
        return {**wanted, "data": {**mapping(wanted.get("data")), **mapping(wanted["stringData"])}}
    return wanted


def _projected(live: Any, shapes: Sequence[Any]) -> Any:
    """What of a live value at least one of some shapes has, too."""
    if isinstance(live, dict):
        below = [shape for shape in shapes if isinstance(shape, dict)]
        kept = {}
        for key in dict.fromkeys(key for shape in below for key in shape):
            given = [shape[key] for shape in below if key in shape]
            if key in live:
                kept[key] = _projected(live[key], given)
            elif _is_empty(given[0]):
                # The API server leaves out what is empty.
                kept[key] = given[0]
        return kept
    if isinstance(live, list):
        return _projected_list(live, [shape for shape in shapes if isinstance(shape, list)])
    if shapes and _is_same(live, shapes[0]):
        return shapes[0]
    return live


def _projected_list(live: list[Any], shapes: Sequence[list[Any]]) -> list[Any]:
    items = named(live)
    known = [names for shape in shapes if (names := named(shape)) is not None]
    if items and known and len(known) == len(shapes):
        return [
            _projected(item, [names[name] for names in known if name in names])
            if any(name in n for n in known)
            else item
            for name, item in items.items()
        ]
    if all(len(shape) == len(live) for shape in shapes):
        return [_projected(item, [shape[index] for shape in shapes]) for index, item in enumerate(live)]
    return live


def _is_empty(value: Any) -> bool:
    return value in ({}, [], None, "", False)


def _is_same(live: Any, wanted: Any) -> bool:
    """Whether two values are one quantity, such as 0.5 and 500m."""
    if live == wanted:
        return True
    if not isinstance(live, str | int) or not isinstance(wanted, str | int | float):
        return False
    try:
        return amount(str(live)) == amount(str(wanted))
    except ArithmeticError:
        return False

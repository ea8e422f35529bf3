"""Selectors pick exactly the pods that they are meant for, and no two objects are the same."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.data import at, labels_of, mapping, mappings, namespace_of
from constructs_st2.checks.index import CONTROLLERS, Index
from constructs_st2.checks.matching import Selector
from constructs_st2.checks.pods import PodTemplate
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import identity, place
from constructs_st2.kube.well_known import INSTANCE_LABEL, NAME_LABEL

SELECTING_LABELS = frozenset({NAME_LABEL, INSTANCE_LABEL})
"""What selectors of ours look at. Selectors cannot be changed later, so nothing that may change is among them."""

_SCHEDULING_TERMS = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def workloads_select_their_pods(index: Index) -> Iterator[Problem]:
    """A workload selects its own pods and no others."""
    for workload in index.of_kind(*CONTROLLERS, "DaemonSet", "ReplicaSet"):
        pod = index.pods_made_by(workload)
        selector = index.selector_of(workload)
        if selector.is_empty or not selector.matches(pod.labels):
            message = f"{selector} does not select the workload's own pods; its labels must be among theirs"
            yield Problem("selector", pod.identity, "spec.selector", message)
        for other in index.pods_of(pod.namespace, selector) if not selector.is_empty else ():
            if other is not pod:
                message = f"{selector} selects also the pods of {other.identity}; select by labels that no others have"
                yield Problem("selector", pod.identity, "spec.selector", message)


def one_workload_each(index: Index) -> Iterator[Problem]:
    """Services and disruption budgets of ours select the pods of one workload."""
    for document in index.own_of_kind("Service", "PodDisruptionBudget"):
        if document["kind"] == "Service":
            pods = index.pods_behind(document)
        else:
            pods = index.pods_of(namespace_of(document), index.selector_of(document))
        if len(pods) > 1:
            message = f"selects the pods of {', '.join(sorted(pod.identity for pod in pods))}; expected one workload"
            yield Problem("selector", identity(document), "spec.selector", message)


def selectors_hold_nothing_that_changes(index: Index) -> Iterator[Problem]:
    """Selectors of ours look at the component's name and the release only."""
    for document in index.own_of_kind("Service", "PodDisruptionBudget", *CONTROLLERS):
        for key in sorted(index.selector_of(document).keys - SELECTING_LABELS):
            message = f"selects by {key}; only {' and '.join(sorted(SELECTING_LABELS))} never change"
            yield Problem("selector-labels", identity(document), "spec.selector", message)


def scheduling_terms_match_own_pods(index: Index) -> Iterator[Problem]:
    """Spread constraints and affinities of our pods among themselves really mean these pods."""
    for pod in index.own_pods:
        for field, selector in _own_terms(pod):
            if not selector.matches(pod.labels):
                message = f"{selector} does not match the pod's own labels, so it spreads nothing; use its selector"
                yield pod.problem("scheduling-selector", field, message)


def _own_terms(pod: PodTemplate) -> Iterator[tuple[str, Selector]]:
    """Spread constraints and anti-affinity terms with their fields; affinity to other pods is none of them."""
    for position, constraint in enumerate(mappings(pod.spec.get("topologySpreadConstraints"))):
        field = f"spec.topologySpreadConstraints[{position}].labelSelector"
        yield field, Selector.of(constraint.get("labelSelector"))
    anti_affinity = mapping(at(pod.spec, "affinity", "podAntiAffinity"))
    for kind in _SCHEDULING_TERMS:
        for position, given in enumerate(mappings(anti_affinity.get(kind))):
            term = mapping(given.get("podAffinityTerm")) or given
            selector = Selector.of(term.get("labelSelector"))
            if selector.keys >= SELECTING_LABELS:
                yield f"spec.affinity.podAntiAffinity.{kind}[{position}]", selector


def objects_are_unique(index: Index) -> Iterator[Problem]:
    """No object appears twice: the later one would overwrite the earlier one."""
    seen: set[str] = set()
    for document in index.objects:
        # Objects of the user may have anything in the place of a name.
        key = str(place(document))
        if key in seen:
            message = "another object has the same kind, namespace and name; rename one of them"
            yield Problem("unique", identity(document), "metadata.name", message)
        seen.add(key)


def selecting_labels_are_set(index: Index) -> Iterator[Problem]:
    """Pods carry the component's name of the workload that makes them."""
    for pod in index.own_pods:
        own = labels_of(pod.owner)
        for key in sorted(SELECTING_LABELS):
            if key in own and pod.labels.get(key) != own[key]:
                message = f"is {pod.labels.get(key)!r}, but {own[key]!r} on the workload; they must be the same"
                yield pod.problem("pod-labels", f"metadata.labels[{key}]", message)


RULES = (
    workloads_select_their_pods,
    one_workload_each,
    selectors_hold_nothing_that_changes,
    scheduling_terms_match_own_pods,
    objects_are_unique,
    selecting_labels_are_set,
)

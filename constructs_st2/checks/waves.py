"""Argo CD's sync waves: none waits for a later one.

Argo CD applies a wave only when all objects of the earlier ones are healthy, so a pod that needs something of a later
wave to become ready stops the sync for good.
"""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.data import annotations_of, at, mapping, name_of, namespace_of
from constructs_st2.checks.hosts import service_at
from constructs_st2.checks.index import Index
from constructs_st2.checks.pods import PodTemplate
from constructs_st2.checks.problem import Problem
from constructs_st2.facts.jobs import HOOK_ANNOTATION
from constructs_st2.facts.release import WAVE_ANNOTATION
from constructs_st2.kube.documents import Document, identity

_FIELD = f"metadata.annotations[{WAVE_ANNOTATION}]"


def waves_are_numbers(index: Index) -> Iterator[Problem]:
    """Argo CD takes anything else for wave 0."""
    for document in index.objects:
        given = annotations_of(document).get(WAVE_ANNOTATION, "0")
        if _number(given) is None:
            yield Problem("wave", identity(document), _FIELD, f"{given!r} is not a whole number")


def pods_wait_for_no_later_wave(index: Index) -> Iterator[Problem]:
    """What a pod needs to become ready is in its own wave or an earlier one."""
    # Pods need the same few objects over and over.
    waves = {id(document): _wave(document) for document in index.objects}
    for pod in index.pods:
        if HOOK_ANNOTATION in annotations_of(pod.owner):
            continue
        wave = waves[id(pod.owner)]
        needed = {id(need): need for need in _needs(index, pod)}
        for need in needed.values():
            if (later := waves[id(need)]) > wave:
                message = f"wave {wave} needs {identity(need)}, which is in wave {later}; it must not be later"
                yield Problem("wave", pod.identity, _FIELD, message)


def _needs(index: Index, pod: PodTemplate) -> Iterator[Document]:
    for use in pod.uses:
        if not use.optional and (found := index.provider(use.kind, pod.namespace, use.name)):
            yield found
    for _, address in pod.waits:
        if service := service_at(index, address.host, pod.namespace):
            yield service
            yield from (behind.owner for behind in index.pods_behind(service))


def claims_are_in_the_wave_of_their_pods(index: Index) -> Iterator[Problem]:
    """A claim is in the wave of the first pod that uses it.

    Many storage classes bind a claim only when a pod uses it (WaitForFirstConsumer), and Argo CD finds it unhealthy
    until then: https://github.com/argoproj/argo-cd/issues/12840
    """
    first: dict[tuple[str, str], int] = {}
    for pod in index.pods:
        for use in pod.uses:
            if use.kind == "PersistentVolumeClaim":
                key = (pod.namespace, use.name)
                first[key] = min(first.get(key, _wave(pod.owner)), _wave(pod.owner))
    for claim in index.own_of_kind("PersistentVolumeClaim"):
        wave = _wave(claim)
        earliest = first.get((namespace_of(claim), name_of(claim)), wave)
        if wave < earliest:
            message = f"wave {wave} cannot end before a pod of wave {earliest} uses the claim; put it into that wave"
            yield Problem("wave", identity(claim), _FIELD, message)


def autoscalers_come_after_their_targets(index: Index) -> Iterator[Problem]:
    """No autoscaler is in an earlier wave than what it scales: without that it is unhealthy, and the sync stops."""
    for scaler in index.of_kind("HorizontalPodAutoscaler", "ScaledObject.keda.sh"):
        target = mapping(at(scaler, "spec", "scaleTargetRef"))
        kind, name = str(target.get("kind", "Deployment")), str(target.get("name"))
        found = index.find(kind, namespace_of(scaler), name)
        if found is not None and _wave(scaler) < _wave(found):
            message = f"wave {_wave(scaler)} is before {_wave(found)}, that of {identity(found)}; it must not be"
            yield Problem("wave", identity(scaler), _FIELD, message)


def namespaces_come_first(index: Index) -> Iterator[Problem]:
    """No object is in an earlier wave than its namespace."""
    first = {name_of(document): _wave(document) for document in index.of_kind("Namespace")}
    for document in index.objects:
        wave = first.get(namespace_of(document))
        if wave is not None and (own := _wave(document)) < wave:
            message = f"wave {own} is before its namespace's, {wave}"
            yield Problem("wave", identity(document), _FIELD, message)


def _wave(document: Document) -> int:
    return _number(annotations_of(document).get(WAVE_ANNOTATION, "0")) or 0


def _number(text: object) -> int | None:
    try:
        return int(str(text))
    except ValueError:
        return None


RULES = (
    waves_are_numbers,
    pods_wait_for_no_later_wave,
    claims_are_in_the_wave_of_their_pods,
    autoscalers_come_after_their_targets,
    namespaces_come_first,
)

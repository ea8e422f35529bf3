"""KEDA: validateWorkload of scaledobject_webhook.go, and scaledobject_types.go."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.data import at, mapping, mappings, name_of, namespace_of
from constructs_st2.checks.index import Index
from constructs_st2.checks.operators.findings import Finding, number, repeated
from constructs_st2.kube.documents import Document, identity
from constructs_st2.kube.well_known import KEDA_AUTOSCALER

_RESOURCES = ("cpu", "memory")
_METRIC_TYPES = ("AverageValue", "Value", "Utilization")
_DEFAULT_MAXIMUM = 100
_LONGEST_LABEL = 63


def scaled_object(document: Document, index: Index) -> Iterator[Finding]:
    """What KEDA refuses of a ScaledObject."""
    spec = mapping(document.get("spec"))
    yield from _bounds(spec)
    yield from _fallback(spec)
    yield from _triggers(spec)
    yield from _resources(document, spec, index)
    yield from _names(document, spec)
    yield from _targets(document, index)


def _bounds(spec: Document) -> Iterator[Finding]:
    """CheckReplicaCountBoundsAreValid."""
    given, maximum = number(spec.get("minReplicaCount")), number(spec.get("maxReplicaCount"))
    maximum = _DEFAULT_MAXIMUM if maximum is None else maximum
    minimum = 0 if given is None else max(given, 1)
    if minimum > maximum:
        field = "minReplicaCount" if given is not None else "maxReplicaCount"
        yield f"spec.{field}", f"the minimum of {minimum} pods is greater than the maximum of {maximum}"
    idle = number(spec.get("idleReplicaCount"))
    if idle is not None and idle >= minimum:
        yield "spec.idleReplicaCount", f"must be less than minReplicaCount, which is {minimum}"


def _fallback(spec: Document) -> Iterator[Finding]:
    """CheckFallbackValid, as it was until KEDA 2.17, too: the metric type had to be said."""
    fallback = spec.get("fallback")
    if not isinstance(fallback, dict):
        return
    for field in ("failureThreshold", "replicas"):
        if (number(fallback.get(field)) or 0) < 0:
            yield f"spec.fallback.{field}", "must not be negative"
    modifiers = mapping(at(spec, "advanced", "scalingModifiers"))
    if modifiers:
        if modifiers.get("metricType") == "Value":
            yield "spec.advanced.scalingModifiers.metricType", "must be AverageValue beside a fallback"
    elif not any(
        trigger.get("type") not in _RESOURCES and trigger.get("metricType") == "AverageValue"
        for trigger in mappings(spec.get("triggers"))
    ):
        message = "needs a trigger, other than cpu and memory, with metricType: AverageValue"
        yield "spec.fallback", message


def _triggers(spec: Document) -> Iterator[Finding]:
    """ValidateTriggers, verifyCPUMemoryScalers."""
    triggers = mappings(spec.get("triggers"))
    names = [
        (f"spec.triggers[{position}].name", str(each["name"]))
        for position, each in enumerate(triggers)
        if each.get("name")
    ]
    yield from repeated([(field, name) for field, name in names if isinstance(name, str)], "another trigger has it")
    for position, trigger in enumerate(triggers):
        field, metric = f"spec.triggers[{position}]", trigger.get("metricType")
        if metric not in (None, "", *_METRIC_TYPES):
            yield f"{field}.metricType", f'must be one of {", ".join(_METRIC_TYPES)}, not "{metric}"'
        if trigger.get("type") in _RESOURCES:
            if trigger.get("useCachedMetrics"):
                yield f"{field}.useCachedMetrics", "is not for triggers cpu and memory"
            if metric == "Value":
                yield f"{field}.metricType", "of triggers cpu and memory must be Utilization or AverageValue"
    only_resources = bool(triggers) and all(trigger.get("type") in _RESOURCES for trigger in triggers)
    if only_resources and not spec.get("minReplicaCount"):
        yield "spec.minReplicaCount", "must be at least 1: triggers cpu and memory alone never start a first pod"


def _resources(document: Document, spec: Document, index: Index) -> Iterator[Finding]:
    """verifyCPUMemoryScalers. A LimitRange can give what a container lacks."""
    if any(True for _ in index.of_kind("LimitRange")):
        return
    target = mapping(spec.get("scaleTargetRef"))
    workload = index.find(str(target.get("kind") or "Deployment"), namespace_of(document), str(target.get("name")))
    if workload is None:
        return
    containers = [each for each in index.pods_made_by(workload).containers if not each.init]
    for position, trigger in enumerate(mappings(spec.get("triggers"))):
        resource, only = trigger.get("type"), at(trigger, "metadata", "containerName")
        if resource not in _RESOURCES:
            continue
        if only and only not in [each.name for each in containers]:
            yield f"spec.triggers[{position}].metadata.containerName", f"{identity(workload)} has no such container"
        for each in containers:
            said = {key for kind in ("requests", "limits") for key in mapping(at(each.spec, "resources", kind))}
            if only in (None, "", each.name) and resource not in said:
                message = f"the container {each.name} of {identity(workload)} has no request of {resource}"
                yield f"spec.triggers[{position}]", message


def _names(document: Document, spec: Document) -> Iterator[Finding]:
    """verifyName."""
    given = at(spec, "advanced", "horizontalPodAutoscalerConfig", "name")
    name = str(given or KEDA_AUTOSCALER + name_of(document))
    if len(name) > _LONGEST_LABEL:
        field = "spec.advanced.horizontalPodAutoscalerConfig.name" if given else "metadata.name"
        yield (
            field,
            f"gives the HorizontalPodAutoscaler {name}, of {len(name)} characters; at most {_LONGEST_LABEL} can be",
        )


def _targets(document: Document, index: Index) -> Iterator[Finding]:
    """verifyScaledObjects, verifyHpas."""
    mine = _target(document)
    for kind in ("ScaledObject.keda.sh", "HorizontalPodAutoscaler"):
        for other in index.of_kind(kind):
            if other is not document and _target(other) == mine:
                yield "spec.scaleTargetRef.name", f"{mine[2]} is scaled by {identity(other)} already"


def _target(document: Document) -> tuple[str, str, str]:
    target = mapping(at(document, "spec", "scaleTargetRef"))
    return namespace_of(document), str(target.get("kind") or "Deployment"), str(target.get("name"))

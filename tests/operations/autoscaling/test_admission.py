"""The rules by which KEDA's webhooks admit a ScaledObject (scaledobject_webhook.go, scaledobject_types.go of KEDA).

The definitions of its kinds, by which the bindings were made, say nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support import Objects, Synth

from constructs_st2.kube.documents import Document

ON = {"autoscaling": {"enabled": True}}
WITH_RESOURCES = {
    "autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": 80, "targetMemoryUtilizationPercentage": 80}
}
SERVICES = ("st2actionrunner", "st2workflowengine", "st2scheduler")
VARIANTS: dict[str, dict[str, Any]] = {
    "by work": dict.fromkeys(SERVICES, ON),
    "by work and resources": dict.fromkeys(SERVICES, WITH_RESOURCES),
    "with pools": {"st2actionrunner": {**ON, "pools": [{"name": "spot", **WITH_RESOURCES}]}},
    "with a fallback": {"st2actionrunner": {"autoscaling": {"enabled": True, "fallbackReplicas": 4}}},
}
RESOURCES = ("cpu", "memory")
LABEL_VALUE = 63
HPA_PREFIX = "keda-hpa-"
METRIC_TYPES = {None, "AverageValue", "Value", "Utilization"}


def refusals(scaled: Document, objects: Objects) -> Iterator[str]:
    """Why KEDA would refuse a ScaledObject; of the rules those that can concern ours."""
    spec, name = scaled["spec"], scaled["metadata"]["name"]
    triggers = spec["triggers"]
    of_work = [trigger for trigger in triggers if trigger["type"] not in RESOURCES]
    # CheckReplicaCountBoundsAreValid
    if not 0 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]:
        yield "incorrect-replicas"
    # CheckFallbackValid; until 2.17 the type had to be said
    fallback = spec["fallback"]
    if fallback["failureThreshold"] < 0 or fallback["replicas"] < 0:
        yield "incorrect-fallback: negative"
    if not any(trigger.get("metricType") == "AverageValue" for trigger in of_work):
        yield "incorrect-fallback: no trigger is of the type AverageValue"
    # verifyName
    if len(HPA_PREFIX + name) > LABEL_VALUE:
        yield "hpa-name-too-long"
    # verifyCPUMemoryScalers
    deployment = objects.named("Deployment", spec["scaleTargetRef"]["name"])
    containers = {each["name"]: each["resources"] for each in deployment["spec"]["template"]["spec"]["containers"]}
    for trigger in triggers:
        if trigger["type"] in RESOURCES:
            resources = containers[trigger["metadata"]["containerName"]]
            if trigger["type"] not in {*resources.get("requests", {}), *resources.get("limits", {})}:
                yield f"missing-requests: {trigger['type']}"
    # ValidateTriggers
    names = [trigger["name"] for trigger in triggers if "name" in trigger]
    if len(names) != len(set(names)):
        yield "incorrect-triggers: names must be unique"
    for trigger in triggers:
        if trigger.get("useCachedMetrics") and trigger["type"] in RESOURCES:
            yield "incorrect-triggers: useCachedMetrics is not for cpu and memory"
        if trigger.get("metricType") not in METRIC_TYPES:
            yield "incorrect-triggers: metricType"
        if trigger["type"] in RESOURCES and trigger.get("metricType") == "Value":
            yield "incorrect-triggers: metricType Value is not for cpu and memory"


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_keda_admits_what_we_write(synth: Synth, values: dict[str, Any]) -> None:
    objects = synth(values)
    scaled = objects.of_kind("ScaledObject")
    assert scaled
    assert {each["metadata"]["name"]: list(refusals(each, objects)) for each in scaled} == {
        each["metadata"]["name"]: [] for each in scaled
    }


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_nothing_is_scaled_by_two(synth: Synth, values: dict[str, Any]) -> None:
    """verifyScaledObjects and verifyHpas: a workload has one scaler."""
    objects = synth({**values, "st2api": ON})
    scalers = [*objects.of_kind("ScaledObject"), *objects.of_kind("HorizontalPodAutoscaler")]
    targets = [each["spec"]["scaleTargetRef"]["name"] for each in scalers]
    assert len(targets) == len(set(targets))


def test_a_name_that_is_too_long_for_keda_is_refused(synth: Synth) -> None:
    from constructs_st2.errors import InvalidValues

    pool = {"name": "a-pool-with-a-name-that-is-rather-long", **ON}
    with pytest.raises(InvalidValues, match=r"st2actionrunner\.pools\[0\]\.name"):
        synth({"st2actionrunner": {"pools": [pool]}})

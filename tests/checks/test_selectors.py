"""Selectors and the pods that they pick."""

from __future__ import annotations

import pytest
from checks.sound import (
    API,
    NAMESPACE,
    POD,
    TEMPLATE,
    Change,
    Finding,
    add,
    both,
    deployment,
    document,
    findings_after,
    put,
    selector,
    service,
    template,
)
from support import each_of

from constructs_st2.checks.matching import Selector

RELEASE = {"app.kubernetes.io/instance": "st2"}
SPREAD = (*POD, "topologySpreadConstraints", 0, "labelSelector", "matchLabels")
POD_FIELD = "spec.template.spec"


def anti_affinity(kind: str, term: object) -> Change:
    return put(API, *POD, "affinity", value={"podAntiAffinity": {kind: [term]}})


def other_api(**fields: object) -> Change:
    """A second workload, whose pods the first one's selector picks, too."""
    other = deployment("st2api", 1, template("st2api"))
    other["metadata"]["name"] = "other"
    other["spec"]["template"]["spec"].update(fields)
    return add(other)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param(
            put(API, "spec", "selector", "matchLabels", value=selector("st2web")),
            ("selector", API, "spec.selector"),
            id="pods of another workload",
        ),
        pytest.param(put(API, "spec", "selector", value={}), ("selector", API, "spec.selector"), id="everything"),
        pytest.param(
            put(API, "spec", "selector", "matchLabels", value=RELEASE),
            ("selector", API, "spec.selector"),
            id="pods of other workloads, too",
        ),
        pytest.param(other_api(), ("selector", "Deployment/other", "spec.selector"), id="pods of one's twin"),
        pytest.param(
            put("Service/st2-st2api", "spec", "selector", value=RELEASE),
            ("selector", "Service/st2-st2api", "spec.selector"),
            id="a Service of two workloads",
        ),
        pytest.param(
            put("PodDisruptionBudget/st2-st2api", "spec", "selector", "matchLabels", value=RELEASE),
            ("selector", "PodDisruptionBudget/st2-st2api", "spec.selector"),
            id="a budget of two workloads",
        ),
        pytest.param(
            put(API, "spec", "selector", "matchLabels", "app", value="st2api"),
            ("selector-labels", API, "spec.selector"),
            id="by a label that may change",
        ),
        pytest.param(
            put("Service/st2-st2api", "spec", "selector", "tier", value="backend"),
            ("selector-labels", "Service/st2-st2api", "spec.selector"),
            id="a Service by a label that may change",
        ),
        pytest.param(
            put(API, *SPREAD, value=selector("st2web")),
            ("scheduling-selector", API, f"{POD_FIELD}.topologySpreadConstraints[0].labelSelector"),
            id="spreads others",
        ),
        pytest.param(
            anti_affinity(
                "requiredDuringSchedulingIgnoredDuringExecution", {"labelSelector": {"matchLabels": selector("x")}}
            ),
            (
                "scheduling-selector",
                API,
                f"{POD_FIELD}.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]",
            ),
            id="keeps away from others",
        ),
        pytest.param(
            anti_affinity(
                "preferredDuringSchedulingIgnoredDuringExecution",
                {"podAffinityTerm": {"labelSelector": {"matchLabels": selector("x")}}},
            ),
            (
                "scheduling-selector",
                API,
                f"{POD_FIELD}.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]",
            ),
            id="would rather keep away from others",
        ),
        pytest.param(
            add(service("st2-st2api", "st2api", 9101)),
            ("unique", "Service/st2-st2api", "metadata.name"),
            id="one object twice",
        ),
        pytest.param(
            put(API, *TEMPLATE, "metadata", "labels", "app.kubernetes.io/name", value="x"),
            ("pod-labels", API, "spec.template.metadata.labels[app.kubernetes.io/name]"),
            id="pods called by another name",
        ),
    ],
)
def test_what_picks_the_wrong_pods_is_found(change: Change, finding: Finding) -> None:
    assert finding in findings_after(change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            anti_affinity(
                "requiredDuringSchedulingIgnoredDuringExecution", {"labelSelector": {"matchLabels": {"noisy": "yes"}}}
            ),
            id="keeps away from neighbours",
        ),
        pytest.param(
            both(
                other_api(),
                put("added 0", "metadata", "namespace", value="other"),
                put("added 0", "spec", "template", "spec", "topologySpreadConstraints", value=[]),
            ),
            id="a twin in another namespace",
        ),
        pytest.param(
            add(
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "all", "namespace": NAMESPACE},
                    "spec": {"selector": RELEASE, "ports": []},
                }
            ),
            id="a user's Service of two workloads",
        ),
        pytest.param(
            add({**document("Role", "st2-st2api", "x"), "rules": []}), id="objects of two kinds with one name"
        ),
    ],
)
def test_what_picks_the_right_pods_is_accepted(change: Change) -> None:
    assert findings_after(change) == []


@each_of(
    ("given", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "In", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Like"}]}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
    ],
)
def test_selectors_match_as_kubernetes_matches_them(given: object, matches: bool) -> None:
    assert Selector.of(given).matches({"a": "1"}) is matches

"""How workloads run, stop and are found."""

from __future__ import annotations

from typing import Any

import pytest
from checks.sound import (
    API,
    API_MAIN,
    MAIN,
    MONGODB,
    POD,
    Change,
    Finding,
    add,
    both,
    budget,
    container,
    deployment,
    document,
    drop,
    findings_after,
    problems_after,
    put,
    template,
)

from constructs_st2.checks.workloads import SINGLE

BUDGET = "PodDisruptionBudget/st2-st2api"
MONGODB_MAIN = "spec.template.spec.containers[mongod]"
WAIT = "spec.template.spec.initContainers[wait-for-mongodb]"


def budget_spec(**fields: Any) -> Change:
    return both(drop(BUDGET), add(budget("st2api", **fields)))


def pre_stop(*command: str, grace: int | None = None) -> Change:
    change = put(API, *MAIN, "lifecycle", "preStop", value={"exec": {"command": list(command)}})
    return both(change, put(API, *POD, "terminationGracePeriodSeconds", value=grace)) if grace else change


def autoscaled(least: int, greatest: int) -> Change:
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "st2-st2api"},
        "minReplicas": least,
        "maxReplicas": greatest,
    }
    return add(document("HorizontalPodAutoscaler", "st2-st2api", "st2api", spec=spec))


def single(service: str, **fields: Any) -> Change:
    workload = deployment(service, 1, template(service))
    workload["spec"].update(fields)
    return add(workload)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param(drop(BUDGET), ("disruption-budget", API, "spec.replicas"), id="several pods without a budget"),
        pytest.param(
            add({**budget("st2api"), "metadata": {**budget("st2api")["metadata"], "name": "again"}}),
            ("disruption-budget", API, "spec.selector"),
            id="two budgets",
        ),
        pytest.param(
            put(API, "spec", "replicas", value=1), ("disruption-budget", BUDGET, "spec.selector"), id="a single pod"
        ),
        pytest.param(
            budget_spec(minAvailable=2), ("disruption-budget", BUDGET, "spec.minAvailable"), id="no pod may go"
        ),
        pytest.param(
            budget_spec(minAvailable="51%"), ("disruption-budget", BUDGET, "spec.minAvailable"), id="no pod, in percent"
        ),
        pytest.param(
            budget_spec(maxUnavailable=0), ("disruption-budget", BUDGET, "spec.maxUnavailable"), id="none unavailable"
        ),
        pytest.param(
            both(put(API, "spec", "replicas", value=1), drop(BUDGET), autoscaled(2, 4)),
            ("disruption-budget", API, "spec.replicas"),
            id="several pods by an autoscaler",
        ),
        pytest.param(
            drop(API, *POD, "topologySpreadConstraints"),
            ("spread", API, "spec.template.spec.topologySpreadConstraints"),
            id="all replicas on one node",
        ),
        pytest.param(
            pre_stop("sleep", "30"),
            ("grace-period", API, "spec.template.spec.terminationGracePeriodSeconds"),
            id="sleeps through its grace",
        ),
        pytest.param(
            pre_stop("sh", "-c", "sleep 20; x; sleep 45", grace=60),
            ("grace-period", API, "spec.template.spec.terminationGracePeriodSeconds"),
            id="sleeps twice",
        ),
        pytest.param(
            pre_stop("sh", "/scripts/stop.sh", "60", grace=60),
            ("grace-period", API, "spec.template.spec.terminationGracePeriodSeconds"),
            id="the script that stops sleeps",
        ),
        pytest.param(
            put(API, *MAIN, "command", value=["bash", "/scripts/on-term.bash", "INT", "30", "/bin/st2api"]),
            ("grace-period", API, "spec.template.spec.terminationGracePeriodSeconds"),
            id="the first process waits",
        ),
        pytest.param(
            pre_stop("sleep", "25"),
            ("grace-period", API, "spec.template.spec.terminationGracePeriodSeconds"),
            id="a hook sleeps, and then the first process waits",
        ),
        pytest.param(
            put(API, *MAIN, "lifecycle", "preStop", value={"sleep": {"seconds": 30}}),
            ("grace-period", API, "spec.template.spec.terminationGracePeriodSeconds"),
            id="the kubelet sleeps",
        ),
        pytest.param(
            drop(API, *MAIN, "resources", "requests", "cpu"),
            ("resources", API, f"{API_MAIN}.resources.requests.cpu"),
            id="no CPU requested",
        ),
        pytest.param(
            drop(API, *POD, "initContainers", 0, "resources"),
            ("resources", API, f"{WAIT}.resources.requests.memory"),
            id="no memory requested for a wait",
        ),
        pytest.param(put(API, *MAIN, "image", value="st2api"), ("image", API, f"{API_MAIN}.image"), id="no tag"),
        pytest.param(
            put(API, *MAIN, "image", value="host:5000/st2api"), ("image", API, f"{API_MAIN}.image"), id="a port, no tag"
        ),
        pytest.param(
            put(MONGODB, *MAIN, "image", value="mongo:latest"), ("image", MONGODB, f"{MONGODB_MAIN}.image"), id="latest"
        ),
        pytest.param(
            drop(API, *MAIN, "readinessProbe"), ("readiness", API, f"{API_MAIN}.readinessProbe"), id="never ready"
        ),
        pytest.param(
            drop(API, *POD, "automountServiceAccountToken"),
            ("token", API, "spec.template.spec.automountServiceAccountToken"),
            id="a token for nothing",
        ),
        pytest.param(
            drop(API, *POD, "enableServiceLinks"),
            ("service-links", API, "spec.template.spec.enableServiceLinks"),
            id="variables of all Services",
        ),
    ],
)
def test_workloads_that_run_badly_are_found(change: Change, finding: Finding) -> None:
    assert finding in findings_after(change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(budget_spec(maxUnavailable="10%"), id="a budget in percent, which Kubernetes rounds up"),
        pytest.param(budget_spec(minAvailable=1), id="a budget by what stays"),
        pytest.param(both(put(API, "spec", "replicas", value=1), drop(BUDGET)), id="a single pod without a budget"),
        pytest.param(both(put(API, "spec", "replicas", value=0), drop(BUDGET)), id="nothing"),
        pytest.param(both(drop(API, "spec", "replicas"), autoscaled(2, 4)), id="an autoscaler"),
        pytest.param(
            both(
                drop(API, *POD, "topologySpreadConstraints"),
                put(API, *POD, "affinity", value={"podAntiAffinity": {"preferredDuring": []}}),
            ),
            id="kept apart by affinity",
        ),
        pytest.param(pre_stop("sh", "/scripts/stop.sh", "10", grace=60), id="stops in time"),
        pytest.param(put(API, *MAIN, "image", value="host:5000/st2api:3.9"), id="a port and a tag"),
        pytest.param(put(API, *MAIN, "image", value=f"st2api@sha256:{'0' * 64}"), id="a digest"),
        pytest.param(
            both(drop(API, *MAIN, "ports"), drop(API, *MAIN, "readinessProbe"), drop("Service/st2-st2api")),
            id="a worker, which nobody asks anything",
        ),
        pytest.param(
            put(API, *POD, "containers", -1, value=container("proxy", image="proxy", resources={})),
            id="a user's sidecar without requests, of no tag",
        ),
        pytest.param(
            put(API, *POD, "initContainers", -1, value=container("prepare", image="prepare", resources={})),
            id="a user's init container without requests, of no tag",
        ),
    ],
)
def test_workloads_that_run_well_are_accepted(change: Change) -> None:
    assert findings_after(change) == []


@pytest.mark.parametrize("service", SINGLE)
def test_services_that_must_not_run_twice(service: str) -> None:
    subject = f"Deployment/st2-{service}"
    assert findings_after(single(service)) == []
    assert findings_after(single(service, replicas=0)) == []
    assert ("single", subject, "spec.replicas") in findings_after(single(service, replicas=2))
    rolling = single(service, strategy={"type": "RollingUpdate"})
    assert findings_after(rolling) == [("single", subject, "spec.strategy.type")]


def test_the_reason_is_told() -> None:
    (problem,) = problems_after(single("st2timersengine", strategy={"type": "RollingUpdate"}))
    assert problem.message == (
        "must be Recreate, because a rolling update runs two pods for a while: a second one fires every timer twice"
    )


def test_a_users_own_workload_is_not_judged() -> None:
    own = deployment(
        "x", 3, {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "image": "x"}]}}
    )
    own["metadata"]["labels"] = {}
    own["metadata"]["namespace"] = "other"
    own["spec"]["selector"] = {"matchLabels": {"a": "b"}}
    assert findings_after(add(own)) == []

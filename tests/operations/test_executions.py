"""The pod that looks for executions that nobody works on, as objects."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from support import MakeCluster, Objects, Synth

from constructs_st2.construct.flows import flows
from constructs_st2.errors import InvalidValues
from constructs_st2.parts.flows import Place

MONITORING = {"monitoring": {"enabled": True}}
CLEANUP = {"executionWatch": {"cleanup": {"enabled": True}}}


def arguments(objects: Objects) -> list[str]:
    found: list[str] = objects.container("execution-watch")["args"]
    return found


@pytest.mark.parametrize(
    ("values", "there"),
    [
        ({}, False),
        (MONITORING, True),
        ({"executionWatch": {"enabled": True}}, True),
        ({**MONITORING, "executionWatch": {"enabled": False}}, False),
        (CLEANUP, True),
    ],
)
def test_it_is_there_with_monitoring_or_where_it_is_wanted(synth: Synth, values: dict[str, Any], there: bool) -> None:
    assert ("st2-execution-watch" in synth(values).pod_templates()) == there


def test_there_is_one_of_it_as_two_would_end_the_same_executions(synth: Synth) -> None:
    spec = synth(CLEANUP).named("Deployment", "st2-execution-watch")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_it_may_list_pods_and_nothing_else(synth: Synth) -> None:
    objects = synth(MONITORING)
    role = objects.named("Role", "st2-execution-watch")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    (binding,) = (each for each in objects.of_kind("RoleBinding") if each["roleRef"]["name"] == "st2-execution-watch")
    assert [subject["name"] for subject in binding["subjects"]] == ["st2-execution-watch"]
    pod = objects.pod("execution-watch")
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("st2-execution-watch", False)
    assert "/var/run/secrets/kubernetes.io/serviceaccount" in [
        mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]
    ]


def test_of_secrets_it_has_the_login_alone(synth: Synth) -> None:
    volumes = synth(MONITORING).pod("execution-watch")["volumes"]
    assert [each["secret"]["secretName"] for each in volumes if "secret" in each] == ["st2-st2-client-config"]


def test_it_ends_nothing_unless_told_so(synth: Synth) -> None:
    assert not [each for each in arguments(synth(MONITORING)) if each.startswith(("--end", "--most", "--dry"))]
    cleanup = {"enabled": True, "afterMinutes": 3, "most": 5, "dryRun": True}
    made = arguments(synth({"executionWatch": {"cleanup": cleanup}}))
    assert made[-3:] == ["--end-after=180", "--most=5", "--dry-run"]


def test_numbers_go_where_there_is_somebody_to_hear_them(synth: Synth) -> None:
    address = "--statsd=st2-statsd-exporter.stackstorm.svc.cluster.local:9125"
    assert address in arguments(synth(MONITORING))
    assert not any(each.startswith("--statsd") for each in arguments(synth(CLEANUP)))


@pytest.mark.parametrize(
    "values",
    [
        {"coordination": {"backend": "none"}},
        {"st2": {"config": {"coordination": {"service_registry": False}}}},
    ],
)
def test_without_a_registry_it_does_not_ask_for_it(cluster: MakeCluster, values: dict[str, Any]) -> None:
    from constructs_st2.parts.execution_watch import _arguments

    one_of_each = {"profile": "dev", **MONITORING}
    assert "--no-registry" in _arguments(cluster({**one_of_each, **values}))
    assert "--no-registry" not in _arguments(cluster(one_of_each))


def test_its_selector_finds_the_runners_of_all_pools(synth: Synth) -> None:
    objects = synth({**MONITORING, "st2actionrunner": {"pools": [{"name": "spot"}]}})
    made = dict(each.split("=", 1) for each in arguments(objects))
    wanted = dict(each.split("=") for each in made["--selector"].split(","))
    found = {
        name
        for name, template in objects.pod_templates().items()
        if wanted.items() <= template["metadata"]["labels"].items()
    }
    assert found == {"st2-st2actionrunner", "st2-st2actionrunner-spot"}
    assert all(f"{name}-5d9c-x2x".startswith(made["--runners"]) for name in found)
    assert {objects.container(name.removeprefix("st2-"))["name"] for name in found} == {made["--container"]}


def test_whom_it_talks_to(cluster: MakeCluster) -> None:
    made = [flow for flow in flows(cluster(MONITORING)) if flow.client == "execution-watch"]
    assert {flow.server for flow in made} == {"st2auth", "st2api", Place.KUBERNETES_API, "statsd-exporter"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({**CLEANUP, "profile": "dev", "coordination": {"backend": "none"}}, "needs the service registry"),
        ({"executionWatch": {"enabled": False, "cleanup": {"enabled": True}}}, "cannot be off with cleanup.enabled"),
    ],
)
def test_what_cannot_be_honoured_is_refused(cluster: MakeCluster, values: dict[str, Any], message: str) -> None:
    with pytest.raises((InvalidValues, ValidationError), match=message):
        cluster(values)

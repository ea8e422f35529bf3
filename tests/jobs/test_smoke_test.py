"""What the Job of the smoke test is told of the cluster."""

from __future__ import annotations

from typing import Any

import pytest
from default_cluster import SERVICES
from support import Synth

SMOKE: dict[str, Any] = {"jobs": {"smokeTest": {"enabled": True}}}


def told(synth: Synth, values: dict[str, Any]) -> dict[str, str]:
    (job,) = (job for job in synth({**SMOKE, **values}).of_kind("Job") if "smoke-test" in job["metadata"]["name"])
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


def test_of_a_default_cluster(synth: Synth) -> None:
    environment = told(synth, {})
    assert environment["SERVICES"] == " ".join(SERVICES)
    registered = {name: service.registered for name, service in SERVICES.items() if service.registered}
    assert environment["REGISTRY"] == " ".join(f"{name}={group}" for name, group in registered.items())
    assert (environment["NAMESPACE"], environment["RELEASE"]) == ("stackstorm", "st2")
    assert environment["ACTION_TRIGGERS"] == "true"


@pytest.mark.parametrize(
    ("values", "present", "absent"),
    [
        pytest.param(
            {"st2sensorcontainer": {"deployments": 2}},
            ["st2sensorcontainer-0=sensorcontainer", "st2sensorcontainer-1=sensorcontainer"],
            ["st2sensorcontainer=sensorcontainer"],
            id="partitions",
        ),
        pytest.param(
            {"st2": {"packs": {"sensors": [{"name": "rss", "ref": "rss.RssSensor"}]}}},
            ["st2sensorcontainer-rss=sensorcontainer"],
            ["st2sensorcontainer=sensorcontainer"],
            id="one sensor per pod",
        ),
        pytest.param(
            {"st2actionrunner": {"replicas": 0, "pools": [{"name": "gpu", "replicas": 1}]}},
            ["st2actionrunner-gpu=actionrunner"],
            ["st2actionrunner=actionrunner"],
            id="a pool alone",
        ),
        pytest.param({"st2timersengine": {"replicas": 0}}, [], ["st2timersengine=timer_engine"], id="no replicas"),
    ],
)
def test_what_is_alive_is_looked_up_for_each_component_that_runs(
    synth: Synth, values: dict[str, Any], present: list[str], absent: list[str]
) -> None:
    registry = told(synth, values)["REGISTRY"].split()
    assert set(present) <= set(registry)
    assert set(absent).isdisjoint(registry)


def test_a_service_runs_when_any_of_its_components_does(synth: Synth) -> None:
    services = told(synth, {"st2actionrunner": {"replicas": 0, "pools": [{"name": "gpu", "replicas": 1}]}})["SERVICES"]
    assert {"st2actionrunner", "st2actionrunner-gpu"} <= set(services.split())
    assert "st2notifier" not in told(synth, {"st2notifier": {"replicas": 0}})["SERVICES"].split()


@pytest.mark.parametrize(
    "values",
    [
        {"coordination": {"backend": "none"}, "st2actionrunner": {"replicas": 1}},
        {"st2": {"config": {"coordination": {"service_registry": False}}}},
    ],
)
def test_without_a_service_registry_nothing_is_looked_up(synth: Synth, values: dict[str, Any]) -> None:
    assert told(synth, {"profile": "dev", **values})["REGISTRY"] == ""


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"enable": False}, "false"),
        ({"emit_when": "failed, timeout"}, "false"),
        ({"emit_when": ["failed", "succeeded"]}, "true"),
    ],
)
def test_triggers_of_actions_are_expected_when_they_are_sent(synth: Synth, options: dict[str, Any], sent: str) -> None:
    assert told(synth, {"st2": {"config": {"action_sensor": options}}})["ACTION_TRIGGERS"] == sent


def test_the_chat_bot_can_be_reached_for_the_test_and_for_nothing_else(synth: Synth) -> None:
    chatops = {"st2chatops": {"enabled": True, "existingSecret": "mine"}}
    assert told(synth, chatops)["CHATOPS_URL"] == "http://st2-st2chatops:8081"
    (service,) = (
        each for each in synth({**SMOKE, **chatops}).of_kind("Service") if each["metadata"]["name"] == "st2-st2chatops"
    )
    assert service["spec"]["ports"] == [{"name": "http", "port": 8081, "targetPort": "http"}]
    assert "st2-st2chatops" not in [each["metadata"]["name"] for each in synth(chatops).of_kind("Service")]

"""Pools of runners and single sensors have all settings of their service."""

from __future__ import annotations

from typing import Any

import pytest
from support import MakeCluster, Synth

from constructs_st2.construct.clusters import cluster_of
from constructs_st2.errors import InvalidValues
from constructs_st2.values import from_mapping

SIDECAR = {"name": "proxy", "image": "example.com/proxy:1"}
OWN = {
    "sidecars": [SIDECAR],
    "initContainers": [{"name": "first", "image": "example.com/first:1"}],
    "readinessProbe": {"exec": {"command": ["true"]}},
    "terminationGracePeriodSeconds": 900,
    "postStartScript": "date",
    "securityContext": {"runAsUser": 4242},
    "schedulerName": "mine",
}


def placed(kind: str, own: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
    if kind == "pool":
        return (
            {"st2actionrunner": {"pools": [{"name": "gpu", **own}]}},
            "st2-st2actionrunner-gpu",
            "st2-st2actionrunner",
        )
    sensor = {"name": "rss", "ref": "rss.RssSensor", **own}
    return {"st2": {"packs": {"sensors": [sensor]}}}, "st2-st2sensorcontainer-rss", ""


@pytest.mark.parametrize("kind", ["pool", "sensor"])
def test_what_is_given_counts_for_it_alone(kind: str, synth: Synth) -> None:
    values, name, other = placed(kind, OWN)
    objects = synth(values)
    spec = objects.named("Deployment", name)["spec"]["template"]["spec"]
    main = spec["containers"][0]
    assert [each["name"] for each in spec["containers"]][-1] == "proxy"
    assert spec["initContainers"][-1]["name"] == "first"
    assert main["readinessProbe"] == OWN["readinessProbe"]
    assert (spec["terminationGracePeriodSeconds"], spec["schedulerName"]) == (900, "mine")
    assert main["securityContext"]["runAsUser"] == 4242
    assert "postStart" in main["lifecycle"]
    if other:
        spec = objects.named("Deployment", other)["spec"]["template"]["spec"]
        assert len(spec["containers"]) == 1
        assert "schedulerName" not in spec


@pytest.mark.parametrize("kind", ["pool", "sensor"])
def test_what_is_left_out_is_that_of_the_service(kind: str, synth: Synth) -> None:
    values, name, _ = placed(kind, {"schedulerName": "mine"})
    service = "st2actionrunner" if kind == "pool" else "st2sensorcontainer"
    values.setdefault(service, {}).update({"sidecars": [SIDECAR], "runtimeClassName": "kata"})
    spec = synth(values).named("Deployment", name)["spec"]["template"]["spec"]
    assert (spec["containers"][-1]["name"], spec["runtimeClassName"], spec["schedulerName"]) == (
        "proxy",
        "kata",
        "mine",
    )


def test_a_pool_must_let_work_finish_for_as_long_as_all_runners(cluster: MakeCluster) -> None:
    pool = {"name": "gpu", "terminationGracePeriodSeconds": 100}
    with pytest.raises(InvalidValues, match=r"pools\[0\].terminationGracePeriodSeconds: must be at least 330"):
        cluster_of(from_mapping({"st2actionrunner": {"pools": [pool]}}))
    cluster({"st2actionrunner": {"pools": [{**pool, "terminationGracePeriodSeconds": 330}]}})

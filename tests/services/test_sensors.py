"""The three ways to run sensors."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from support import MakeCluster, Objects, Synth

from constructs_st2.errors import InvalidValues
from constructs_st2.parts.services.sensors import HASH_SPACE, hash_ranges
from constructs_st2.values.model.services import Sensor, SensorContainer


def bounds(ranges: str) -> tuple[int, int]:
    start, end = ranges.split("..")
    return int(start), HASH_SPACE if end == "MAX" else int(end)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_half_open_ranges_cover_every_hash_exactly_once(count: int) -> None:
    pairs = [bounds(ranges) for ranges in hash_ranges(count)]
    assert pairs[0][0] == 0
    assert pairs[-1][1] == HASH_SPACE
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(pairs))


def test_by_default_one_pod_runs_all_sensors(default_objects: Objects) -> None:
    template = default_objects.pod_templates()["st2-st2sensorcontainer"]
    assert template["metadata"]["annotations"]["stackstorm/sensor-mode"] == "all-sensors-in-one-pod"
    assert not [arg for arg in default_objects.container("st2sensorcontainer")["args"] if "single-sensor" in arg]
    (conf,) = default_objects.named("ConfigMap", "st2-st2-sensor-partitions")["data"].values()
    assert "hash_ranges" not in conf


@pytest.mark.parametrize(
    "mode",
    [
        {},
        {"st2sensorcontainer": {"deployments": 3}},
        {"st2": {"packs": {"sensors": [{"name": "rss", "ref": "rss.RssSensor"}]}}},
    ],
)
def test_tokens_are_long_for_sensors_alone(synth: Synth, mode: dict[str, Any]) -> None:
    objects = synth(mode)
    files = objects.named("ConfigMap", "st2-st2-sensor-partitions")["data"]
    assert all("[auth]\nservice_token_ttl = 31536000\n" in text for text in files.values())
    readers = {
        name
        for name, template in objects.pod_templates().items()
        for volume in template["spec"]["volumes"]
        if volume.get("configMap", {}).get("name") == "st2-st2-sensor-partitions"
    }
    assert len(files) == len(readers)
    assert all(name.startswith("st2-st2sensorcontainer") for name in readers)
    assert "service_token_ttl" not in str(objects.named("ConfigMap", "st2-st2-config"))


def test_a_time_of_tokens_that_the_user_sets_is_that_of_sensors_too(synth: Synth) -> None:
    objects = synth({"st2": {"config": "[auth]\nservice_token_ttl = 7777\n"}})
    assert "st2-st2-sensor-partitions" not in str(objects)
    assert "service_token_ttl = 7777" in str(objects.named("ConfigMap", "st2-st2-config"))


def test_partitions_have_a_deployment_and_a_configuration_each(synth: Synth) -> None:
    objects = synth({"st2sensorcontainer": {"deployments": 3}})
    files = objects.named("ConfigMap", "st2-st2-sensor-partitions")["data"]
    for number, ranges in enumerate(hash_ranges(3)):
        component = f"st2sensorcontainer-{number}"
        assert f"hash_ranges:{ranges}" in files[f"{component}.conf"]
        assert f"sensor_node_name = {component}" in files[f"{component}.conf"]
        template = objects.pod_templates()[f"st2-{component}"]
        assert template["metadata"]["annotations"]["stackstorm/sensor-hash-ranges"] == ranges
        container = objects.container(component)
        mount = {
            "name": "st2-sensor-partition",
            "mountPath": "/etc/st2/st2.sensorcontainer.conf",
            "subPath": f"{component}.conf",
            "readOnly": True,
        }
        assert mount in container["volumeMounts"]
        # After the user's settings, so that it wins; before those from Secrets.
        assert container["args"][2:4] == [
            "--config-file=/etc/st2/st2.user.conf",
            "--config-file=/etc/st2/st2.sensorcontainer.conf",
        ]
        assert template["metadata"]["labels"]["app"] == "st2sensorcontainer"


def test_a_sensor_can_have_a_pod_of_its_own(synth: Synth) -> None:
    objects = synth(
        {
            "st2sensorcontainer": {"env": {"A": "1"}, "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}},
            "st2": {
                "packs": {
                    "sensors": [
                        {"name": "github", "ref": "github.GithubSensor", "image": {"tag": "3.9-r1"}},
                        {"name": "rss", "ref": "rss.RssSensor", "env": {"B": "2"}},
                    ]
                }
            },
        }
    )
    names = {name for name in objects.pod_templates() if "sensor" in name}
    assert names == {"st2-st2sensorcontainer-github", "st2-st2sensorcontainer-rss"}
    github, rss = objects.container("st2sensorcontainer-github"), objects.container("st2sensorcontainer-rss")
    assert github["args"][-2:] == ["--single-sensor-mode", "--sensor-ref=github.GithubSensor"]
    assert github["image"] == "stackstorm/st2sensorcontainer:3.9-r1"
    assert {"name": "A", "value": "1"} in github["env"]
    assert {"name": "B", "value": "2"} in rss["env"]
    assert rss["resources"]["requests"] == {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "128Mi"}


def test_a_sensor_can_have_all_that_a_service_can(synth: Synth) -> None:
    assert SensorContainer.model_fields.keys() - Sensor.model_fields.keys() == {"deployments"}
    own = {
        "replicas": 0,
        "sidecars": [{"name": "mine", "image": "mine:1"}],
        "priorityClassName": "low",
        "preStopSleep": 7,
        "postStartScript": "true",
    }
    sensors = [{"name": "github", "ref": "github.GithubSensor", **own}, {"name": "rss", "ref": "rss.RssSensor"}]
    objects = synth({"st2": {"packs": {"sensors": sensors}}})
    pod = objects.pod("st2sensorcontainer-github")
    assert [each["name"] for each in pod["containers"]] == ["st2sensorcontainer", "mine"]
    assert pod["priorityClassName"] == "low"
    assert pod["containers"][0]["lifecycle"]["preStop"] == {"exec": {"command": ["sleep", "7"]}}
    assert objects.named("ConfigMap", "st2-st2sensorcontainer-github-post-start-script")
    names = {name: f"st2-st2sensorcontainer-{name}" for name in ("github", "rss")}
    replicas = {name: objects.named("Deployment", named)["spec"]["replicas"] for name, named in names.items()}
    assert replicas == {"github": 0, "rss": 1}
    assert "mine" not in str(objects.pod("st2sensorcontainer-rss"))


def test_a_sensor_without_time_to_stop_is_refused(cluster: MakeCluster) -> None:
    sensor = {"name": "rss", "ref": "rss.RssSensor", "terminationGracePeriodSeconds": 5, "preStopSleep": 5}
    with pytest.raises(InvalidValues, match=r"st2\.packs\.sensors\[0\]\.terminationGracePeriodSeconds: is 5 s"):
        cluster({"st2": {"packs": {"sensors": [sensor]}}})


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ({"name": "a", "ref": "a.B"}, r'sensors\[1\]\.name: "a" is already the name of another sensor'),
        ({"name": "b", "ref": "a.A"}, r'sensors\[1\]\.ref: "a\.A" has a pod already'),
    ],
)
def test_no_sensor_has_two_pods_and_no_pod_two_sensors(cluster: MakeCluster, second: Any, problem: str) -> None:
    with pytest.raises(InvalidValues, match=problem):
        cluster({"st2": {"packs": {"sensors": [{"name": "a", "ref": "a.A"}, second]}}})


def test_selectors_of_partitions_do_not_overlap(synth: Synth) -> None:
    objects = synth({"st2sensorcontainer": {"deployments": 2}})
    selectors = [
        d["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]
        for d in objects.of_kind("Deployment")
        if "sensor" in d["metadata"]["name"]
    ]
    assert selectors == ["st2sensorcontainer-0", "st2sensorcontainer-1"]

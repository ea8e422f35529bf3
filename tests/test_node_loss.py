"""What becomes of the pods on a node that is lost, and of the connections to them."""

from __future__ import annotations

from typing import Any

import pytest
from default_cluster import BACKENDS, SINGLE
from support import Synth, each_of

from constructs_st2.facts.node_loss import KEEPALIVE_IDLE, SYSCTLS, TAINTS, tolerations

SHARED = ("st2api", "st2actionrunner", "st2web")


def stay(pod: dict[str, Any]) -> dict[str, int | None]:
    """How long a pod stays on a lost node, by the taint."""
    return {
        each["key"]: each.get("tolerationSeconds") for each in pod.get("tolerations", []) if each.get("key") in TAINTS
    }


def for_seconds(seconds: int) -> dict[str, int]:
    return dict.fromkeys(TAINTS, seconds)


class TestPods:
    def test_by_default(self, synth: Synth) -> None:
        objects = synth({})
        assert {name: stay(objects.pod(name)) for name in SINGLE} == dict.fromkeys(SINGLE, for_seconds(30))
        assert {name: stay(objects.pod(name)) for name in SHARED} == dict.fromkeys(SHARED, for_seconds(60))
        # Nothing replaces the pod of a StatefulSet while nobody knows whether it still runs.
        assert {name: stay(objects.pod(name)) for name in BACKENDS} == {name: {} for name in BACKENDS}

    def test_one_setting_for_all_services(self, synth: Synth) -> None:
        objects = synth({"failover": {"tolerationSeconds": 120}, "st2api": {"tolerationSeconds": 0}})
        assert stay(objects.pod("st2timersengine")) == for_seconds(120)
        assert stay(objects.pod("st2web")) == for_seconds(120)
        assert stay(objects.pod("st2api")) == for_seconds(0)
        assert stay(objects.pod("mongodb")) == {}

    def test_a_setting_for_each_workload(self, synth: Synth) -> None:
        sensor = {"name": "own", "ref": "p.Own", "tolerationSeconds": 5}
        objects = synth(
            {
                "st2actionrunner": {"tolerationSeconds": 90, "pools": [{"name": "spot", "tolerationSeconds": 10}]},
                "st2": {"packs": {"sensors": [sensor, {"name": "other", "ref": "p.Other"}]}},
                "rabbitmq": {"tolerationSeconds": 600},
            }
        )
        assert stay(objects.pod("st2actionrunner")) == for_seconds(90)
        assert stay(objects.pod("st2actionrunner-spot")) == for_seconds(10)
        assert stay(objects.pod("st2sensorcontainer-own")) == for_seconds(5)
        assert stay(objects.pod("st2sensorcontainer-other")) == for_seconds(30)
        assert stay(objects.pod("rabbitmq")) == for_seconds(600)

    @pytest.mark.parametrize(
        ("given", "own"),
        [
            ({"key": "spot", "operator": "Exists"}, list(TAINTS)),
            ({"key": TAINTS[0], "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 7}, [TAINTS[1]]),
            ({"key": TAINTS[1], "operator": "Exists"}, [TAINTS[0]]),
            ({"key": TAINTS[1], "operator": "Exists", "effect": "NoSchedule"}, list(TAINTS)),
            ({"operator": "Exists"}, []),
            ({"operator": "Exists", "effect": "NoExecute"}, []),
            ({"operator": "Exists", "effect": "NoSchedule"}, list(TAINTS)),
        ],
    )
    def test_the_users_tolerations_win(self, given: dict[str, Any], own: list[str]) -> None:
        first, *others = tolerations([given], 30)
        assert first == given
        assert [each["key"] for each in others] == own

    def test_singles_keep_apart_where_they_can(self, synth: Synth) -> None:
        objects = synth({})
        for name in SINGLE:
            (constraint,) = objects.pod(name)["topologySpreadConstraints"]
            assert constraint["topologyKey"] == "kubernetes.io/hostname"
            assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"
            selector = constraint["labelSelector"]
            (expression,) = selector["matchExpressions"]
            labels = [objects.pod_templates()[f"st2-{other}"]["metadata"]["labels"] for other in SINGLE]
            assert all(selector["matchLabels"].items() <= each.items() for each in labels)
            assert all(each[expression["key"]] in expression["values"] for each in labels)
        assert all("affinity" not in objects.pod(name) for name in (*SINGLE, *SHARED))

    def test_the_user_places_them_otherwise(self, synth: Synth) -> None:
        given: dict[str, Any] = {"affinity": {"nodeAffinity": {}}, "topologySpread": []}
        pod = synth({"st2timersengine": given}).pod("st2timersengine")
        assert pod["affinity"] == given["affinity"]
        assert "topologySpreadConstraints" not in pod


class TestConnections:
    @each_of("name", [*SINGLE, *SHARED, *BACKENDS])
    def test_every_pod_probes_its_connections(self, synth: Synth, name: str) -> None:
        context = synth({}).pod(name)["securityContext"]
        assert {each["name"]: each["value"] for each in context["sysctls"]} == SYSCTLS

    def test_none_has_a_sysctl_where_they_are_turned_off(self, synth: Synth) -> None:
        objects = synth({"failover": {"keepaliveSysctls": False}})
        assert all("sysctls" not in objects.pod(name)["securityContext"] for name in (*SINGLE, *SHARED, *BACKENDS))
        # What servers say themselves stays.
        redis = objects.named("ConfigMap", "st2-redis-config")["data"]
        assert f"tcp-keepalive {KEEPALIVE_IDLE}\n" in redis["redis.conf"]
        assert f"tcp-keepalive {KEEPALIVE_IDLE}\n" in redis["sentinel.conf"]

    def test_the_users_sysctls_take_their_place(self, synth: Synth) -> None:
        own = [{"name": "net.ipv4.tcp_keepalive_time", "value": "60"}]
        objects = synth(
            {
                "mongodb": {"podSecurityContext": {"sysctls": own}},
                "redis": {"podSecurityContext": {"sysctls": []}},
                "podSecurityContext": {"sysctls": own},
            }
        )
        assert objects.pod("mongodb")["securityContext"]["sysctls"] == own
        assert "sysctls" not in objects.pod("redis")["securityContext"]
        assert objects.pod("st2api")["securityContext"]["sysctls"] == own

    def test_the_namespace_stays_as_strict(self, synth: Synth) -> None:
        (namespace,) = (each for each in synth({}) if each["kind"] == "Namespace")
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"

"""Options that are right by themselves, and wrong together or in this cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from support import MakeCluster, each_of

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.findings import Finding
from constructs_st2.facts.st2_conf.conf_facts import ConfFacts
from constructs_st2.facts.st2_conf.contradictions import check_settings

KEY = "/etc/st2/keys/datastore_key.json"
SOUND = ConfFacts(encryption_key_path=KEY)
RBAC = ConfFacts(encryption_key_path=KEY, rbac_enabled=True)
RBAC_ON = {("rbac", "enable"): "True", ("rbac", "backend"): "default"}
REGISTRY = {("coordination", "service_registry"): "True"}


def found(options: Mapping[tuple[str, str], str], facts: ConfFacts = SOUND, *, is_error: bool = True) -> list[str]:
    findings = check_settings({**REGISTRY, **options}, facts, {})
    return [f"{each.key} {each.message}" for each in findings if each.is_error == is_error]


def test_sound_options_have_no_contradiction() -> None:
    assert check_settings(REGISTRY, SOUND, {}) == []
    assert check_settings({**REGISTRY, **RBAC_ON}, RBAC, {}) == []


def test_what_nobody_wrote_has_no_line() -> None:
    options = {**REGISTRY, ("auth", "use_ssl"): "True", ("auth", "mode"): "x"}
    findings = check_settings(options, SOUND, {("auth", "mode"): 7})
    assert {each.key: each.line for each in findings} == {"[auth] mode": 7, "[auth] use_ssl": None}
    assert all(isinstance(each, Finding) for each in findings)


@pytest.mark.parametrize(
    ("options", "facts", "message"),
    [
        pytest.param(
            {("rbac", "enable"): "True"},
            SOUND,
            "[rbac] enable is True, but st2.rbac.enabled is false; set st2.rbac.enabled instead",
            id="roles by st2.conf alone",
        ),
        pytest.param(
            {("rbac", "enable"): "False", ("rbac", "backend"): "default"},
            RBAC,
            "[rbac] enable is False, but st2.rbac.enabled is true; set st2.rbac.enabled instead",
            id="roles off by st2.conf alone",
        ),
        pytest.param(
            {("rbac", "enable"): "True"},
            RBAC,
            "[rbac] backend must be default with st2.rbac.enabled, not noop: st2api refuses to start",
            id="roles without a backend",
        ),
        pytest.param(
            {**RBAC_ON, ("auth", "enable"): "no"},
            RBAC,
            "[auth] enable must be True with st2.rbac.enabled: without users there are no roles",
            id="roles without users",
        ),
        pytest.param(
            {**RBAC_ON, ("rbac", "sync_remote_groups"): "True"},
            RBAC,
            "[rbac] sync_remote_groups must be False with the backend flat_file of [auth], which knows no groups",
            id="groups of a backend that has none",
        ),
        pytest.param(
            {("auth", "mode"): "open"},
            SOUND,
            "[auth] mode must be standalone or proxy, not open: st2auth refuses to start",
            id="mode of authentication",
        ),
        pytest.param(
            {("auth", "use_ssl"): "True"},
            SOUND,
            "[auth] use_ssl must be False: the other services reach st2auth by plain HTTP",
            id="TLS of st2auth",
        ),
        pytest.param(
            {("api", "auth_cookie_same_site"): "none", ("api", "auth_cookie_secure"): "False"},
            SOUND,
            "[api] auth_cookie_same_site must not be none unless auth_cookie_secure is True",
            id="cookie that browsers refuse",
        ),
        pytest.param(
            {("actionrunner", "exit_still_active_check"): "571"},
            ConfFacts(encryption_key_path=KEY, time_to_finish={"st2actionrunner": 600}),
            "[actionrunner] exit_still_active_check is 571 s, but the pod is killed 600 s after its signal, and st2 "
            "needs 30 s more; set st2actionrunner.terminationGracePeriodSeconds, from which this option follows",
            id="runner killed before it gives up",
        ),
        pytest.param(
            {
                ("workflow_engine", "exit_still_active_check"): "10",
                ("workflow_engine", "still_active_check_interval"): "11",
            },
            SOUND,
            "[workflow_engine] still_active_check_interval must not be longer than 10 s, the limit itself",
            id="looks at its work too seldom",
        ),
        pytest.param(
            {("coordination", "url"): "file:///tmp/x"},
            ConfFacts(encryption_key_path=KEY, replicas={"st2scheduler": 2, "st2notifier": 1}),
            "[coordination] url coordinates within one process only, but st2scheduler have several replicas",
            id="coordination within one process",
        ),
        pytest.param(
            {("garbagecollector", "traces_ttl"): "-1"},
            SOUND,
            "[garbagecollector] traces_ttl must be at least 1 (day), or 0 to keep all, not -1",
            id="negative retention",
        ),
        pytest.param(
            {("database", "authentication_mechanism"): "SCRAM-SHA-256"},
            SOUND,
            "[database] authentication_mechanism turns TLS on as a side effect; put authMechanism=… into the URI of "
            "[database] host, or set TLS yourself",
            id="TLS as a side effect",
        ),
        pytest.param(
            {("api", "host"): "127.0.0.1"},
            ConfFacts(encryption_key_path=KEY, ports={"api": 9101}),
            "[api] host must be 0.0.0.0, not 127.0.0.1: nobody could reach the pod",
            id="listens to itself",
        ),
        pytest.param(
            {("api", "port"): "80"},
            ConfFacts(encryption_key_path=KEY, ports={"api": 9101}),
            "[api] port must be 9101, the port of the Service, not 80",
            id="another port than the Service",
        ),
        pytest.param(
            {("system", "base_path"): "/srv/st2"},
            SOUND,
            "[system] base_path must be /opt/stackstorm, where pods have their files, not /srv/st2",
            id="base path",
        ),
        pytest.param(
            {("keyvalue", "encryption_key_path"): "/key"},
            SOUND,
            f"[keyvalue] encryption_key_path must be {KEY}, where pods have their files, not /key",
            id="path of the key",
        ),
        pytest.param(
            {("keyvalue", "enable_encryption"): "True"},
            ConfFacts(),
            "[keyvalue] enable_encryption must be False with st2.datastore_crypto_key: disable",
            id="encryption without a key",
        ),
        pytest.param(
            {("sensorcontainer", "sensor_node_name"): "x"},
            ConfFacts(encryption_key_path=KEY, sensor_partitions=2),
            "[sensorcontainer] sensor_node_name is set for each pod by st2sensorcontainer.deployments",
            id="name of all sensor pods",
        ),
        pytest.param(
            {("DEFAULT", "single_sensor_mode"): "True"},
            SOUND,
            "[DEFAULT] single_sensor_mode must be False; st2.packs.sensors gives each sensor a pod",
            id="one sensor per pod",
        ),
    ],
)
def test_contradictions_are_errors(options: dict[tuple[str, str], str], facts: ConfFacts, message: str) -> None:
    options = {("keyvalue", "enable_encryption"): "False", **options} if facts.encryption_key_path is None else options
    assert found(options, facts) == [message]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {("actionrunner", "graceful_shutdown"): "False"},
            "[actionrunner] graceful_shutdown is False: every rollout abandons running actions",
        ),
        (
            {("coordination", "service_registry"): "False"},
            "[coordination] service_registry is False: every rollout abandons running actions",
        ),
        (
            {("timersengine", "enable"): "False"},
            "[timersengine] enable is False: no timer fires; st2timersengine.replicas: 0 saves the pod",
        ),
        (
            {("metrics", "driver"): "statsd"},
            "[metrics] host is 127.0.0.1, the pod itself: metrics get nowhere without a sidecar",
        ),
    ],
)
def test_what_may_be_meant_so_is_warned_of(options: dict[tuple[str, str], str], message: str) -> None:
    assert found(options, is_error=False) == [message]
    assert found(options) == []


@each_of(
    ("options", "facts"),
    [
        ({("timersengine", "enable"): "False", ("timer", "enable"): "True"}, SOUND),
        ({("coordination", "url"): "redis://h"}, SOUND),
        ({("coordination", "service_registry"): "False"}, ConfFacts(encryption_key_path=KEY, coordination=False)),
        ({("coordination", "url"): "file:///x"}, ConfFacts(encryption_key_path=KEY, replicas={"st2scheduler": 1})),
        ({("garbagecollector", "traces_ttl"): "0"}, SOUND),
        ({("database", "authentication_mechanism"): "x", ("database", "ssl"): "True"}, SOUND),
        ({("metrics", "driver"): "statsd", ("metrics", "host"): "statsd.example"}, SOUND),
        ({**RBAC_ON, ("rbac", "sync_remote_groups"): "True", ("auth", "backend"): "ldap"}, RBAC),
        ({("system", "base_path"): "/opt/stackstorm/"}, SOUND),
        (
            {("actionrunner", "exit_still_active_check"): "570"},
            ConfFacts(encryption_key_path=KEY, time_to_finish={"st2actionrunner": 600}),
        ),
    ],
)
def test_what_fits_is_accepted(options: dict[tuple[str, str], str], facts: ConfFacts) -> None:
    assert check_settings({**REGISTRY, **options}, facts, {}) == []


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"st2": {"config": "[api]\nport = 80\n"}},
            "st2.config: [api] port: must be 9101, the port of the Service, not 80",
        ),
        (
            {"st2": {"config": {"actionrunner": {"exit_still_active_check": 100_000}}}},
            "st2.config: [actionrunner] exit_still_active_check: is 100000 s, but the pod is killed",
        ),
        (
            {
                "st2": {"config": {"sensorcontainer": {"sensor_node_name": "x"}}},
                "st2sensorcontainer": {"deployments": 2},
            },
            "st2.config: [sensorcontainer] sensor_node_name: is set for each pod by st2sensorcontainer.deployments",
        ),
        (
            {"st2": {"config": {"keyvalue": {"enable_encryption": True}}, "datastore_crypto_key": "disable"}},
            "st2.config: [keyvalue] enable_encryption: must be False with st2.datastore_crypto_key: disable",
        ),
        (
            {
                "st2": {"config": {"coordination": {"url": "file:///tmp/locks"}}},
                "coordination": {"backend": "external"},
            },
            "st2.config: [coordination] url: coordinates within one process only, but st2rulesengine, ",
        ),
    ],
)
def test_the_facts_are_those_of_the_cluster(values: dict[str, Any], problem: str, cluster: MakeCluster) -> None:
    with pytest.raises(InvalidValues) as caught:
        cluster(values)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("option", "switch"),
    [
        ("database] host", "mongodb.enabled or mongodb.external"),
        ("messaging] cluster_urls", "rabbitmq.enabled or rabbitmq.external"),
        ("coordination] url", "coordination.backend or coordination.external"),
    ],
)
def test_what_the_backends_decide_cannot_be_set_besides(option: str, switch: str, cluster: MakeCluster) -> None:
    with pytest.raises(InvalidValues, match=f"^st2.config: \\[{option}: has no effect: it follows from {switch}$"):
        cluster({"st2": {"config": f"[{option} = x\n".replace("] ", "]\n")}})


def test_the_line_in_the_users_text_is_told(cluster: MakeCluster) -> None:
    with pytest.raises(InvalidValues) as caught:
        cluster({"st2": {"config": "# mine\n[api]\nport = 80\n"}})
    (problem,) = caught.value.problems
    assert problem.line == 3

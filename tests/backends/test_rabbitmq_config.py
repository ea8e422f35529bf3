"""The configuration of RabbitMQ as text and data; tests/servers runs it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from support import MakeCluster, Synth

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.backends.rabbitmq import definitions
from constructs_st2.facts.secrets.composition import SecretPart, filled
from constructs_st2.facts.secrets.programs.encodings import rabbitmq_hash

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "4.0", "4.1", "4.2")
ALWAYS = "3.10"
# The first version with each option, from the files *.schema of the server and its plugins at the tags of releases.
FIRST_VERSION = {
    "auth_mechanisms.N": ALWAYS,
    "cluster_name": ALWAYS,
    "cluster_partition_handling": ALWAYS,
    "definitions.import_backend": ALWAYS,
    "definitions.local.path": ALWAYS,
    "definitions.skip_if_unchanged": ALWAYS,
    "disk_free_limit.absolute": ALWAYS,
    "listeners.tcp.default": ALWAYS,
    "log.console": ALWAYS,
    "management.tcp.port": ALWAYS,
    "prometheus.tcp.port": ALWAYS,
    "net_ticktime": ALWAYS,
    "queue_leader_locator": ALWAYS,
    "quorum_queue.continuous_membership_reconciliation.enabled": "3.13",
    "quorum_queue.continuous_membership_reconciliation.target_group_size": "3.13",
    "quorum_queue.property_equivalence.relaxed_checks_on_redeclaration": "3.12",
    "total_memory_available_override_value": ALWAYS,
    "vm_memory_high_watermark.relative": ALWAYS,
}
# Of test12, from https://www.rabbitmq.com/docs/passwords#computing-password-hash
DOCUMENTED_HASH = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@pytest.fixture
def files(synth: Synth) -> Callable[..., dict[str, str]]:
    """The configuration files of a cluster with some settings of RabbitMQ."""

    def make(**settings: Any) -> dict[str, str]:
        values = {"rabbitmq": {"metrics": {"enabled": True}, **settings}}
        data: dict[str, str] = synth(values).named("ConfigMap", "st2-rabbitmq-config")["data"]
        return data

    return make


@pytest.fixture
def conf(files: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    """The options of rabbitmq.conf of a cluster with some settings of RabbitMQ."""

    def make(**settings: Any) -> dict[str, str]:
        pairs = [line.partition(" = ") for line in files(**settings)["rabbitmq.conf"].splitlines()]
        options = {option: value for option, _, value in pairs}
        assert len(options) == len(pairs)
        return options

    return make


Conf = Callable[..., dict[str, str]]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("members", [1, 3])
def test_no_option_is_newer_than_the_server(conf: Conf, version: str, members: int) -> None:
    written = {re.sub(r"\.\d+$", ".N", option) for option in conf(version=version, replicaCount=members)}
    known = {option for option, first in FIRST_VERSION.items() if number(first) <= number(version)}
    assert written <= known
    assert known == written


def test_nodes_are_called_what_the_others_look_for(files: Callable[..., dict[str, str]], synth: Synth) -> None:
    environment = {each["name"]: each.get("value") for each in synth().container("rabbitmq")["env"]}
    pattern = environment["RABBITMQ_NODENAME"]
    names = [pattern.replace("$(POD_NAME)", f"st2-rabbitmq-{ordinal}") for ordinal in range(5)]
    # start.sh makes names of these.
    assert [f"rabbit@{host}" for host in files(replicaCount=5)["members"].splitlines()] == names
    assert environment["RABBITMQ_USE_LONGNAME"] == "true"


def test_one_node_looks_for_no_others(files: Callable[..., dict[str, str]], synth: Synth) -> None:
    assert "members" not in files(replicaCount=1)
    pod = synth({"rabbitmq": {"replicaCount": 1}}).named("StatefulSet", "st2-rabbitmq")["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["containers"]] == ["rabbitmq"]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_node_forms_a_cluster_by_the_rules_of_rabbitmq(conf: Conf, version: str) -> None:
    assert not [option for option in conf(version=version) if option.startswith("cluster_formation.")]


@pytest.mark.parametrize(("version", "named"), [("3.10", True), ("3.11", True), ("3.12", False), ("4.2", False)])
def test_no_version_writes_its_log_to_a_file(synth: Synth, version: str, named: bool) -> None:
    environment = {
        each["name"]: each.get("value")
        for each in synth({"rabbitmq": {"version": version}}).container("rabbitmq")["env"]
    }
    assert environment["RABBITMQ_LOGS"] == "-"
    assert environment.get("RABBITMQ_UPGRADE_LOG") == ("-" if named else None)


@pytest.mark.parametrize(
    ("limits", "memory"),
    [({"memory": "1Gi"}, str(2**30 * 8 // 10)), ({"memory": "500M"}, "400000000"), ({"cpu": "1"}, None)],
)
def test_memory_follows_from_the_limit(conf: Conf, limits: dict[str, str], memory: str | None) -> None:
    # A null takes the default of the profile away.
    options = conf(resources={"limits": {"memory": None, **limits}})
    assert options.get("total_memory_available_override_value") == memory


@pytest.mark.parametrize(
    ("persistence", "free"),
    [
        ({}, 10**9),
        ({"size": "100Gi"}, 10**9),
        # With a limit as large as the volume, no message would ever be taken.
        ({"size": "1Gi"}, 2**28),
        ({"size": "1Gi", "enabled": False}, 10**9),
    ],
)
def test_some_of_the_disk_stays_free(conf: Conf, persistence: dict[str, Any], free: int) -> None:
    assert conf(persistence=persistence)["disk_free_limit.absolute"] == str(free)


@pytest.mark.parametrize(
    "option",
    [
        "definitions.import_backend",
        "definitions.local.path",
        "listeners.tcp",
        "listeners.tcp.1",
        "listeners.tcp.default",
        "load_definitions",
        "log.console",
        "management.tcp.port",
        "prometheus.tcp.port",
    ],
)
def test_options_that_the_cluster_stands_on_are_refused(synth: Synth, option: str) -> None:
    with pytest.raises(InvalidValues) as error:
        synth({"rabbitmq": {"configuration": {option: "1", "heartbeat": 30}}})
    assert [problem.key for problem in error.value.problems] == [f"rabbitmq.configuration.{option}"]


def test_other_options_are_the_users(conf: Conf) -> None:
    options = conf(configuration={"log.console.level": "debug", "cluster_partition_handling": "autoheal"})
    assert options["log.console.level"] == "debug"
    assert options["cluster_partition_handling"] == "autoheal"


def test_plugins_are_a_term_of_erlang(files: Callable[..., dict[str, str]]) -> None:
    assert files()["enabled_plugins"] == "[rabbitmq_management,rabbitmq_prometheus].\n"
    assert files(metrics={})["enabled_plugins"] == "[rabbitmq_management].\n", "nobody asks for metrics"
    more = files(plugins=["rabbitmq_shovel", "rabbitmq_management"])["enabled_plugins"]
    assert more == "[rabbitmq_management,rabbitmq_prometheus,rabbitmq_shovel].\n"


def test_without_metrics_there_is_neither_the_plugin_nor_its_option(files: Callable[..., dict[str, str]]) -> None:
    without = files(metrics={"enabled": False})
    assert without["enabled_plugins"] == "[rabbitmq_management].\n"
    assert "prometheus" not in without["rabbitmq.conf"]


def defined(cluster: MakeCluster, password: str, settings: dict[str, Any]) -> Any:
    """The definitions of a cluster, read as RabbitMQ does."""
    part = SecretPart("st2-rabbitmq", "rabbitmq-password", "rabbitmq-hash")
    return json.loads(filled(definitions(cluster({"rabbitmq": settings}).values.rabbitmq, part), lambda *_: password))


def test_definitions_hold_all_that_clients_need(cluster: MakeCluster) -> None:
    found = defined(cluster, 'pass"word', {"vhost": "bus", "auth": {"username": "stackstorm"}})
    (user,) = found["users"]
    # A user without tags can do nothing in the management UI.
    assert {**user, "password_hash": ""} == {
        "name": "stackstorm",
        "password_hash": "",
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [],
    }
    assert hashes(user["password_hash"], 'pass"word')
    (vhost,) = found["vhosts"]
    assert vhost["name"] == "bus"
    # Here, not beside the name, is where it is read from when a node starts.
    assert vhost["metadata"]["default_queue_type"] == "quorum"
    (permission,) = found["permissions"]
    assert permission == {"user": "stackstorm", "vhost": "bus", "configure": ".*", "write": ".*", "read": ".*"}


@pytest.mark.parametrize(
    ("queue", "expires"),
    [
        ("st2.sensor.watch.sensor_container-46b0a1de3c", True),
        ("st2.trigger.watch.TimersEngine-5b1c0e9a77", True),
        ("st2.trigger_instances_dispatch.rules_engine", False),
        ("st2.actionrunner.work", False),
        ("st2xsensor.watch.a", False),
    ],
)
def test_only_watch_queues_expire(cluster: MakeCluster, queue: str, expires: bool) -> None:
    (policy,) = defined(cluster, "x", {})["policies"]
    assert (policy["vhost"], policy["apply-to"], list(policy["definition"])) == ("st2", "queues", ["expires"])
    assert bool(re.search(policy["pattern"], queue)) == expires


def hashes(found: str, password: str) -> bool:
    """Whether a hash is that of a password: its first four bytes are the salt."""
    salt, digest = (raw := base64.b64decode(found))[:4], raw[4:]
    return hashlib.sha256(salt + password.encode()).digest() == digest


def test_passwords_are_hashed_as_documented() -> None:
    assert hashes(DOCUMENTED_HASH, "test12")
    assert base64.b64decode(DOCUMENTED_HASH).startswith(bytes.fromhex("908DC60A"))
    assert hashes(rabbitmq_hash("test12"), "test12")
    assert not hashes(rabbitmq_hash("test12"), "test13")
    assert len(rabbitmq_hash("test12")) == len(DOCUMENTED_HASH)

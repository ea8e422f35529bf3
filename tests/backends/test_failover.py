"""How long failovers take, and that their clients wait for longer."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import MakeCluster

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.backends import failover, silence
from constructs_st2.facts.backends.failover import Race, races
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.versions import ST2_VERSIONS
from constructs_st2.parts.backends.etcd import library as etcd_library
from constructs_st2.parts.backends.redis import library as redis_library
from constructs_st2.values import from_mapping


def races_of(cluster: Cluster) -> list[Race]:
    return list(races(cluster.values, cluster.settings.options, cluster.version))


@pytest.mark.parametrize("backend", ["redis", "etcd"])
@pytest.mark.parametrize("profile", ["ha", "dev"])
@pytest.mark.parametrize("tag", ST2_VERSIONS)
def test_by_default_every_client_waits_for_longer(cluster: MakeCluster, tag: str, profile: str, backend: str) -> None:
    made = cluster({"image": {"tag": tag}, "profile": profile, "coordination": {"backend": backend}})
    found = races_of(made)
    assert {race.failover.backend for race in found} == {"MongoDB", "RabbitMQ", backend.replace("redis", "Redis")}
    assert [race.message for race in found if race.is_lost] == []


def test_the_database_may_be_away_for_half_a_minute(cluster: MakeCluster) -> None:
    assert cluster({}).settings.options["database", "connection_timeout"] == "30000"


@pytest.mark.parametrize(
    ("values", "key", "line", "message"),
    [
        pytest.param(
            {"st2": {"config": "[api]\nport = 9101\n[database]\nconnection_timeout = 5000\n"}},
            "st2.config",
            4,
            "[database] connection_timeout: every service gives up after 5 s ([database] connection_timeout), but the "
            "election of a primary can take MongoDB 15 s (electionTimeoutMillis 10 s, up to 15% more, 3.5 s to vote)",
            id="database",
        ),
        pytest.param(
            {"st2": {"config": {"database": {"connection_timeout": 15000}}}},
            "st2.config",
            None,
            "[database] connection_timeout: every service gives up after 15 s",
            id="not longer",
        ),
        pytest.param(
            {"st2": {"config": "[messaging]\nconnection_retry_wait = 3000\n"}},
            "st2.config",
            2,
            "[messaging] connection_retry_wait: a service that starts gives up after 30 s ([messaging] "
            "connection_retries 10 x connection_retry_wait 3 s), but the removal of a lost node can take RabbitMQ "
            "37.5 s (net_ticktime 30 s, up to 25% more)",
            id="message bus",
        ),
        pytest.param(
            {"rabbitmq": {"configuration": {"net_ticktime": 120}}},
            "rabbitmq.configuration.net_ticktime",
            None,
            "a service that starts gives up after 100 s",
            id="nodes of RabbitMQ",
        ),
        pytest.param(
            {"st2": {"config": "[coordination]\nlock_timeout = 15\n"}},
            "st2.config",
            2,
            "[coordination] lock_timeout: who holds a lock gives up after 7.5 s ([coordination] lock_timeout 15 s, "
            "less the 7.5 s between two renewals), but another master can take Redis 8 s",
            id="locks",
        ),
        pytest.param(
            {"redis": {"sentinel": {"downAfterMilliseconds": 42_000}}},
            "redis.sentinel.downAfterMilliseconds",
            None,
            "who holds a lock gives up after 45 s",
            id="sentinels",
        ),
        pytest.param(
            {"st2": {"config": "[workflow_engine]\nretry_stop_max_msec = 8000\n"}},
            "st2.config",
            2,
            "[workflow_engine] retry_stop_max_msec: the workflow engine gives up after 8 s",
            id="workflows",
        ),
        pytest.param(
            {"coordination": {"backend": "etcd"}, "etcd": {"configuration": {"election-timeout": 7500}}},
            "etcd.configuration.election-timeout",
            None,
            "every service gives up after 20 s (the driver of this package tries again), but another leader can take "
            "etcd 20 s (election-timeout 7.5 s, twice, and 5 s)",
            id="etcd",
        ),
    ],
)
def test_a_client_that_gives_up_first_is_an_error(
    cluster: MakeCluster, values: dict[str, Any], key: str, line: int | None, message: str
) -> None:
    with pytest.raises(InvalidValues) as error:
        cluster(values)
    (problem,) = error.value.problems
    assert (problem.key, problem.line) == (key, line)
    assert problem.message.startswith(message)


@pytest.mark.parametrize(
    "values",
    [
        {"st2": {"config": "[database]\nconnection_timeout = 15001\n"}},
        {
            "rabbitmq": {"configuration": {"net_ticktime": 120}},
            "st2": {"config": "[messaging]\nconnection_retries = 16\n"},
        },
        {"redis": {"sentinel": {"downAfterMilliseconds": 41_000}}},
        {"etcd": {"configuration": {"election-timeout": 60_000}}},
        {
            "rabbitmq": {"enabled": False, "external": {"urls": ["amqp://mq.example.org/st2"]}},
            "mongodb": {"enabled": False, "external": {"uri": "mongodb://db.example.org/st2"}},
        },
    ],
    ids=["just longer", "both longer", "sentinels", "etcd that does not run", "elsewhere"],
)
def test_any_that_waits_for_longer_is_none(cluster: MakeCluster, values: dict[str, Any]) -> None:
    assert cluster(values).settings.options


def test_all_is_told_at_once(cluster: MakeCluster) -> None:
    values = {
        "st2": {"config": "[database]\nconnection_timeout = 5000\n[auth]\nmode = open\n"},
        "rabbitmq": {"configuration": {"net_ticktime": 120}},
    }
    with pytest.raises(InvalidValues) as error:
        cluster(values)
    assert [(problem.key, problem.line) for problem in error.value.problems] == [
        ("st2.config", 4),
        ("st2.config", 2),
        ("rabbitmq.configuration.net_ticktime", None),
    ]


def assigned(library: ModuleType, driver: str) -> dict[str, Any]:
    """The literals that the driver in a library gives names to."""
    tree = ast.parse((Path(str(library.__file__)).parent / driver).read_text(encoding="utf-8"))
    names = ("patience", "_DEFAULTS")
    return {
        target.id: ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in names
    }


def noticed(server: str) -> float:
    """Seconds after which a service has noticed that a server is lost."""
    (pair,) = (pair for pair in silence.pairs(from_mapping({})) if (pair.client, pair.server) == ("services", server))
    return pair.of_client.seconds


def test_the_numbers_of_the_driver_for_etcd_are_its_own() -> None:
    found = assigned(etcd_library, "st2_etcd.py")
    assert found["patience"] == failover.ETCD_PATIENCE
    assert found["_DEFAULTS"]["membership_timeout"] == failover.MEMBERSHIP_TIMEOUT
    assert found["_DEFAULTS"]["timeout"] == noticed("etcd")


def test_the_numbers_of_the_driver_for_redis_are_its_own() -> None:
    found = assigned(redis_library, "st2_redis.py")
    assert found["patience"] == failover.REDIS_PATIENCE
    assert found["_DEFAULTS"]["membership_timeout"] == failover.MEMBERSHIP_TIMEOUT
    assert found["_DEFAULTS"]["socket_timeout"] == noticed("Redis, sentinels")


def test_nobody_waits_for_a_lost_node_for_longer_than_two_minutes() -> None:
    late = [
        (pair.client, pair.server, notice)
        for pair in silence.pairs(from_mapping({}))
        for notice in (pair.of_client, pair.of_server)
        if notice.seconds > silence.LIMIT and not pair.harmless
    ]
    assert late == []

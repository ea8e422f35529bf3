"""mongod.conf and the description of the replica set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from support import Synth

VERSIONS = ("4.4", "5.0", "6.0", "7.0", "8.0", "8.2")
KNOWN: Mapping[str, tuple[str, str]] = {
    "net.bindIpAll": ("3.6", ""),
    "net.port": ("2.6", ""),
    "replication.replSetName": ("2.6", ""),
    "security.authorization": ("2.6", ""),
    "security.keyFile": ("2.6", ""),
    "storage.dbPath": ("2.6", ""),
    "storage.wiredTiger.engineConfig.cacheSizeGB": ("3.0", ""),
    # Options that MongoDB has given up: a configuration with one of them keeps the server from starting.
    "storage.journal.enabled": ("2.6", "6.1"),
    "storage.engine": ("3.0", "7.0"),
    "storage.mmapv1.smallFiles": ("3.0", "4.2"),
}
"""Options of mongod.conf: the first version that knows each, and the first one that does not any more.

https://www.mongodb.com/docs/manual/reference/configuration-options/
"""


def options(conf: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in conf.items():
        if isinstance(value, Mapping):
            yield from options(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def conf(synth: Synth, settings: Mapping[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    text = synth({"mongodb": settings or {}, **values}).named("ConfigMap", "st2-mongodb-config")["data"]["mongod.conf"]
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_knows_every_option(synth: Synth, version: str) -> None:
    st2 = "3.8" if version == "4.4" else "3.9"
    for option in options(conf(synth, {"image": {"tag": version}}, image={"tag": st2})):
        since, until = KNOWN[option]
        assert number(since) <= number(version), option
        assert not until or number(version) < number(until), option


@pytest.mark.parametrize(
    ("resources", "gigabytes"),
    [
        ({"limits": {"memory": "2Gi"}}, 0.8),
        ({"limits": {"memory": "16Gi"}}, 6.4),
        ({"limits": {"memory": "500Mi"}}, 0.25),
        ({"limits": {"memory": None}, "requests": {"memory": "4Gi"}}, 1.6),
    ],
)
def test_the_cache_is_a_part_of_the_containers_memory(
    synth: Synth, resources: dict[str, Any], gigabytes: float
) -> None:
    engine = conf(synth, {"resources": resources})["storage"]["wiredTiger"]["engineConfig"]
    assert engine == {"cacheSizeGB": gigabytes}


def test_the_users_options_are_laid_over_ours(synth: Synth) -> None:
    given = {
        "storage": {"wiredTiger": {"engineConfig": {"cacheSizeGB": 3}}},
        "setParameter": {"ttlMonitorEnabled": False},
    }
    found = conf(synth, {"configuration": given})
    assert found["storage"] == {"dbPath": "/data/db", "wiredTiger": {"engineConfig": {"cacheSizeGB": 3}}}
    assert found["setParameter"] == {"ttlMonitorEnabled": False}
    assert found["security"]["authorization"] == "enabled"


def test_the_set_that_should_be(synth: Synth) -> None:
    settings = {"replicaCount": 5, "replicaSetName": "main", "auth": {"username": "storm", "database": "automation"}}
    data = synth({"mongodb": settings}).named("ConfigMap", "st2-mongodb-config")["data"]
    wanted = json.loads(data["replica-set.json"])
    assert wanted["set"] == conf(synth, settings)["replication"]["replSetName"] == "main"
    assert [member.split(".")[0] for member in wanted["members"]] == [f"st2-mongodb-{number}" for number in range(5)]
    assert {user["name"]: (user["database"], user["roles"]) for user in wanted["users"]} == {
        "storm": (
            "automation",
            [{"role": "readWrite", "db": "automation"}, {"role": "dbAdmin", "db": "automation"}],
        ),
        "backup": ("admin", [{"role": "backup", "db": "admin"}]),
        "metrics": ("admin", [{"role": "st2-metrics", "db": "admin"}]),
    }


def test_passwords_are_read_where_the_secret_is_mounted(synth: Synth) -> None:
    objects = synth()
    wanted = json.loads(objects.named("ConfigMap", "st2-mongodb-config")["data"]["replica-set.json"])
    pod = objects.pod("mongodb")
    (reconcile,) = (container for container in pod["containers"] if container["name"] == "reconcile")
    (folder,) = (mount["mountPath"] for mount in reconcile["volumeMounts"] if mount["name"] == "secret")
    (secret,) = (volume["secret"] for volume in pod["volumes"] if volume["name"] == "secret")
    files = {f"{folder}/{item['path']}" for item in secret["items"]}
    assert {user["passwordFile"] for user in [wanted["root"], *wanted["users"]]} <= files


def test_the_server_gets_no_password(synth: Synth) -> None:
    main = synth().container("mongodb")
    assert "secret" not in [mount["name"] for mount in main["volumeMounts"]]
    assert "env" not in main


def test_the_exporter_may_read_numbers_and_no_documents(synth: Synth) -> None:
    config = synth().named("ConfigMap", "st2-mongodb-config")["data"]
    (role,) = json.loads(config["replica-set.json"])["roles"]
    assert role["name"] == "st2-metrics"
    actions = {action for privilege in role["privileges"] for action in privilege["actions"]}
    assert actions.isdisjoint({"find", "insert", "update", "remove", "listCollections", "changeStream"})
    assert {"serverStatus", "replSetGetStatus", "connPoolStats", "collStats"} <= actions

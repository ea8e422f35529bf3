"""No crypto key is made where a database elsewhere has items that another one has encrypted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from servers.mongod import Mongod, User, World
from support import Environment, MakeCluster, Synth

from constructs_st2.facts.secrets.programs import database
from constructs_st2.parts.secrets.job import documents

from .job_runs import Applied
from .kubernetes_api import serving

USER, PASSWORD = "st2", "a-password-of-the-database"
CRYPTO_KEY = ("st2-st2-datastore-crypto-key", "datastore_crypto_key")
ENCRYPTED, PLAIN = {"_id": 1, "secret": True}, {"_id": 2, "secret": False}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def mongod(world: World) -> Iterator[Mongod]:
    """A database elsewhere, of whose user the password is known."""
    server = world.add()
    server._initiate({"replSetInitiate": {"_id": "rs", "members": [{"host": server.host}]}})
    assert server.set
    server.set.users["st2", USER] = User(PASSWORD, [{"role": "readWrite", "db": "st2"}])
    yield server
    server.stop()


def values_of(mongod: Mongod, **external: Any) -> dict[str, Any]:
    password = {"existingSecret": "database", "key": "password"}
    given = {"uri": f"mongodb://{mongod.host}/", "username": USER, "password": password, **external}
    return {"mongodb": {"enabled": False, "external": given}}


def applied(cluster: MakeCluster, values: dict[str, Any], password: str = PASSWORD) -> Iterator[Applied]:
    with serving() as server:
        made = Applied(server, documents(cluster(values)))
        made.api.put("database", {"password": password})
        yield made


@pytest.mark.parametrize("source", ["", "?authSource=st2"], ids=["of the database", "in the URI"])
def test_a_key_is_not_made_beside_encrypted_items(
    mongod: Mongod, cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    assert mongod.set
    mongod.set.documents["key_value_pair_d_b"] = [PLAIN, ENCRYPTED]
    monkeypatch.setattr(database, "SECONDS", 5)
    for new in applied(cluster, values_of(mongod, uri=f"mongodb://{mongod.host}/{source}")):
        assert new.run().problems == (
            "Secret st2-st2-datastore-crypto-key, key datastore_crypto_key: is missing, but the database st2 holds "
            "items that are encrypted by it: it is not made anew. Restore the Secret; or, if these items are not "
            "wanted, delete them",
        )
        assert new.missing() == {CRYPTO_KEY}, "all others are made"
        mongod.set.documents.clear()
        assert new.run().problems == ()
        asked = len(mongod.commands)
        mongod.set.documents["key_value_pair_d_b"] = [ENCRYPTED]
        assert new.run().problems == (), "the key is there"
        assert len(mongod.commands) == asked


def test_a_key_is_not_made_where_the_database_does_not_tell(
    mongod: Mongod, cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SECONDS", 0.2)
    for new in applied(cluster, values_of(mongod), password="another-one"):
        (problem,) = new.run().problems
        assert (
            "the database st2, in which items may be encrypted by it, does not tell: Authentication failed" in problem
        )
    mongod.stop()
    for new in applied(cluster, values_of(mongod)):
        (problem,) = new.run().problems
        assert "does not tell: " in problem
        assert "refused" in problem
        assert CRYPTO_KEY in new.missing()


def test_a_replica_set_of_the_cluster_is_not_asked(cluster: MakeCluster) -> None:
    (program,) = (each for each in documents(cluster()) if each["kind"] == "ConfigMap")
    assert not [each for each in json.loads(program["data"]["plan.json"])["secrets"] if "database" in each]


def test_the_pod_reaches_it_and_can_check_its_certificate(synth: Synth, mongod: Mongod) -> None:
    tls = {"enabled": True, "ca": {"configMap": "authorities", "key": "ca.pem"}}
    objects = synth(
        {
            **values_of(mongod, tls=tls, uri="mongodb://db.example.org:27018/"),
            "networkPolicy": {"enabled": True, "egress": {"enabled": True}},
        }
    )
    pod = objects.begins("Job", "st2-secrets-bootstrap")["spec"]["template"]["spec"]
    plan = json.loads(objects.named("ConfigMap", "st2-secrets-bootstrap")["data"]["plan.json"])
    (asked,) = (each["database"] for each in plan["secrets"] if "database" in each)
    folders = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert asked["ca"].rpartition("/")[0] in folders
    policy = objects.named("NetworkPolicy", "st2-secrets-bootstrap")["spec"]["egress"]
    assert 27018 in [port["port"] for rule in policy for port in rule.get("ports", ())]


@pytest.mark.parametrize("release", ["3.8", "3.9"])
def test_the_drivers_of_the_images_can_ask(mongod: Mongod, environment: Environment, release: str) -> None:
    assert mongod.set
    mongod.set.documents["key_value_pair_d_b"] = [ENCRYPTED]
    where = {"uri": f"mongodb://{mongod.host}/", "name": "st2", "username": USER, "tls": False, "ca": None}
    program = (
        "import runpy, sys, json\n"
        f"module = runpy.run_path({database.__file__!r})\n"
        f"print(module['has_encrypted_items'](json.loads({json.dumps(where)!r}), {PASSWORD!r}))\n"
    )
    python = environment(f"secrets-{release}")
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr

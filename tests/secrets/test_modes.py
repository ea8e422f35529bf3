"""Who makes the Secrets: what each mode writes into the manifests."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import yaml
from default_cluster import SECRETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support import MakeCluster, Objects, Synth, examples

from constructs_st2.checks.surroundings import surroundings
from constructs_st2.checks.warnings import warnings
from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.programs.generate import make
from constructs_st2.kube.documents import Document
from constructs_st2.parts.secrets.plan import planned
from constructs_st2.values import load

PLAIN = {"secrets": {"mode": "plain", "seed": "development"}}
WITHOUT_JOB: dict[str, Any] = {"secrets": {"bootstrap": {"enabled": False}}}
EXTERNAL = {"secrets": {"mode": "external-secrets"}}
NAMES = {f"st2-{component}" for component in SECRETS}


def named(objects: Objects, kind: str) -> dict[str, Document]:
    return {document["metadata"]["name"]: document for document in objects.of_kind(kind)}


class TestBootstrap:
    def test_the_plan_makes_every_secret_of_the_contract(self, default_objects: Objects) -> None:
        program = default_objects.named("ConfigMap", "st2-secrets-bootstrap")["data"]
        plan = json.loads(program["plan.json"])
        assert {secret["name"] for secret in plan["secrets"]} == NAMES
        for secret in plan["secrets"]:
            component = secret["name"].removeprefix("st2-")
            (spec,) = (each for each in contract.CONTRACT if each.component == component)
            assert list(secret["keys"]) == list(spec.keys)

    def test_its_rights_are_bound_to_names_where_that_is_possible(self, default_objects: Objects) -> None:
        rules = default_objects.named("Role", "st2-secrets-bootstrap")["rules"]
        assert not default_objects.of_kind("ClusterRole")
        by_verbs = {(rule["resources"][0], *rule["verbs"]): set(rule.get("resourceNames", [])) for rule in rules}
        job = default_objects.begins("Job", "st2-secrets-bootstrap-")["metadata"]["name"]
        assert by_verbs == {
            ("secrets", "get", "patch"): NAMES,
            ("secrets", "create"): set(),
            ("jobs", "get"): {job},
            ("persistentvolumeclaims", "get"): {
                *(f"data-st2-{backend}-{ordinal}" for backend in ("mongodb", "rabbitmq") for ordinal in range(3)),
                *("datadir-st2-mongodb-0", "datadir-st2-mongodb-ha-0", "st2-mongodb"),
            },
        }

    def test_another_plan_is_another_job_and_the_same_one_is_none(self, synth: Synth) -> None:
        def job(values: dict[str, Any]) -> str:
            name: str = synth(values).begins("Job", "st2-secrets-bootstrap-")["metadata"]["name"]
            return name

        assert job({}) == job({"st2api": {"replicas": 7}})
        assert job({}) != job({"mongodb": {"replicaCount": 5}})
        assert job({}) != job({"image": {"tag": "3.9.0"}})

    def test_a_key_of_the_users_secret_is_copied(self, synth: Synth) -> None:
        objects = synth({"st2": {"password": {"existingSecret": "mine", "key": "pw"}}})
        plan = json.loads(objects.named("ConfigMap", "st2-secrets-bootstrap")["data"]["plan.json"])
        recipe = plan["secrets"][0]["keys"]["ST2_AUTH_PASSWORD"]
        assert recipe == {"make": "copy", "of": {"object": "mine", "key": "pw"}}
        rules = objects.named("Role", "st2-secrets-bootstrap")["rules"]
        assert {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mine"], "verbs": ["get"]} in rules


def test_in_mode_existing_there_is_nothing(synth: Synth) -> None:
    objects = synth({"secrets": {"mode": "existing"}})
    assert not [document for document in objects if document["kind"] in ("Secret", "Role", "ExternalSecret")]


class TestPlain:
    def test_all_secrets_are_there_and_marked(self, synth: Synth) -> None:
        secrets = named(synth(PLAIN), "Secret")
        assert set(secrets) == NAMES
        for secret in secrets.values():
            assert secret["metadata"]["labels"]["constructs-st2.dev/secrets-mode"] == "plain"

    def test_they_follow_from_the_seed(self, synth: Synth) -> None:
        assert synth(PLAIN) == synth(PLAIN)
        other = named(synth({"secrets": {"mode": "plain", "seed": "another one"}}), "Secret")
        for name, secret in named(synth(PLAIN), "Secret").items():
            assert other[name]["stringData"] != secret["stringData"]

    def test_no_two_values_are_equal(self, synth: Synth) -> None:
        values = [
            value
            for secret in named(synth(PLAIN), "Secret").values()
            for key, value in secret["stringData"].items()
            if "password" in key.lower() or "cookie" in key or "key" in key
        ]
        assert len(values) == len(set(values))

    def test_what_is_given_is_used(self, synth: Synth) -> None:
        values = {**PLAIN, "st2": {"password": "geheim"}, "redis": {"auth": {"password": "abc"}}}
        secrets = named(synth(values), "Secret")
        assert secrets["st2-st2-auth"]["stringData"]["ST2_AUTH_PASSWORD"] == "geheim"
        assert "st2redis://:abc@" in secrets["st2-st2-secrets-conf"]["stringData"]["st2.secrets.conf"]

    @pytest.mark.parametrize(
        ("values", "problem"),
        [
            (
                {"st2": {"ssh_key": "-----BEGIN RSA PRIVATE KEY-----"}},
                "Secret st2-st2-ssh, key private_key: is not a private key in PEM or OpenSSH format",
            ),
            (
                {"redis": {"auth": {"password": "a/b"}}},
                'Secret st2-redis, key redis-password: is not letters, digits and "-._~"',
            ),
            (
                {"mongodb": {"auth": {"replicaSetKey": "short"}}},
                "Secret st2-mongodb, key mongodb-replica-set-key: is not 6 to 1024 characters of base64",
            ),
        ],
    )
    def test_what_cannot_be_used_is_told(self, synth: Synth, values: dict[str, Any], problem: str) -> None:
        with pytest.raises(UserError) as caught:
            synth({**PLAIN, **values})
        assert caught.value.problems == (problem,)

    def test_without_a_seed_it_is_refused(self, cluster: MakeCluster) -> None:
        with pytest.raises(InvalidValues, match=r"^secrets\.seed: is required with secrets\.mode plain"):
            cluster({"secrets": {"mode": "plain"}})


class TestExternalSecrets:
    """Templates are evaluated as Go and External Secrets Operator do, as far as they are used here."""

    AWKWARD = "p%$a ß"

    def evaluated(self, template: str, values: dict[str, str]) -> str:
        def expression(match: re.Match[str]) -> str:
            variable, *functions = (part.strip() for part in match[1].split("|"))
            value = values[variable.removeprefix(".")]
            for function in functions:
                match function.split():
                    case ["replace", old, new]:
                        value = value.replace(json.loads(old), json.loads(new))
                    case ["urlquery"]:
                        value = quote_plus(value)
                    case ["toJson"]:
                        value = json.dumps(value, ensure_ascii=False)
                    case _:
                        raise AssertionError(function)
            return value

        return re.sub(r"\{\{ (.+?) \}\}", expression, template)

    def rendered(self, objects: Objects, password: str) -> dict[str, dict[str, str]]:
        """The Secrets that the operator makes, with a store that holds the same text everywhere."""
        made = {}
        for name, external in named(objects, "ExternalSecret").items():
            values = {entry["secretKey"]: password for entry in external["spec"].get("data", [])}
            template = external["spec"]["target"]["template"]["data"]
            made[name] = {key: self.evaluated(text, values) for key, text in template.items()}
        return made

    def test_every_secret_comes_from_the_store(self, synth: Synth) -> None:
        externals = named(synth(EXTERNAL), "ExternalSecret")
        assert set(externals) == NAMES
        for name, external in externals.items():
            spec = external["spec"]
            assert external["apiVersion"] == "external-secrets.io/v1"
            assert spec["target"]["name"] == name
            assert spec["target"]["deletionPolicy"] == "Retain"
            assert spec["secretStoreRef"] == {"name": "stackstorm", "kind": "SecretStore"}
            assert "SkipDryRun" in external["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]

    @pytest.mark.parametrize("password", ["s3cret", AWKWARD])
    def test_texts_are_what_the_generator_would_make(self, cluster: MakeCluster, synth: Synth, password: str) -> None:
        # Redis in a URL takes no other characters.
        values = {**EXTERNAL, "coordination": {"backend": "etcd"}}
        made = self.rendered(synth(values), password)
        st2: Cluster = cluster(values)
        for secret in planned(st2):
            for key, recipe in secret.recipes.items():
                if recipe["make"] != "composed" or key == contract.DEFINITIONS:
                    continue

                def read(_: str, inner: str) -> str:
                    return "st2admin" if inner == contract.AUTH_USERNAME else password

                expected = make(recipe, read, "").replace("%20", "+")
                assert made[secret.name][key] == expected

    def test_definitions_are_read_by_rabbitmq_as_they_are(self, synth: Synth) -> None:
        definitions = json.loads(self.rendered(synth(EXTERNAL), 'quo"te')["st2-rabbitmq"][contract.DEFINITIONS])
        assert definitions["users"] == [{"name": "st2", "password": 'quo"te', "tags": []}]

    @pytest.mark.parametrize(
        ("external", "remote"),
        [
            ({}, {"key": "st2/redis", "property": "redis-password"}),
            ({"keyFormat": "prod/{release}-{secret}"}, {"key": "prod/st2-redis", "property": "redis-password"}),
            (
                {"keyFormat": "{secret}_{key}", "propertyFormat": "value"},
                {"key": "redis_redis-password", "property": "value"},
            ),
        ],
    )
    def test_the_layout_of_the_store_is_a_choice(
        self, synth: Synth, external: dict[str, Any], remote: dict[str, str]
    ) -> None:
        objects = synth({"secrets": {"mode": "external-secrets", "external": external}})
        entries = named(objects, "ExternalSecret")["st2-redis"]["spec"]["data"]
        assert remote in [entry["remoteRef"] for entry in entries]

    def test_a_secret_that_the_user_makes_is_left_alone(self, synth: Synth) -> None:
        objects = synth({**EXTERNAL, "mongodb": {"auth": {"existingSecret": "mine"}}})
        assert "mine" not in named(objects, "ExternalSecret")

    def test_tokens_of_the_chat_bot_are_taken_as_they_are(self, synth: Synth) -> None:
        external = named(synth({**EXTERNAL, "st2chatops": {"enabled": True}}), "ExternalSecret")["st2-st2chatops"]
        assert external["spec"]["dataFrom"] == [{"extract": {"key": "st2/st2chatops"}}]


PLACES = (
    "st2.password",
    "st2.ssh_key",
    "st2.datastore_crypto_key",
    "enterprise.license",
    "mongodb.auth.rootPassword",
    "mongodb.auth.password",
    "mongodb.auth.replicaSetKey",
    "rabbitmq.auth.password",
    "rabbitmq.auth.erlangCookie",
    "redis.auth.password",
    "secrets.seed",
    "st2chatops.env.HUBOT_SLACK_TOKEN",
    "st2api.env.MY_PASSWORD",
    "st2web.env.dbPass",
    "jobs.env.API_KEY",
    "redis.configuration.masterauth",
    "st2web.service.hostname",
    "st2.existingAuthSecret",
)
"""Keys that take a secret as it is."""

AROUND: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "st2.conf": lambda secret: {"st2": {"config": f"[database]\npassword = {secret}\n"}},
    "st2.conf, a section": lambda secret: {"st2": {"config": {"messaging": {"url": f"amqp://st2:{secret}@mq"}}}},
    "mongodb": lambda secret: {"mongodb": {"external": {"uri": f"mongodb://st2:{secret}@db/st2"}}},
    "rabbitmq": lambda secret: {"rabbitmq": {"external": {"urls": [f"amqps://st2:{secret}@mq/st2"]}}},
    "sidecar": lambda secret: {
        "st2api": {"sidecars": [{"name": "x", "image": "x:1", "env": [{"name": "DB_PASSWD", "value": secret}]}]}
    },
    "init container": lambda secret: {
        "mongodb": {"initContainers": [{"name": "x", "image": "x:1", "args": ["--token", secret]}]}
    },
    "pool": lambda secret: {"st2actionrunner": {"pools": [{"name": "x", "env": {"SIGNING_KEY": secret}}]}},
    "sensor": lambda secret: {
        "st2": {"packs": {"sensors": [{"name": "x", "ref": "a.B", "env": {"PGPASSWORD": secret}}]}}
    },
    "pack": lambda secret: {"st2": {"packs": {"configs": {"a.yaml": f"db: {{password: {secret}}}\n"}}}},
    "items": lambda secret: {"st2": {"keyvalue": [{"name": "github_token", "value": secret}]}},
    "files of items": lambda secret: {
        "st2": {"keyvalueFiles": {"a.yaml": f"- {{name: a, value: {{secretKey: {secret}}}}}\n"}}
    },
    "object": lambda secret: {
        "extraObjects": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "x"},
                "data": {"a.env": f"API_TOKEN={secret}"},
            }
        ]
    },
    "custom object": lambda secret: {
        "extraObjects": [
            {"apiVersion": "a.example/v1", "kind": "Db", "metadata": {"name": "x"}, "spec": {"adminPassword": secret}}
        ]
    },
    "patch": lambda secret: {
        "patches": [
            {
                "target": {"kind": "ConfigMap", "name": "st2-st2-urls"},
                "patch": [{"op": "add", "path": "/data/DB_PASSWORD", "value": secret}],
            }
        ]
    },
    "script": lambda secret: {"st2api": {"postStartScript": f"export TOKEN={secret}\n"}},
}
"""Values with a secret somewhere in them."""


def values_with(place: str, secret: str, mode: str) -> dict[str, Any]:
    values: dict[str, Any] = {"secrets": {"mode": mode}, "st2chatops": {"enabled": True}}
    if place in AROUND:
        return {**values, **AROUND[place](secret)}
    target = values
    *path, last = place.split(".")
    for name in path:
        target = target.setdefault(name, {})
    target[last] = secret
    return values


@given(
    place=st.sampled_from([*PLACES, *AROUND]),
    mode=st.sampled_from(["bootstrap", "existing", "external-secrets"]),
    # The beginning keeps it from being a part of the words of a message.
    secret=st.from_regex("Zq7[abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789]{9,37}", fullmatch=True),
)
@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_secret_of_the_values_gets_anywhere(
    tmp_path_factory: pytest.TempPathFactory, place: str, mode: str, secret: str
) -> None:
    path = tmp_path_factory.mktemp("values") / "values.yaml"
    path.write_text(yaml.safe_dump(values_with(place, secret, mode)))
    said = said_of(path)
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    assert secret not in said
    assert encoded[:-1] not in said


def said_of(path: Path) -> str:
    """The objects of a values file, or its problems."""
    try:
        loaded = load([path], [], release_name="st2", release_namespace="stackstorm")
        try:
            return json.dumps(build(cluster_of(loaded.values)).objects)
        except InvalidValues as error:
            return "\n".join(loaded.report(error.problems))
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("value", [123456789, True, ["s3cretive"]])
def test_a_secret_of_a_wrong_type_is_not_shown(value: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("values") / "values.yaml"
    path.write_text(yaml.safe_dump({"st2": {"password": value}}))
    with pytest.raises(UserError) as caught:
        load([path], [], release_name="st2", release_namespace="stackstorm")
    assert str(caught.value).endswith(":2: st2.password: must be {existingSecret: NAME, key: KEY}, or a text in quotes")


class TestWithoutTheJob:
    """`secrets.bootstrap.enabled: false`: what the Job has made is there, and nobody has its rights."""

    def test_nothing_but_the_job_and_its_rights_goes(self, synth: Synth) -> None:
        before, after = synth(), synth(WITHOUT_JOB)
        assert [each for each in before if each not in after] == [
            each for each in before if each["metadata"]["name"].startswith("st2-secrets-bootstrap")
        ]
        assert [each for each in after if each not in before] == []
        assert {each["kind"] for each in after} & {"Role", "RoleBinding"} == set()

    def test_no_network_policy_speaks_of_it(self, synth: Synth) -> None:
        objects = synth({**WITHOUT_JOB, "networkPolicy": {"enabled": True}})
        assert "secrets-bootstrap" not in str(list(objects))

    def test_its_secrets_are_no_surprise_and_others_are(self, cluster: MakeCluster) -> None:
        made = cluster({**WITHOUT_JOB, "st2api": {"envFromSecrets": ["mine"]}})
        found = warnings(build(made).objects, surroundings(made))
        assert [problem.message.split('"')[1] for problem in found] == ["mine"]


@pytest.mark.parametrize("key", ["keyFormat", "propertyFormat"])
def test_placeholders_that_stand_for_nothing_are_refused(cluster: MakeCluster, key: str) -> None:
    with pytest.raises(ValidationError, match=r"has \{relase\}, which stands for nothing"):
        cluster({"secrets": {"mode": "external-secrets", "external": {key: "{relase}/{secret}-{key}"}}})

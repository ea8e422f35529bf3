"""Secrets in clear text in the values: found wherever they are, told without the secret, and excused one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from constructs_st2.checks import check
from constructs_st2.checks.cleartext import NOT_SECRET_ANNOTATION
from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts.clear_text import secret_problems
from constructs_st2.kube.documents import identity
from constructs_st2.values import from_mapping, load

SECRET = "hunter2hunter2"
TOKEN = "ghp" + "_" + "abcdefgh0123456789ABCDEFGH"
CONTAINER = {"name": "x", "image": "x:1", "env": [{"name": "DB_PASS", "value": SECRET}]}


def said(values: dict[str, Any]) -> list[tuple[str, str]]:
    """The keys of all problems, and their messages."""
    with pytest.raises(InvalidValues) as caught:
        build(cluster_of(from_mapping(values)))
    return [(problem.key, problem.message) for problem in caught.value.problems]


def config_map(data: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"st2actionrunner": {"env": {"DB_PASS": SECRET}}}, "st2actionrunner.env.DB_PASS"),
        ({"st2actionrunner": {"env": {"PIN_TOKEN": 123456}}}, "st2actionrunner.env.PIN_TOKEN"),
        ({"jobs": {"env": {"DB_PASS": SECRET}}}, "jobs.env.DB_PASS"),
        (
            {"jobs": {"extra": [{"name": "x", "command": ["y"], "env": {"DB_PASS": SECRET}}]}},
            "jobs.extra[0].env.DB_PASS",
        ),
        (
            {"st2actionrunner": {"pools": [{"name": "x", "env": {"DB_PASS": SECRET}}]}},
            "st2actionrunner.pools[0].env.DB_PASS",
        ),
        (
            {"jobs": {"extra": [{"name": "x", "command": ["sh", "-c", f"curl -u me:{SECRET} http://x"]}]}},
            "jobs.extra[0].command[2]",
        ),
        ({"st2api": {"sidecars": [CONTAINER]}}, "st2api.sidecars[0].env[0].value"),
        ({"redis": {"initContainers": [CONTAINER]}}, "redis.initContainers[0].env[0].value"),
        (
            {"rabbitmq": {"configuration": {"management.oauth_client_secret": SECRET}}},
            'rabbitmq.configuration["management.oauth_client_secret"]',
        ),
        ({"st2": {"keyvalue": [{"name": "db_password", "value": SECRET}]}}, "st2.keyvalue[0].value"),
        ({"st2": {"keyvalue": [{"name": "a", "value": {"b": {"token": SECRET}}}]}}, "st2.keyvalue[0].value.b.token"),
        ({"st2": {"keyvalue": [{"name": TOKEN, "value": "a"}]}}, "st2.keyvalue[0].name"),
        ({"extraObjects": [config_map({TOKEN: "a"})]}, "extraObjects[0].data"),
        ({"extraObjects": [config_map({"DB_PASS": SECRET})]}, "extraObjects[0].data.DB_PASS"),
        ({"extraObjects": [config_map({"a.conf": f"password = {SECRET}"})]}, 'extraObjects[0].data["a.conf"]'),
        ({"st2web": {"annotations": {"a": f"https://a:{SECRET}@b"}}}, "st2web.annotations.a"),
        (
            {
                "patches": [
                    {
                        "target": {"kind": "ConfigMap", "name": "x"},
                        "patch": [{"op": "add", "path": "/data/DB_PASS", "value": SECRET}],
                    }
                ]
            },
            "patches[0].patch[0].value",
        ),
    ],
)
def test_secrets_are_found_and_can_be_excused(values: dict[str, Any], key: str) -> None:
    ((where, message),) = said(values)
    assert where == key
    assert message.endswith(f"if it is no secret, add it to security.notSecret: {key}")
    assert SECRET not in message
    excused = {**values, "security": {"notSecret": [key]}}
    if "patches" not in values:
        build(cluster_of(from_mapping(excused)))


@pytest.mark.parametrize(
    "values",
    [
        {
            "st2api": {
                "env": {"DB_PASS": {"valueFrom": {"secretKeyRef": {"name": "x", "key": "hunter2hunter2hunter2"}}}}
            }
        },
        {"st2api": {"env": {"TOKEN_TTL": "3600", "PASSWORD_FILE": "/run/x", "SECRET_NAME": "hunter2"}}},
        {"ingress": {"annotations": {"x.io/auth-secret": "default/basic-auth2"}}},
        {
            "extraObjects": [
                {
                    "apiVersion": "external-secrets.io/v1",
                    "kind": "ExternalSecret",
                    "metadata": {"name": "x"},
                    "spec": {
                        "secretStoreRef": {"name": "store"},
                        "data": [{"secretKey": "password2", "remoteRef": {"key": "a", "property": "password"}}],
                    },
                }
            ]
        },
    ],
)
def test_references_are_no_secrets(values: dict[str, Any]) -> None:
    build(cluster_of(from_mapping(values)))


def test_what_is_excused_is_marked_on_the_object() -> None:
    values = {"st2api": {"env": {"A_TOKEN": SECRET}}, "security": {"notSecret": ["st2api.env.A_TOKEN"]}}
    objects = build(cluster_of(from_mapping(values))).objects
    marked = {
        identity(d): d["metadata"]["annotations"].get(NOT_SECRET_ANNOTATION)
        for d in objects
        if "annotations" in d["metadata"]
    }
    assert {name: fields for name, fields in marked.items() if fields} == {
        "Deployment/st2-st2api": "spec.template.spec.containers[st2api].env[A_TOKEN]"
    }
    for document in objects:
        document["metadata"].get("annotations", {}).pop(NOT_SECRET_ANNOTATION, None)
    assert [problem.rule for problem in check(objects) if problem.rule == "cleartext"] == ["cleartext"]


def test_an_excuse_for_one_key_is_none_for_another() -> None:
    values = {"st2api": {"env": {"A_TOKEN": SECRET, "B_TOKEN": "other2other2"}}}
    ((key, _),) = said({**values, "security": {"notSecret": ["st2api.env.A_TOKEN"]}})
    assert key == "st2api.env.B_TOKEN"


def test_options_of_st2_can_be_excused() -> None:
    config = {"auth": {"backend_kwargs": '{"bind_password": "hunter2"}'}}
    with pytest.raises(InvalidValues):
        cluster_of(from_mapping({"st2": {"config": config}}))
    excused = {"security": {"notSecret": ["st2.config.auth.backend_kwargs"]}}
    build(cluster_of(from_mapping({"st2": {"config": config}, **excused})))


def test_a_secret_of_an_option_is_told_once() -> None:
    url = f"amqp://u:{SECRET}@h"
    assert len(said({"st2": {"config": {"messaging": {"url": url}}}})) == 1
    assert len(said({"st2": {"config": {"webui": {"webui_base_url": f"https://u:{SECRET}@h"}}}})) == 1


def test_an_excuse_that_matches_nothing_is_an_error() -> None:
    ((key, message),) = said({"security": {"notSecret": ["st2api.env.TOKEN"]}})
    assert key == "security.notSecret[0]"
    assert message == 'there is nothing at "st2api.env.TOKEN" that looks like a secret; remove it'


@pytest.mark.parametrize(
    "text", ["st2api.env.DB_PASSWORD=hunter2hunter2", "st2.existingAuthSecret=hunter2 hunter2hunter2"]
)
def test_assignments_are_told_without_their_secret(text: str) -> None:
    try:
        loaded = load([], [text], release_name="st2", release_namespace="stackstorm")
        found = "\n".join(loaded.report(secret_problems(loaded.values)))
    except UserError as error:
        found = str(error)
    assert "hunter2" not in found
    assert text.partition("=")[0] in found


def test_a_secret_at_a_wrong_key_is_not_told(tmp_path: Path) -> None:
    token = "ghp" + "_abcdefghijklmnopqrstuvwxyz0123456789"
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump({"st2": {"existingAuthSecret": token}}))
    with pytest.raises(UserError) as caught:
        load([path], [], release_name="st2", release_namespace="stackstorm")
    assert str(caught.value).endswith("not a text that looks like a secret")


@pytest.mark.parametrize(
    ("text", "inner"),
    [("token: !!binary aHVudGVyMmh1bnRlcjI=\n", "token"), (f"passwords: [a, {SECRET}]\n", "passwords[1]")],
)
def test_secrets_of_files_are_found_in_every_form(text: str, inner: str) -> None:
    told = said({"st2": {"packs": {"configs": {"x.yaml": text}}}})
    assert any(message.startswith(f"{inner}: holds a value of") for _, message in told)

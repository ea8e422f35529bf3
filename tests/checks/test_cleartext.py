"""Secrets that stand where everybody can read them."""

from __future__ import annotations

import base64

import pytest
from checks.sound import (
    API,
    API_MAIN,
    CONFIG,
    MAIN,
    TEMPLATE,
    Change,
    add,
    document,
    findings_after,
    problems_after,
    put,
)
from support import each_of

from constructs_st2.checks import check
from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.kube.documents import Document
from constructs_st2.kube.shipped import is_shipped
from constructs_st2.values import from_mapping

# In parts, so that no scanner takes this file for one that has secrets in it.
SLACK = "xoxb" + "-123456789012-abcdefghijkl"
GITHUB = "ghp" + "_abcdefghijklmnopqrstuvwxyz0123456789"
AWS = "AKIA" + "ABCDEFGHIJKLMNOP"
AGE = "AGE-SECRET-" + "KEY-1ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEpAIBAAKCAQEA\n"


def file(text: str, name: str = "x.conf") -> Change:
    return put(CONFIG, "data", name, value=text)


def variable(name: str, value: str) -> Change:
    return put(API, *MAIN, "env", -1, value={"name": name, "value": value})


def arguments(*given: str) -> Change:
    return put(API, *MAIN, "args", value=list(given))


@each_of(
    "text",
    [
        "url = mongodb://st2:hunter2@example.com/st2",
        "url = redis://:hunter2@example.com",
        f"x {SLACK}",
        f"x {GITHUB}",
        f"x {AWS}",
        f"x {AGE}",
        PRIVATE_KEY,
        "password = hunter2",
        "  db_password: hunter2",
        "- token: hunter2",
        "export API_KEY=hunter2",
        '{"a": 1, "bind_password": "hunter2"}',
        'backend_kwargs = {"bind_password": "hunter2"}',
        "requirepass hunter2",
        "sentinel auth-pass mymaster hunter2",
        "PASSWORD='hunter2',",
    ],
)
def test_secrets_in_files_are_found(text: str) -> None:
    assert ("cleartext", CONFIG, "data[x.conf]") in {
        (rule, subject, field.partition(" line")[0]) for rule, subject, field in findings_after(file(text))
    }


@each_of(
    "text",
    [
        "url = mongodb://example.com/st2",
        "url = mongodb://st2:${PASSWORD}@example.com",
        "url = mongodb://st2:<password>@example.com",
        "url = mongodb://st2:%s@example.com",
        "password =",
        "password = ****",
        "password = $(PASSWORD)",
        "password = {{ password }}",
        "password_file = /etc/st2/password",
        "password = /etc/st2/password",
        "mask_secrets = True",
        "token_ttl = 86400",
        "enable_token = no",
        "password: !vault x",
        "requirepass ${PASSWORD}",
        "ssl_private_key: |",
        "-----BEGIN PUBLIC KEY-----\nMIIEpAIBAAKCAQEA\n",
        "a text about passwords, tokens and keys",
    ],
)
def test_texts_without_secrets_are_accepted(text: str) -> None:
    assert findings_after(file(text)) == []


def test_variables_of_programs_are_no_settings() -> None:
    assert findings_after(file("token = request.token\n", "hook.py")) == []
    assert findings_after(file(f'token = "{SLACK}"\n', "hook.py")) != []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param(variable("DB_PASSWORD", "hunter2"), f"{API_MAIN}.env[DB_PASSWORD]", id="variable, by its name"),
        pytest.param(variable("URL", "amqp://a:hunter2@h"), f"{API_MAIN}.env[URL]", id="variable, by its value"),
        pytest.param(file("hunter2", "API_TOKEN"), "data[API_TOKEN]", id="file, by its name"),
        pytest.param(file("a", SLACK), "data", id="name of a file"),
        pytest.param(arguments("--password", "hunter2"), f"{API_MAIN}.args[1]", id="argument after an option"),
        pytest.param(arguments("--password=hunter2"), f"{API_MAIN}.args[0]", id="argument"),
        pytest.param(
            put(API, *MAIN, "command", value=["sh", "-c", "TOKEN=hunter2"]), f"{API_MAIN}.command[2]", id="command"
        ),
        pytest.param(
            put(API, "metadata", "annotations", value={"a": SLACK}), "metadata.annotations[a]", id="annotation"
        ),
        pytest.param(
            put(API, *TEMPLATE, "metadata", "annotations", value={"a": SLACK}),
            "spec.template.metadata.annotations[a]",
            id="annotation of pods",
        ),
    ],
)
def test_secrets_elsewhere_are_found(change: Change, field: str) -> None:
    assert ("cleartext", field) in {(rule, where) for rule, _, where in findings_after(change)}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(variable("DB_PASSWORD", "$(FROM_SECRET)"), id="reference"),
        pytest.param(variable("USE_TOKEN", "true"), id="truth value"),
        pytest.param(variable("DB_PASSWORD", ""), id="nothing"),
        pytest.param(arguments("--password", "$(PASSWORD)"), id="argument from a variable"),
        pytest.param(arguments("--token-file", "/run/token"), id="path"),
        pytest.param(arguments("--with-token", "--verbose"), id="another option"),
    ],
)
def test_references_to_secrets_are_accepted(change: Change) -> None:
    assert findings_after(change) == []


def test_the_line_is_told_and_the_secret_is_not() -> None:
    (problem,) = problems_after(file("[a]\nb = 1\npassword = hunter2\n"))
    assert str(problem) == (
        f"{CONFIG}: data[x.conf] line 3: contains a value of password; keep it in a Secret; "
        "if it is no secret, name the field in the annotation constructs-st2.dev/not-secret [cleartext]"
    )


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_secrets_with_values_are_found_unless_they_were_asked_for(field: str) -> None:
    secret = {**document("Secret", "st2-x", "st2"), field: {"a": "aHVudGVyMg=="}}
    assert findings_after(add(secret)) == [("cleartext", "Secret/st2-x", field)]
    secret["metadata"]["labels"]["constructs-st2.dev/secrets-mode"] = "plain"
    assert findings_after(add(secret)) == []


def shipped_files() -> list[tuple[Document, str, str]]:
    """The ConfigMaps that hold files of the package, with the keys and the texts of those."""
    config_maps = (each for each in build(cluster_of(from_mapping({}))).objects if each["kind"] == "ConfigMap")
    return [(each, key, text) for each in config_maps for key, text in each.get("data", {}).items() if is_shipped(text)]


def test_files_of_the_package_are_not_searched_and_hold_no_secrets() -> None:
    files = shipped_files()
    assert {"bootstrap.py", "reconcile.js", "start.sh", "locations.conf"} <= {key for _, key, _ in files}
    changed = [{**each, "data": {key: f"{text}\n"}} for each, key, text in files]
    assert not any(is_shipped(text) for each in changed for text in each["data"].values())
    assert [problem for problem in check(changed) if problem.rule == "cleartext"] == []


def test_files_of_the_package_that_were_changed_are_searched() -> None:
    config_map, key, text = shipped_files()[0]
    changed = {**config_map, "data": {key: f"{text}# {GITHUB}\n"}}
    assert [(each.rule, each.field) for each in check([changed])] == [
        ("cleartext", f"data[{key}] line {text.count(chr(10)) + 1}")
    ]


def test_libraries_of_the_package_are_not_searched_unless_they_were_changed() -> None:
    config_maps = [each for each in build(cluster_of(from_mapping({}))).objects if "binaryData" in each]
    files = [text for each in config_maps for text in each["binaryData"].values()]
    assert files
    assert all(map(is_shipped, files))
    for each in config_maps:
        each["binaryData"] = {key: base64.b64encode(GITHUB.encode()).decode() for key in each["binaryData"]}
    assert {each.field for each in check(config_maps) if each.rule == "cleartext"} == {
        f"binaryData[{key}]" for each in config_maps for key in each["binaryData"]
    }

"""Configurations of packs and overrides: what st2 would refuse or ignore, and secrets in clear text."""

from __future__ import annotations

import json

import pytest
from checks.sound import CONFIG, findings_after, put
from support import each_of

from constructs_st2.facts.clear_text import secret_problems
from constructs_st2.facts.content.configs import config_problems, override_problems
from constructs_st2.values import from_mapping

# In parts, so that no scanner takes this file for one that has secrets in it.
SLACK = "xoxb" + "-123456789012-abcdefghijkl"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEpAIBAAKCAQEA\n"

SECRETS = [
    ("password: hunter2\n", "password", 1),
    ("a: 1\ndb:\n  users:\n    - name: x\n      DB_Password: 'hunter2'\n", "db.users[0].DB_Password", 5),
    ("{host: x, token: hunter2}\n", "token", 1),
    ('{"a": 1, "bind_password": "hunter2"}\n', "bind_password", 1),
    ("api-key: 12345\n", "api-key", 1),
    ("apikey: x\n", "apikey", 1),
    ("aws_secret_access_key: x\n", "aws_secret_access_key", 1),
    ("private_key: |\n  hunter2\n", "private_key", 1),
    ("private_key: ~/.ssh/id_rsa\n", "private_key", 1),
    ("smtp_pass: x\n", "smtp_pass", 1),
    ("a: http://me:hunter2@example.com/\n", "a", 1),
    ("a:\n  - x\n  - amqp://:hunter2@example.com\n", "a[1]", 3),
    (f"a: {SLACK}\n", "a", 1),
    (f"a: {json.dumps(PRIVATE_KEY)}\n", "a", 1),
    ("a: |\n  [x]\n  password = hunter2\n", "a", 1),
    ('a: \'{"token": "hunter2"}\'\n', "a", 1),
    ("a: |\n  requirepass hunter2\n", "a", 1),
    ("a: 1\n# http://me:hunter2@example.com/\n", "the comment", 2),
    ("a: 1 # http://me:hunter2@example.com/\n", "the comment", 1),
]
NO_SECRETS = [
    "password: ''\n",
    "password: null\n",
    'password: "{{st2kv.system.password | decrypt_kv}}"\n',
    "token: '{{ st2kv.user.token }}'\n",
    "password: <your password>\n",
    "password: '********'\n",
    "private_key: /home/stanley/.ssh/id_rsa\n",
    "token_url: https://example.com/token\n",
    "key_name: hunter2\n",
    "secret_name: hunter2\n",
    "passwords: 3\n",
    "verify_token: true\n",
    "bypass: hunter2\n",
    "secret:\n  name: x\n",
    "# password: hunter2\n",
    "url: http://example.com:80/@x\n",
]


def configs(name: str, text: str) -> list[str]:
    return [f"{each.key}:{each.line}: {each.message}" for each in config_problems({name: text})]


def secrets(name: str, text: str) -> list[str]:
    values = from_mapping({"st2": {"packs": {"configs": {name: text}}}})
    return [f"{each.key}:{each.line}: {each.message}" for each in secret_problems(values)]


def overrides(name: str, text: str) -> list[str]:
    return [f"{each.line}: {each.message}" for each in override_problems({name: text})]


def is_found_in_the_manifests(text: str) -> bool:
    findings = findings_after(put(CONFIG, "data", "core.yaml", value=text))
    return any(rule == "cleartext" for rule, _, _ in findings)


@each_of("text", ["", "---\n# nothing\n", "a: 1\nb: [x, {c: '{{st2kv.system.c}}'}]\n", *NO_SECRETS])
def test_what_st2_takes_and_holds_no_secret_is_fine(text: str) -> None:
    assert configs("core.yaml", text) == secrets("core.yaml", text) == []


@each_of(("text", "place", "line"), SECRETS)
def test_a_secret_in_clear_text_is_told_with_where_to_put_it(text: str, place: str, line: int) -> None:
    (message,) = secrets("core.yaml", text)
    start, _, advice = message.partition(" in clear text; ")
    assert start.startswith(f'st2.packs.configs["core.yaml"]:{line}: {place}')
    assert advice.startswith(
        "put it into the datastore and refer to it ({{st2kv.system.NAME}}), "
        "or give the whole file in the Secret of st2.packs.existingConfigsSecret; "
        'if it is no secret, add it to security.notSecret: st2.packs.configs["core.yaml"]'
    )
    assert "hunter2" not in message


@each_of("text", NO_SECRETS)
def test_what_is_fine_here_is_fine_in_the_manifests_too(text: str) -> None:
    assert not is_found_in_the_manifests(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "1: must be a mapping of settings to values"),
        ("text\n", "1: must be a mapping of settings to values"),
        ("a: 1\na: 2\n", "2: a: duplicate key; it is already in line 1"),
        ("a: {{st2kv.system.a}}\n", '1: a value that begins with "{{" must be in quotes: "{{ … }}"'),
    ],
)
def test_a_configuration_is_a_mapping(text: str, message: str) -> None:
    assert configs("core.yaml", text) == [f'st2.packs.configs["core.yaml"]:{message}']


@pytest.mark.parametrize(
    ("name", "right"),
    [("core.yml", "core"), ("core", "core"), ("My-Pack.yaml", "my_pack"), ("core.yaml.txt", "core_yaml")],
)
def test_a_file_is_named_after_its_pack(name: str, right: str) -> None:
    wanted = f"must be <pack>.yaml, and a pack's name has small letters, digits and _; name it {right}.yaml"
    for found in (config_problems({name: "a: 1"}), override_problems({name: "rules: {}"})):
        assert [problem.message for problem in found] == [wanted]
    assert list(config_problems({name: ""})) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_global.yaml", "---\nrules:\n  defaults:\n    enabled: true\n"),
        ("core.yaml", "actions: {defaults: {enabled: false}, exceptions: {local: {enabled: true}}}\n"),
        ("core.yaml", "sensors: {exceptions: {My.Sensor: {enabled: no}}}\naliases: {}\n"),
        ("core.yaml", ""),
    ],
)
def test_overrides_that_st2_takes_are_fine(name: str, text: str) -> None:
    assert overrides(name, text) == []


@each_of(
    ("name", "text", "message"),
    [
        (
            "core.yaml",
            "---\nrules:\n  rule.name:\n    enabled: false\n",
            '3: rules["rule.name"]: would be ignored by st2; write rules: {exceptions: {rule.name: {enabled: …}}}',
        ),
        (
            "_global.yaml",
            "rules:\n  notify: {enabled: false}\n",
            "2: rules.notify: would be ignored by st2: _global.yaml has defaults only; use the file of the pack",
        ),
        (
            "_global.yaml",
            "rules:\n  exceptions: {x: {enabled: false}}\n",
            "2: rules.exceptions: would be ignored by st2: _global.yaml has defaults only; use the file of the pack",
        ),
        ("core.yaml", "rule: {defaults: {enabled: true}}\n", '1: rule: unknown key; did you mean "rules"?'),
        ("core.yaml", "policies: {}\n", "1: policies: unknown key; valid keys: sensors, actions, rules, aliases"),
        (
            "core.yaml",
            "rules: {default: {enabled: true}}\n",
            '1: rules.default: unknown key; did you mean "defaults"?',
        ),
        (
            "core.yaml",
            "rules: {defaults: {enable: true}}\n",
            '1: rules.defaults.enable: unknown key; did you mean "enabled"?',
        ),
        (
            "core.yaml",
            "rules:\n  exceptions:\n    a.b: {enabled: 'no'}\n",
            '3: rules.exceptions["a.b"].enabled: must be true or false, not the text "no"',
        ),
        ("core.yaml", "rules:\n", "1: rules: must be a mapping, not null"),
        ("core.yaml", "rules: {defaults: }\n", "1: rules.defaults: must be a mapping, not null"),
        (
            "core.yaml",
            "# nothing\n",
            "1: must be a mapping with keys such as sensors, actions, rules, aliases, but is empty",
        ),
        ("core.yaml", "a: [\n", "2: is not YAML: did not find expected node content"),
    ],
)
def test_overrides_that_st2_refuses_or_ignores_are_told(name: str, text: str, message: str) -> None:
    assert overrides(name, text) == [message]

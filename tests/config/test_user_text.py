"""What is said about the options that a user writes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support import each_of

from constructs_st2.facts.findings import Finding
from constructs_st2.facts.st2_conf.user_text import check_user_text
from constructs_st2.facts.versions import ST2_VERSIONS

INTO_THE_SECRET = "is secret, but this text goes into a ConfigMap; put it into the Secret of st2.existingConfigSecret"
IN_URL = f"holds a URL with a password, which {INTO_THE_SECRET}"


def told(text: str, version: str = "3.9", *, is_error: bool = True) -> Sequence[str]:
    """What is found, without the warnings or without the errors."""
    findings = check_user_text(text, version)
    return [f"{each.key} {each.message}" for each in findings if each.is_error == is_error]


def said(section: str, line: str, version: str = "3.9") -> Sequence[str]:
    return told(f"[{section}]\n{line}\n", version)


def test_good_options_are_found_good() -> None:
    text = """
    [api]
    allow_origin = https://a.example, https://b.example
    auth_cookie_same_site = strict
    debug = yes
    [scheduler]
    sleep_interval = 0.5
    [sensorcontainer]
    partition_provider = name:kvstore
    [auth]
    backend = ldap
    backend_kwargs = {"bind_dn": "cn=x", "bind_password": ""}
    """
    assert check_user_text(text.replace("\n    ", "\n"), "3.9") == []


def test_a_finding_tells_line_and_key() -> None:
    assert check_user_text("# options\n[api]\n\nmax_page = 3\n", "3.9") == [
        Finding(4, "[api] max_page", 'unknown option; did you mean "max_page_size"?')
    ]


def test_all_findings_are_told_at_once() -> None:
    assert len(check_user_text("[api]\nx = 1\nport = x\n[nope]\ny = 2\n", "3.9")) == 3


def test_a_text_that_cannot_be_read_is_told_by_its_line() -> None:
    assert check_user_text("[api]\nword\n", "3.9") == [
        Finding(2, "", "is neither an assignment (option = value) nor a [section]")
    ]


@each_of(
    ("section", "line", "message"),
    [
        ("apis", "port = 1", '[apis] port unknown section; did you mean "api"?'),
        ("xyzzy", "port = 1", "[xyzzy] port unknown section"),
        ("api", "xyzzy = 1", "[api] xyzzy unknown option"),
        ("api", "Port = 1", '[api] Port unknown option; did you mean "port"?'),
        ("api", "port = high", '[api] port must be a whole number, not "high"'),
        ("api", "port =", '[api] port must be a whole number, not ""'),
        ("api", "debug = maybe", '[api] debug must be True or False, not "maybe"'),
        ("scheduler", "sleep_interval = x", '[scheduler] sleep_interval must be a number, not "x"'),
        (
            "api",
            "auth_cookie_same_site = never",
            '[api] auth_cookie_same_site must be one of strict, lax, none, unset, not "never"',
        ),
        (
            "sensorcontainer",
            "partition_provider = kvstore",
            '[sensorcontainer] partition_provider must be pairs like "key:value, key:value", not "kvstore"',
        ),
        ("auth", "backend_kwargs = secret", '[auth] backend_kwargs must be a JSON object like {"name": "value"}'),
        ("auth", "backend_kwargs = [1]", '[auth] backend_kwargs must be a JSON object like {"name": "value"}'),
    ],
)
def test_unknown_names_and_wrong_values_are_errors(section: str, line: str, message: str) -> None:
    assert said(section, line) == [message]


@pytest.mark.parametrize(
    ("version", "line", "message"),
    [
        ("3.8", "tls = True", "[database] tls is known to st2 3.9, but not to 3.8; in 3.8 its name is ssl"),
        ("3.8", "tls_allow_invalid_hostnames = True", None),
        ("3.9", "tls = True", ""),
        ("3.8", "ssl = True", ""),
    ],
)
def test_options_are_those_of_the_version(version: str, line: str, message: str | None) -> None:
    if message is None:
        message = f"[database] {line.split()[0]} is known to st2 3.9, but not to 3.8"
    assert said("database", line, version) == ([message] if message else [])


@pytest.mark.parametrize("version", ST2_VERSIONS)
@each_of(
    ("section", "line", "message"),
    [
        ("database", "password = x", f"[database] password {INTO_THE_SECRET}"),
        ("database", "host = mongodb://u:p@h/st2", f"[database] host {IN_URL}"),
        ("messaging", "url = amqp://u:p@h", f"[messaging] url {IN_URL}"),
        (
            "messaging",
            "cluster_urls = amqp://h, amqp://u:p@i",
            f"[messaging] cluster_urls {IN_URL}",
        ),
        ("coordination", "url = redis://:p@h", f"[coordination] url {IN_URL}"),
        (
            "coordination",
            "url = redis://h?sentinel=x&sentinel_password=p",
            f"[coordination] url holds a value of sentinel_password, which {INTO_THE_SECRET}",
        ),
        (
            "auth",
            'backend_kwargs = {"bind_dn": "x", "bind_password": "p"}',
            f'[auth] backend_kwargs its argument "bind_password" {INTO_THE_SECRET}',
        ),
    ],
)
def test_secrets_are_refused_and_not_repeated(section: str, line: str, message: str, version: str) -> None:
    assert said(section, line, version) == [message]


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("database", "host = mongodb://h1,h2/st2?replicaSet=rs0"),
        ("messaging", "url = amqp://guest@h:5672"),
        ("database", "password ="),
        ("coordination", "url = redis://h?sentinel=x"),
    ],
)
def test_addresses_without_a_password_are_no_secrets(section: str, line: str) -> None:
    assert said(section, line) == []


@pytest.mark.parametrize("value", ["$user", "${user}", "$system.base_path", "${system.base_path}/x", "$$user", "5$"])
def test_references_to_options_are_understood(value: str) -> None:
    assert said("system_user", f"ssh_key_file = {value}") == []


@pytest.mark.parametrize("name", ["$nope", "${nope}", "$nope.user", "${system.nope}"])
def test_references_to_nothing_are_errors(name: str) -> None:
    assert said("system_user", f"ssh_key_file = x/{name}/y") == [
        f'[system_user] ssh_key_file "{name}" refers to an option that does not exist; write "$$" for a literal "$" '
        "(or give st2.config as a mapping, where values are literal)"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[database]\nssl = True\n", "[database] ssl is the former name of another option; st2 still reads it"),
        ("[content]\nrunners_base_paths = x\n", None),
        ("[api]\nport = 9101\n\nport = 9101\n", "[api] port replaces the one in line 2"),
    ],
)
def test_doubtful_options_are_warned_of(text: str, message: str | None) -> None:
    message = message or "[content] runners_base_paths is deprecated: Option unused since StackStorm v3.0.0"
    assert told(text, is_error=False) == [message]
    assert told(text) == []

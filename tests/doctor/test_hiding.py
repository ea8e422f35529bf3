"""Texts of a cluster are told without secrets, and otherwise as they are."""

from __future__ import annotations

import base64
import json

import pytest
from support import each_of

from constructs_st2.commands.doctor.hiding import HIDDEN, hidden, writings

SECRET = "s3cr3t-Word"


@each_of(
    "text",
    [
        f"password={SECRET}",
        f'{{"db_password": "{SECRET}"}}',
        f"cannot connect to mongodb://st2:{SECRET}@st2-mongodb-0:27017/st2",
        f"GET /v1/hooks?st2-api-key=1&token={SECRET}",
        f"Authorization: Bearer {SECRET}abcDEF123",
        f"first line\nrequirepass {SECRET}\nlast line",
        f"curl -u me:{SECRET} https://example.org",
        "-----BEGIN RSA PRIVATE KEY-----\ns3cr3t-Word\nabc\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\ns3cr3t-Word\\nabc",
    ],
)
def test_what_looks_like_a_secret(text: str) -> None:
    assert SECRET not in hidden(text)
    assert HIDDEN in hidden(text)


def test_what_one_line_names_is_hidden_in_others() -> None:
    assert SECRET not in hidden(f"password={SECRET}\nthen {SECRET} came again")


@each_of(
    "text",
    [
        "1 of 3 members are ready, and 2 are a majority: queues stand still, and with them all executions",
        "Secret st2-st2-auth has no key htpasswd: users and password hashes, as st2auth reads them",
        'MountVolume.SetUp failed for volume "secret" : secret "st2-mongodb" not found',
        'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "a" must set it)',
        "still waiting for mongodb (30 s of 600)",
        'Back-off pulling image "docker.io/stackstorm/st2api:3.9@sha256:0123456789abcdef0123456789abcdef"',
        "its certificate ends in 12 days, on 2026-11-29: renew it",
        "E11000 duplicate key error collection: st2.trigger_type_d_b index: uid_1",
        "0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert hidden(text) == text


@pytest.mark.parametrize(
    "told",
    [
        "plain words of mine",
        base64.b64encode(b"plain words of mine").decode(),
        "plain%20words%20of%20mine",
        json.dumps({"a": "plain words of mine"}),
    ],
)
def test_what_secrets_hold_is_hidden_however_it_is_written(told: str) -> None:
    text = hidden(f"it is {told}, is it not", writings(["plain words of mine"]))
    assert "words" not in text
    assert text.startswith("it is ")


def test_settings_in_secrets_hide_passwords_and_no_other_words() -> None:
    settings = '{\n  "queues": [],\n  "users": [{"name": "st2", "password": "of several words"}]\n}'
    known = writings([settings])
    assert hidden("queues stand still", known) == "queues stand still"
    assert hidden("it said: of several words", known) == f"it said: {HIDDEN}"


def test_words_that_are_in_many_others_are_not_searched_for() -> None:
    assert hidden("st2 in stackstorm", writings(["st2", ""])) == "st2 in stackstorm"

"""Waiting for a login."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.job_programs import Program
from servers.ports import PATIENCE, free_port
from servers.st2_stub import API_KEY, PASSWORD, USER, St2Stub

from constructs_st2.parts.jobs.scripts import await_login


@pytest.fixture
def stub() -> Iterator[St2Stub]:
    stub = St2Stub()
    with stub.serving():
        yield stub


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program("await_login", tmp_path)


@pytest.mark.parametrize("credentials", [f"username={USER}\npassword = {PASSWORD}", f"api_key = {API_KEY}"])
def test_goes_on_at_once_when_all_is_there(program: Program, stub: St2Stub, credentials: str) -> None:
    program.config.write_text(f"[credentials]\n{credentials}\n")
    result = program.run(stub, 20, "--action=core.local", "system_admin")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"user {USER} is logged in\n", "")


@pytest.mark.parametrize("fault", ["password", "roles", "GET user", "content"])
def test_waits_for_what_is_not_there_yet(program: Program, stub: St2Stub, fault: str) -> None:
    stub.breaks(fault, times=1)
    result = program.run(stub, 20, "--action=core.local", "system_admin")
    assert result.returncode == 0
    assert result.stdout.startswith("waiting for a login (0 s of 20): ")
    assert result.stdout.endswith(f"user {USER} is logged in\n")
    assert len(stub.tokens) == 1


def test_gets_another_token_when_one_is_refused(program: Program, stub: St2Stub) -> None:
    stub.breaks("token", times=1)
    assert program.run(stub, 20).returncode == 0
    assert len(stub.tokens) == 2


def test_reads_credentials_anew_at_each_attempt(program: Program, stub: St2Stub) -> None:
    right = program.config.read_text()
    program.config.write_text("[credentials]\nusername = st2admin\npassword = old\n")
    process = program.start(stub, 20)
    assert process.stdout is not None
    assert "wrong password" in process.stdout.readline()
    program.config.write_text(right)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("fault", "roles", "message"),
    [
        ("password", [], "st2auth refuses user st2admin: wrong password or unknown user"),
        (
            "",
            ["system_admin", "observer", "ops"],
            "user st2admin has the roles system_admin but not observer, ops: RBAC definitions have not been applied",
        ),
        ("roles", ["admin"], "user st2admin has no roles, so not admin: RBAC definitions have not been applied"),
        ("token", [], "st2api refuses the token: Unauthorized - One of Token or API key required."),
        ("content", ["--action=core.local"], "action core.local is not registered: content has not been loaded"),
        ("GET actions", ["--action=core.local"], "GET v1/actions/core.local of st2api is answered with 500"),
        ("GET user", [], "GET v1/user of st2api is answered with 500: Internal Server Error"),
    ],
)
def test_gives_up_and_says_on_what(program: Program, stub: St2Stub, fault: str, roles: list[str], message: str) -> None:
    stub.breaks(fault)
    result = program.run(stub, 1, *roles)
    assert result.returncode == 1
    seconds = re.match(rf"gave up on a login after (\d+) s: {re.escape(message)}", result.stderr)
    assert seconds, result.stderr
    assert 1 <= int(seconds[1]) < 20
    assert len(result.stderr.splitlines()) == 1
    secrets = [PASSWORD, *stub.tokens]
    assert [secret for secret in secrets if secret in result.stdout + result.stderr] == []


def test_says_that_rbac_is_not_enabled(program: Program, stub: St2Stub) -> None:
    stub.roles = None
    result = program.run(stub, 0, "admin")
    assert "st2api runs without RBAC, so user st2admin cannot have the roles admin" in result.stderr


@pytest.mark.parametrize("service", ["auth", "api"])
def test_says_which_service_cannot_be_reached(program: Program, stub: St2Stub, service: str) -> None:
    nowhere = {f"ST2_{service.upper()}_URL": f"http://127.0.0.1:{free_port()}/"}
    result = program.run(stub, 0, **nowhere)
    assert result.returncode == 1
    assert f"st2{service} cannot be reached: [Errno 111] Connection refused" in result.stderr


def test_a_wrong_api_key_is_called_so(program: Program, stub: St2Stub) -> None:
    program.config.write_text("[credentials]\napi_key = other\n")
    assert "st2api refuses the API key" in program.run(stub, 0).stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[credentials]\nusername = st2admin\n", "has neither username and password nor api_key in [credentials]"),
        (f"{PASSWORD}\n", "it is no INI text"),
    ],
)
def test_unusable_credentials_are_not_shown(program: Program, stub: St2Stub, text: str, message: str) -> None:
    program.config.write_text(text)
    result = program.run(stub, 0)
    assert result.returncode == 1
    assert message in result.stderr
    assert PASSWORD not in result.stdout + result.stderr


@pytest.mark.parametrize("arguments", [[], ["soon"], ["-1"]])
def test_wrong_usage_is_told_from_waiting_in_vain(program: Program, stub: St2Stub, arguments: list[str]) -> None:
    result = program.run(stub, *arguments)
    assert (result.returncode, result.stderr) == (2, "usage: await_login SECONDS [--action=REF ...] [ROLE ...]\n")


def test_says_now_and_then_what_it_waits_for(
    stub: St2Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: Program
) -> None:
    for name, path in {"ST2_AUTH_URL": "auth/", "ST2_API_URL": "api/", "ST2_STREAM_URL": "stream/"}.items():
        monkeypatch.setenv(name, f"{stub.url}{path}")
    monkeypatch.setenv("ST2_CONFIG_FILE", str(program.config))
    monkeypatch.setattr(await_login, "PAUSE", 0.05)
    monkeypatch.setattr(await_login, "SAY_EVERY", 0.4)
    stub.breaks("password")
    assert await_login.main(["1"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert 2 <= len(lines) <= 3
    assert all("st2auth refuses user st2admin" in line for line in lines)

"""The smoke test, against a StackStorm in which one thing after the other is broken."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.job_programs import IN_IMAGES, Program
from servers.ports import eventually, free_port
from servers.st2_stub import API_KEY, PASSWORD, St2Stub

from constructs_st2.secrets.generate import certificate, private_key

CHECKS = (
    "st2 command line",
    "login",
    "wrong login is refused",
    "roles",
    "version of the API",
    "registered actions",
    "shell action",
    "Python action",
    "workflow",
    "rule",
    "datastore",
    "encrypted datastore",
    "event stream",
    "web UI",
    "API through st2web",
    "login through st2web",
    "event stream through st2web",
)
WITHOUT_LOGIN = {"st2 command line", "wrong login is refused", "web UI", *CHECKS[-2:]}


@pytest.fixture
def stub() -> Iterator[St2Stub]:
    stub = St2Stub()
    with stub.serving():
        yield stub


class SmokeTest:
    """Runs it, and reads what it says."""

    def __init__(self, folder: Path, stub: St2Stub) -> None:
        self.program = Program("smoke_test", folder)
        self.stub = stub
        self.cli = folder / "st2"
        self.cli.write_text("#!/bin/sh\necho 'st2 3.9.0, on Python 3.10.12'\n")
        self.cli.chmod(0o755)
        self.settings = {
            "EXPECTED_VERSION": "3.9",
            "EXPECTED_USER": "stanley",
            "RBAC_ROLES": "system_admin",
            "WEB_URL": f"{stub.url}web",
            "DATASTORE_ENCRYPTED": "true",
            "ST2_CLI": str(self.cli),
        }
        self.status = -1
        self.lines: list[str] = []

    def run(self, seconds: int = 30, **settings: str) -> None:
        result = self.program.run(self.stub, seconds, **{**self.settings, **settings})
        self.status, self.lines = result.returncode, result.stdout.splitlines()
        # Whatever happens, it shows no secret and no traceback.
        assert result.stderr == ""
        secrets = [PASSWORD, API_KEY, *self.stub.tokens]
        assert [secret for secret in secrets if secret in result.stdout] == []

    def of(self, word: str) -> list[str]:
        """The checks that ended so."""
        lines = [line[6:] for line in self.lines[:-1] if line[:6] == f"{word:<4}  "]
        return [line.partition(": ")[0].partition(" (")[0] for line in lines]

    def line(self, check: str) -> str:
        (found,) = (line for line in self.lines if line[6:].startswith((f"{check} (", f"{check}: ")))
        return found


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    key = private_key("web")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_text(key + certificate(key, ["127.0.0.1"]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def smoke(tmp_path: Path, stub: St2Stub) -> SmokeTest:
    return SmokeTest(tmp_path, stub)


def test_all_is_well(smoke: SmokeTest, stub: St2Stub) -> None:
    smoke.run()
    assert smoke.of("ok") == list(CHECKS)
    assert smoke.lines[-1] == f"{len(CHECKS)} checks passed"
    assert smoke.status == 0
    assert smoke.line("st2 command line") == "ok    st2 command line (st2 3.9.0, on Python 3.10.12)"
    assert (stub.rules, stub.keys, stub.unfinished) == ({}, {}, [])


@pytest.mark.parametrize("version", IN_IMAGES)
def test_runs_by_the_pythons_of_the_images(version: str, tmp_path: Path, stub: St2Stub) -> None:
    python = IN_IMAGES[version]
    if python is None:
        pytest.skip(f"not run: there is no Python {version}")
    smoke = SmokeTest(tmp_path, stub)
    smoke.program = Program("smoke_test", tmp_path / version, [python])
    smoke.run()
    assert (smoke.status, smoke.of("FAIL")) == (0, [])


def test_an_api_key_will_do(smoke: SmokeTest, stub: St2Stub) -> None:
    smoke.program.config.write_text(f"[credentials]\napi_key = {API_KEY}\n")
    smoke.run()
    assert (smoke.status, smoke.of("FAIL")) == (0, [])
    assert stub.tokens == []


@pytest.mark.parametrize(
    ("fault", "check", "reason"),
    [
        ("any password", "wrong login is refused", "POST v1/tokens of st2auth is answered with 201, not 401"),
        ("roles", "roles", "RBAC definitions have not been applied"),
        ("API version", "version of the API", "it is 3.8.1, not 3.9"),
        ("content", "registered actions", "core.local is not among the 2 actions"),
        ("failing core.local", "shell action", "failed"),
        (
            "user",
            "shell action",
            "actions run as uid=1000(root) gid=1000(stanley) groups=1000(stanley), not as stanley",
        ),
        ("return code", "shell action", "id ended with status 1"),
        ("stderr", "shell action", "sudo: unable to resolve host"),
        ("failing core.uuid", "Python action", "failed"),
        ("canceled core.uuid", "Python action", "canceled: "),
        ("python result", "Python action", "badly formed"),
        ("engine", "workflow", "packs.install failed with the tasks {}"),
        ("webhook", "rule", "st2api does not learn of the webhook"),
        ("rules engine", "rule", "does st2rulesengine work?"),
        ("failing core.noop", "rule", "failed"),
        ("POST rules", "rule", "POST v1/rules of st2api is answered with 500"),
        ("key value", "datastore", "a key has not the value that was set"),
        ("key stays", "datastore", "a key is still there after it was removed"),
        ("crypto key", "encrypted datastore", "400: Crypto key not found"),
        ("clear text", "encrypted datastore", "is shown in clear text"),
        ("decryption", "encrypted datastore", "has another value when it is decrypted"),
        ("stream status", "event stream", "is answered with 503 text/event-stream"),
        ("stream type", "event stream", "is answered with 200 text/html"),
        ("stream events", "event stream", "no event of an execution arrives"),
        ("web page", "web UI", "is answered with 503 application/json"),
        ("web api", "API through st2web", "is answered with 503: st2web cannot reach st2api."),
        ("web auth", "login through st2web", "is answered with 503"),
        ("web guard", "login through st2web", "is answered with 401, not as st2 refuses it: <h1>401</h1>"),
        ("web stream", "event stream through st2web", "is answered with 200, not as st2 refuses it: retry: 1000"),
    ],
)
def test_the_check_of_what_is_broken_fails_and_no_other(
    smoke: SmokeTest, stub: St2Stub, fault: str, check: str, reason: str
) -> None:
    # One more look at the datastore would meet the same fault.
    also = {"key value": "encrypted datastore"}.get(fault)
    if also:
        smoke.settings["DATASTORE_ENCRYPTED"] = "false"
    stub.breaks(fault)
    smoke.run(seconds=6)
    assert smoke.of("FAIL") == [check]
    assert reason in smoke.line(check)
    assert "cannot remove" not in smoke.line(check)
    assert set(smoke.of("ok")) == set(CHECKS) - {check, also}
    assert smoke.lines[-1] == f"1 of {len(CHECKS) - bool(also)} checks failed"
    assert smoke.status == 1
    assert (stub.rules, stub.unfinished) == ({}, [])


@pytest.mark.parametrize(
    ("action", "checks", "service"),
    [
        ("core.local", ["shell action"], "requested; does st2scheduler work?"),
        ("packs.install", ["workflow"], "of packs.install is still requested"),
        ("core.noop", ["rule"], "of core.noop is still requested"),
    ],
)
def test_an_execution_that_does_not_end_is_canceled(
    smoke: SmokeTest, stub: St2Stub, action: str, checks: list[str], service: str
) -> None:
    stub.breaks(f"stuck {action}")
    begin = time.monotonic()
    smoke.run(seconds=6)
    assert time.monotonic() - begin < 12
    assert smoke.of("FAIL") == checks
    assert service in smoke.line(checks[0])
    assert stub.unfinished == []
    assert stub.rules == {}


def test_without_a_login_what_needs_one_is_skipped(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.breaks("password")
    smoke.run()
    assert smoke.of("FAIL") == ["login"]
    assert set(smoke.of("ok")) == WITHOUT_LOGIN
    assert set(smoke.of("skip")) == set(CHECKS) - WITHOUT_LOGIN - {"login"}
    assert "st2auth refuses user st2admin: wrong password or unknown user" in smoke.line("login")
    assert smoke.line("workflow") == "skip  workflow: no login"
    assert smoke.lines[-1] == f"1 of {len(WITHOUT_LOGIN) + 1} checks failed"


def test_any_api_key_will_not_do(smoke: SmokeTest, stub: St2Stub) -> None:
    smoke.program.config.write_text(f"[credentials]\napi_key = {API_KEY}\n")
    stub.breaks("any key")
    smoke.run()
    assert smoke.of("FAIL") == ["wrong login is refused"]


def test_a_token_that_the_api_refuses_is_no_login(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.breaks("token")
    smoke.run()
    assert smoke.of("FAIL") == ["login"]
    assert "st2api refuses the token" in smoke.line("login")
    assert set(smoke.of("ok")) == WITHOUT_LOGIN


@pytest.mark.parametrize(
    ("setting", "value", "skipped"),
    [
        ("RBAC_ROLES", "", ["roles"]),
        ("DATASTORE_ENCRYPTED", "false", ["encrypted datastore"]),
        ("WEB_URL", "", list(CHECKS[-4:])),
        ("EXPECTED_VERSION", "", ["st2 command line", "version of the API"]),
        ("EXPECTED_USER", "", []),
    ],
)
def test_what_is_not_expected_is_not_checked(smoke: SmokeTest, setting: str, value: str, skipped: list[str]) -> None:
    smoke.run(30, **{setting: value})
    assert smoke.of("skip") == skipped
    assert smoke.lines[-1] == f"{len(CHECKS) - len(skipped)} checks passed"
    assert smoke.status == 0


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'st2 3.8.1, on Python 3.8.10'", "it is 3.8.1, not 3.9"),
        ("echo 'st2 3.90.0, on Python 3.10.12'", "it is 3.90.0, not 3.9"),
        ("echo broken >&2; exit 1", "ends with status 1: broken"),
        ("echo 'st2 3.9.0, on Python 3.10.12'; exit 1", "ends with status 1: st2 3.9.0"),
        ("exec sleep 9", "timed out"),
    ],
)
def test_the_command_line_must_work_and_be_of_this_version(smoke: SmokeTest, script: str, reason: str) -> None:
    smoke.cli.write_text(f"#!/bin/sh\n{script}\n")
    smoke.run(seconds=6)
    assert smoke.of("FAIL") == ["st2 command line"]
    assert reason in smoke.line("st2 command line")


@pytest.mark.parametrize(
    ("fault", "checks"), [("DELETE rules", ["rule"]), ("DELETE keys", ["datastore", "encrypted datastore"])]
)
def test_what_cannot_be_removed_is_told(smoke: SmokeTest, stub: St2Stub, fault: str, checks: list[str]) -> None:
    stub.breaks(fault)
    smoke.run()
    assert smoke.of("FAIL") == checks
    # The stub tells the token in this message.
    assert "cannot remove v1/" in smoke.line(checks[0])
    assert "'X-Auth-Token': '***'" in smoke.line(checks[0])


@pytest.mark.parametrize(
    ("service", "failed"),
    [("AUTH", ["login", "wrong login is refused"]), ("API", ["login"]), ("STREAM", ["event stream"])],
)
def test_a_service_that_cannot_be_reached_is_named(smoke: SmokeTest, service: str, failed: list[str]) -> None:
    smoke.run(30, **{f"ST2_{service}_URL": f"http://127.0.0.1:{free_port()}/"})
    assert smoke.of("FAIL") == failed
    assert f"st2{service.lower()} cannot be reached: [Errno 111] Connection refused" in smoke.line(failed[0])


def test_the_time_bounds_the_run(smoke: SmokeTest, stub: St2Stub) -> None:
    for action in ("core.local", "core.uuid", "packs.install", "core.noop"):
        stub.breaks(f"stuck {action}")
    begin = time.monotonic()
    smoke.run(seconds=2)
    assert time.monotonic() - begin < 8
    assert {"shell action", "Python action", "workflow", "rule"} <= set(smoke.of("FAIL"))
    assert (stub.rules, stub.keys, stub.unfinished) == ({}, {}, [])


def test_when_the_pod_is_stopped_what_was_made_is_removed(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.breaks("stuck core.noop")
    process = smoke.program.start(stub, 60, **smoke.settings)
    eventually(lambda: bool(stub.rules and stub.unfinished), "the rule is there", 10)
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 143
    assert (stub.rules, stub.unfinished) == ({}, [])


def test_the_certificate_of_the_web_ui_may_be_self_signed(smoke: SmokeTest, self_signed: ssl.SSLContext) -> None:
    other = St2Stub()
    with other.serving(self_signed):
        other.tokens = smoke.stub.tokens
        smoke.run(WEB_URL=f"{other.url}web/")
        assert smoke.of("FAIL") == []
        # The others have certificates that are to be verified.
        smoke.run(ST2_STREAM_URL=f"{other.url}stream/")
    assert smoke.of("FAIL") == ["event stream"]
    assert "certificate verify failed" in smoke.line("event stream")


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ([], {}, "usage: smoke_test SECONDS"),
        (["60", "61"], {}, "usage: smoke_test SECONDS"),
        (["60"], {"ST2_API_URL": ""}, "the environment variable ST2_API_URL is not set"),
    ],
)
def test_wrong_usage_is_told_from_failure(
    smoke: SmokeTest, stub: St2Stub, arguments: list[str], settings: dict[str, str], message: str
) -> None:
    result = smoke.program.run(stub, *arguments, **settings)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"{message}\n")

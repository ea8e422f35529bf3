"""The smoke test, against a StackStorm in which one thing after the other is broken."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from servers.job_programs import IN_IMAGES, Program
from servers.ports import PATIENCE, eventually, free_port
from servers.st2_stub import API_KEY, PASSWORD, St2Stub

from constructs_st2.facts.secrets.programs.generate import certificate, private_key

BEFORE = ("login", "leftovers of earlier runs")
AFTER_LOGIN = (
    "st2 command line",
    "wrong login is refused",
    "roles",
    "version of the API",
    "registered actions",
    "shell action",
    "Python action",
    "workflow",
    "rule",
    "timer",
    "notification",
    "datastore",
    "encrypted datastore",
    "event stream",
    "web UI",
    "API through st2web",
    "login through st2web",
    "event stream through st2web",
    "chat bot",
)
REGISTERED = {
    "st2auth": "auth",
    "st2api": "api",
    "st2stream": "stream",
    "st2rulesengine": "rulesengine",
    "st2timersengine": "timer_engine",
    "st2workflowengine": "workflow_engine",
    "st2scheduler": "scheduler",
    "st2notifier": "notifier",
    "st2garbagecollector": "garbagecollector",
    "st2sensorcontainer-0": "sensorcontainer",
    "st2sensorcontainer-1": "sensorcontainer",
    "st2actionrunner": "actionrunner",
    "st2actionrunner-gpu": "actionrunner",
}
SERVICES = (*REGISTERED, "st2sensorcontainer", "st2web", "st2chatops")
ALIVE = tuple(f"{component} is alive" for component in REGISTERED)
CHECKS = (*BEFORE, *AFTER_LOGIN, *ALIVE)
WEB = AFTER_LOGIN[-5:-1]
WITHOUT_LOGIN = {"st2 command line", "wrong login is refused", "web UI", *WEB[-2:], "chat bot"}
FOR_EVER = float("inf")
SECONDS = 6
"""Of a run that waits for something in vain; enough for all that works, on a busy machine."""
SECONDS_OF_MANY = 24
"""Of many such runs at the same time."""


def pod_of(component: str) -> str:
    """A pod as Kubernetes would name it."""
    return f"st2-{component}-7d9f8b6c5d-x2x4z"


@contextmanager
def healthy() -> Iterator[St2Stub]:
    """A StackStorm of which all services run."""
    stub = St2Stub()
    for component, group in REGISTERED.items():
        stub.registry.setdefault(group, {})[pod_of(component)] = FOR_EVER
    with stub.serving():
        yield stub


@pytest.fixture
def stub() -> Iterator[St2Stub]:
    with healthy() as stub:
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
            "CHATOPS_URL": f"{stub.url}chatops",
            "ACTION_TRIGGERS": "true",
            "SERVICES": " ".join(SERVICES),
            "REGISTRY": " ".join(f"{component}={group}" for component, group in REGISTERED.items()),
            "REGISTRY_SECONDS": "0",
            "NAMESPACE": "stackstorm",
            "RELEASE": "st2",
            "TERMINATION_LOG": str(folder / "termination-log"),
            "DATASTORE_ENCRYPTED": "true",
            "ST2_CLI": str(self.cli),
        }
        self.told = folder / "termination-log"
        self.told.touch()
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
        lines = [line[6:] for line in self.lines if line[:6] == f"{word:<4}  "]
        return [line.partition(": ")[0].partition(" (")[0] for line in lines]

    @property
    def count(self) -> str:
        """The line that counts."""
        (found,) = (line for line in self.lines if line.endswith(("checks failed", "checks passed")))
        return found

    @property
    def at_fault(self) -> list[str]:
        """The services that are said to be at fault."""
        return [line.removeprefix("at fault: ").split(".")[0] for line in self.lines if line.startswith("at fault: ")]

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
    assert smoke.count == f"{len(CHECKS)} checks passed"
    assert smoke.status == 0
    assert smoke.line("st2 command line") == "ok    st2 command line (st2 3.9.0, on Python 3.10.12)"
    assert (stub.rules, stub.keys, stub.unfinished) == ({}, {}, [])
    assert smoke.told.read_text() == ""


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
        ("failing chatops.post_message", "workflow", "'post_message': 'failed'"),
        ("workflow output", "workflow", "chatops.post_result succeeded with the tasks {}"),
        ("failing core.noop", "rule", "failed"),
        ("key value", "datastore", "a key has not the value that was set"),
        ("key stays", "datastore", "a key is still there after it was removed"),
        ("crypto key", "encrypted datastore", "400: Crypto key not found"),
        ("clear text", "encrypted datastore", "is shown in clear text"),
        ("decryption", "encrypted datastore", "has another value when it is decrypted"),
        ("stream status", "event stream", "is answered with 503 text/event-stream"),
        ("stream type", "event stream", "is answered with 200 text/html"),
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
    # One more look at the datastore would meet the same fault; without roles nobody makes rules.
    also = {"key value": {"encrypted datastore"}, "roles": {"rule", "timer"}}.get(fault, set())
    if fault == "key value":
        smoke.settings["DATASTORE_ENCRYPTED"] = "false"
    stub.breaks(fault)
    smoke.run()
    assert smoke.of("FAIL") == [check]
    assert reason in smoke.line(check)
    assert "cannot remove" not in smoke.line(check)
    assert set(smoke.of("ok")) == set(CHECKS) - {check} - also
    assert smoke.count == f"1 of {len(CHECKS) - len(also)} checks failed"
    assert smoke.status == 1
    assert (stub.rules, stub.unfinished) == ({}, [])


@dataclass(frozen=True)
class Case:
    """Something that the smoke test can only see by waiting for it in vain.

    ``dead`` are services that do not run; of them, and of ``gone``, there are no pods in the service registry.
    ``text`` is in the line of the first check that fails.
    """

    failed: list[str]
    at_fault: list[str]
    dead: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    text: str = ""


ACTIONS = ["shell action", "Python action", "workflow", "rule", "notification"]
VIA_RULES = ["timer", "notification"]
CASES = {
    "st2stream": Case(
        ["event stream", "st2stream is alive"],
        ["st2stream"],
        dead=["st2stream"],
        skipped=["event stream through st2web"],
        text="st2stream cannot be reached",
    ),
    "st2rulesengine": Case(
        ["rule", "st2rulesengine is alive"],
        ["st2rulesengine"],
        dead=["st2rulesengine"],
        skipped=VIA_RULES,
        text="the webhook starts no execution -> st2rulesengine",
    ),
    "st2timersengine": Case(
        ["timer", "st2timersengine is alive"],
        ["st2timersengine"],
        dead=["st2timersengine"],
        text="a timer of 2 s does not fire -> st2timersengine",
    ),
    "st2workflowengine": Case(
        ["workflow", "st2workflowengine is alive"],
        ["st2workflowengine"],
        dead=["st2workflowengine"],
        text="of chatops.post_result is still running with the tasks {} -> st2workflowengine",
    ),
    "st2scheduler": Case(
        [*ACTIONS, "st2scheduler is alive"],
        ["st2scheduler"],
        dead=["st2scheduler"],
        text="of core.local is still requested -> st2scheduler",
    ),
    "st2actionrunner": Case(
        [*ACTIONS, "st2actionrunner is alive", "st2actionrunner-gpu is alive"],
        ["st2actionrunner", "st2actionrunner-gpu"],
        dead=["st2actionrunner"],
        gone=["st2actionrunner-gpu"],
        text="of core.local is still scheduled -> st2actionrunner",
    ),
    "a pool of runners": Case(["st2actionrunner-gpu is alive"], ["st2actionrunner-gpu"], gone=["st2actionrunner-gpu"]),
    "st2notifier": Case(
        ["notification", "st2notifier is alive"],
        ["st2notifier"],
        dead=["st2notifier"],
        text="ended, and no core.st2.generic.actiontrigger follows -> st2notifier",
    ),
    "st2garbagecollector": Case(
        ["st2garbagecollector is alive"],
        ["st2garbagecollector"],
        gone=["st2garbagecollector"],
        text="not in the service registry, where garbagecollector has the pods: none -> st2garbagecollector",
    ),
    "a partition of sensors": Case(
        ["st2sensorcontainer-1 is alive"],
        ["st2sensorcontainer-1"],
        gone=["st2sensorcontainer-1"],
        text=f"sensorcontainer has the pods: {pod_of('st2sensorcontainer-0')} -> st2sensorcontainer-1",
    ),
    "several": Case(
        ["workflow", "timer", "notification", "st2garbagecollector is alive"],
        ["st2workflowengine", "st2timersengine", "st2notifier", "st2garbagecollector"],
        dead=["st2notifier", "st2timersengine", "st2workflowengine"],
        gone=["st2garbagecollector"],
    ),
    "the engine stops half-way": Case(["workflow"], ["st2workflowengine"], faults=["stuck task"]),
    "types of timers": Case(
        ["timer"], ["st2timersengine"], faults=["timer types"], text="there is no core.st2.Interval"
    ),
    "webhooks": Case(["rule"], ["st2api"], faults=["webhook"], text="st2api does not learn of the webhook"),
    "events": Case(["event stream"], ["st2stream"], faults=["stream events"], text="no event of an execution arrives"),
    "reading the registry": Case(list(ALIVE), ["st2api"], faults=["GET service_registry"], text="answered with 500"),
    "one action": Case(["shell action"], ["st2scheduler"], faults=["stuck core.local"]),
    "an action that others take": Case(
        ["workflow", "rule", "notification"],
        ["st2scheduler"],
        faults=["stuck core.noop"],
        text="of core.noop is still requested -> st2scheduler",
    ),
}


def test_the_service_that_does_not_do_its_work_is_named_and_no_other(tmp_path: Path) -> None:
    """All cases at the same time: each takes as long as the smoke test may take."""

    def run(name: str) -> tuple[SmokeTest, float]:
        case, folder = CASES[name], tmp_path / name
        folder.mkdir()
        with healthy() as stub:
            stub.dead.update(case.dead)
            for pod in map(pod_of, (*case.dead, *case.gone)):
                for group in stub.registry.values():
                    group.pop(pod, None)
            for fault in case.faults:
                stub.breaks(fault)
            smoke, begin = SmokeTest(folder, stub), time.monotonic()
            smoke.run(seconds=SECONDS_OF_MANY)
            return smoke, time.monotonic() - begin

    with ThreadPoolExecutor(len(CASES)) as pool:
        for name, (smoke, seconds) in zip(CASES, pool.map(run, CASES), strict=True):
            case = CASES[name]
            # Registered or not is a matter of `gone`, for services that have other faults.
            failed = [check for check in smoke.of("FAIL") if check in case.failed or check not in ALIVE]
            assert (name, failed) == (name, case.failed)
            assert (name, smoke.at_fault) == (name, case.at_fault)
            assert (name, smoke.of("skip")) == (name, case.skipped)
            assert case.text in smoke.line(case.failed[0])
            assert smoke.status == 1
            # So that `kubectl describe pod` tells it.
            assert smoke.told.read_text().splitlines() == smoke.lines[-1 - len(case.at_fault) :]
            assert (name, smoke.stub.rules, smoke.stub.keys, smoke.stub.unfinished) == (name, {}, {}, [])
            # All that is waited for in vain is waited for at the same time.
            assert seconds < 3 * SECONDS_OF_MANY


def test_how_to_look_at_a_service_at_fault_is_told(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.dead |= {"st2web", "st2stream"}
    smoke.run()
    assert smoke.at_fault == ["st2stream", "st2web"]
    for service, label in (("st2web", "app"), ("st2stream", "app.kubernetes.io/name")):
        options = f"--namespace stackstorm --selector {label}={service},release=st2"
        look = f"kubectl get pods {options}; kubectl logs {options} --all-containers --prefix --tail=50"
        assert f"at fault: {service}. Look: {look}" in smoke.lines


@pytest.mark.parametrize(
    ("service", "failed", "skipped"),
    [
        ("st2auth", ["login", "wrong login is refused"], ["login through st2web"]),
        ("st2api", ["login"], []),
        ("st2web", list(WEB), []),
        ("st2chatops", ["chat bot"], []),
    ],
)
def test_a_service_that_does_not_answer_is_named(
    smoke: SmokeTest, stub: St2Stub, service: str, failed: list[str], skipped: list[str]
) -> None:
    stub.dead.add(service)
    smoke.run()
    assert smoke.of("FAIL") == failed
    assert set(skipped) <= set(smoke.of("skip"))
    assert smoke.at_fault == [service]
    assert f"{service} cannot be reached: " in smoke.line(failed[0])


def test_the_entry_of_a_process_that_was_just_killed_is_no_sign_of_life(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.registry["garbagecollector"][pod_of("st2garbagecollector")] = time.monotonic() + 2
    smoke.run(seconds=SECONDS, REGISTRY_SECONDS="2.5")
    assert smoke.of("FAIL") == ["st2garbagecollector is alive"]


def test_kubernetes_cuts_long_names_of_pods(smoke: SmokeTest, stub: St2Stub) -> None:
    release = "a" * 31
    pods = {name: f"{release}-{name}-7d9f8b6c5d-"[:58] + "x2x4z" for name in REGISTERED}
    stub.registry = {group: {} for group in REGISTERED.values()}
    for component, group in REGISTERED.items():
        stub.registry[group][pods[component]] = FOR_EVER
    smoke.run(RELEASE=release)
    assert smoke.of("FAIL") == []


def test_a_failure_of_the_registry_that_passes_does_no_harm(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.breaks("GET service_registry", times=3)
    smoke.run()
    assert smoke.of("FAIL") == []


@pytest.mark.parametrize(
    ("action", "skipped"),
    [
        ("GET service_registry", list(ALIVE)),
        ("GET traces", ["notification"]),
        ("POST rules", ["rule", "timer"]),
        ("PUT keys", ["datastore", "encrypted datastore"]),
        ("GET rules", ["leftovers of earlier runs"]),
    ],
)
def test_what_the_roles_of_the_user_do_not_allow_is_not_checked(
    smoke: SmokeTest, stub: St2Stub, action: str, skipped: list[str]
) -> None:
    method, _, kind = action.partition(" ")
    stub.breaks(f"forbidden {action}")
    if method != "GET":
        stub.breaks(f"forbidden DELETE {kind}")
    smoke.run()
    assert (smoke.of("FAIL"), smoke.of("skip")) == ([], skipped)
    assert f"the user may not {method} v1/{kind}" in smoke.line(skipped[0])
    assert smoke.status == 0


def test_only_administrators_make_rules(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.roles = ["observer"]
    # St2api makes the trigger of a rule before it refuses the rule.
    stub.breaks("POST rules")
    smoke.run(RBAC_ROLES="observer")
    assert (smoke.of("FAIL"), smoke.of("skip")) == ([], ["rule", "timer"])
    assert smoke.line("timer") == "skip  timer: user st2admin is no administrator"


def test_what_may_be_made_but_not_removed_is_told(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.breaks("forbidden DELETE keys")
    smoke.run()
    assert smoke.of("FAIL") == ["datastore", "encrypted datastore"]
    assert "cannot remove v1/keys/" in smoke.line("datastore")


def test_leftovers_of_a_run_that_was_killed_are_removed(smoke: SmokeTest, stub: St2Stub) -> None:
    for name in ("of-the-user", "constructs-st2-smoke-0123"):
        noop = {"ref": "core.noop"}
        stub.rules[f"default.{name}"] = {"name": name, "ref": f"default.{name}", "pack": "default", "action": noop}
        stub.keys[name] = {"name": name, "value": "x"}
    smoke.run()
    assert smoke.line("leftovers of earlier runs") == "ok    leftovers of earlier runs (2 removed)"
    assert (list(stub.rules), list(stub.keys)) == (["default.of-the-user"], ["of-the-user"])


def test_without_a_login_what_needs_one_is_skipped(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.breaks("password")
    smoke.run()
    assert smoke.of("FAIL") == ["login"]
    assert set(smoke.of("ok")) == WITHOUT_LOGIN
    assert set(smoke.of("skip")) == set(CHECKS) - WITHOUT_LOGIN - {"login"}
    assert "st2auth refuses user st2admin: wrong password or unknown user" in smoke.line("login")
    assert smoke.line("workflow") == "skip  workflow: no login"
    assert smoke.at_fault == ["st2auth"]
    assert smoke.count == f"1 of {len(WITHOUT_LOGIN) + 1} checks failed"


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
        ("WEB_URL", "", list(WEB)),
        ("CHATOPS_URL", "", ["chat bot"]),
        ("ACTION_TRIGGERS", "false", ["notification"]),
        ("SERVICES", " ".join(set(SERVICES) - {"st2notifier"}), ["notification", "st2notifier is alive"]),
        ("SERVICES", " ".join(set(SERVICES) - {"st2web", "st2chatops"}), [*WEB, "chat bot"]),
        ("EXPECTED_VERSION", "", ["st2 command line", "version of the API"]),
        ("EXPECTED_USER", "", []),
    ],
)
def test_what_is_not_expected_is_not_checked(smoke: SmokeTest, setting: str, value: str, skipped: list[str]) -> None:
    smoke.run(30, **{setting: value})
    assert smoke.of("skip") == skipped
    assert smoke.count == f"{len(CHECKS) - len(skipped)} checks passed"
    assert smoke.status == 0


def test_without_a_service_registry_there_are_no_signs_of_life_to_check(smoke: SmokeTest) -> None:
    smoke.run(REGISTRY="")
    assert smoke.of("ok") == [*BEFORE, *AFTER_LOGIN]
    assert smoke.status == 0


def test_without_the_pack_chatops_there_is_no_workflow_to_run(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.breaks("chatops pack")
    smoke.run()
    assert (smoke.of("FAIL"), smoke.of("skip")) == ([], ["workflow"])


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
    smoke.run(seconds=SECONDS if "sleep" in script else 30)
    assert smoke.of("FAIL") == ["st2 command line"]
    assert reason in smoke.line("st2 command line")


@pytest.mark.parametrize(
    ("fault", "checks"), [("DELETE rules", ["rule", "timer"]), ("DELETE keys", ["datastore", "encrypted datastore"])]
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


def test_when_the_pod_is_stopped_what_was_made_is_removed(smoke: SmokeTest, stub: St2Stub) -> None:
    stub.breaks("stuck core.noop")
    stub.dead.add("st2timersengine")
    process = smoke.program.start(stub, 60, **smoke.settings)
    eventually(lambda: len(stub.rules) == 2 and bool(stub.unfinished), "the rules are there")
    process.terminate()
    begin = time.monotonic()
    process.communicate(timeout=PATIENCE)
    assert time.monotonic() - begin < 25
    assert process.returncode == 143
    assert (stub.rules, stub.keys, stub.unfinished) == ({}, {}, [])


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

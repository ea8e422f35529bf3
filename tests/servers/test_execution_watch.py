"""Looking for executions that nobody works on any more, and ending them."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from operations.monitoring.statsd_exporter import StatsdExporter
from servers.certificates import Authority
from servers.job_programs import IN_IMAGES, Program
from servers.ports import PATIENCE
from servers.st2_stub import PASSWORD, USER, St2Stub
from support import Synth

from constructs_st2.parts.jobs.scripts import watch_executions
from constructs_st2.parts.jobs.scripts.st2_api import Failure, Session
from constructs_st2.parts.jobs.scripts.watch_executions import Finding, Kubernetes, Pod, Watch, seconds
from constructs_st2.parts.monitoring.mapping import mapping

NOW = 1_800_000_000.0
MINUTE = 60.0
ALIVE, OTHER, DEAD = "st2-st2actionrunner-5d-live", "st2-st2actionrunner-5d-other", "st2-st2actionrunner-5d-dead"
PODS = {ALIVE: Pod(NOW - 9_000), OTHER: Pod(NOW - 9_000)}
MEMBERS = [f"{ALIVE}_1", f"{OTHER}_1"]


def stamp(at: float) -> str:
    """A time as st2 writes it."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Place:
    """A StackStorm with its runners, and the watch in this process. Its clock stands still until a test moves it."""

    def __init__(self, stub: St2Stub, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        self.st2 = stub
        self.now = NOW
        self.pods = dict(PODS)
        self.doing: list[str] = []
        self._session = session
        self._watch = self.watch()
        stub.runners = list(MEMBERS)
        monkeypatch.setattr(time, "time", lambda: self.now)

    def watch(self, **settings: Any) -> Watch:
        """Another one takes the place of the watch."""
        defaults: dict[str, Any] = {
            "runners": "st2-st2actionrunner-",
            "selector": "app=st2actionrunner",
            "container": "st2actionrunner",
            "waiting": 15 * MINUTE,
            "overdue": 10 * MINUTE,
            "registry": True,
            "statsd": "",
            "end_after": None,
            "most": 20,
            "dry_run": False,
        }
        self._watch = Watch(
            argparse.Namespace(**{**defaults, **settings}), self._session, cast("Kubernetes", _Pods(self))
        )
        return self._watch

    def execution(
        self,
        status: str = "running",
        *,
        host: str = ALIVE,
        since: float = 3 * MINUTE,
        runner: str = "local-shell-cmd",
        timeout: float | None = None,
        **more: Any,
    ) -> str:
        """Add one that entered its status some seconds ago; ``timeout`` is what its caller wanted."""
        name = f"{len(self.st2.executions):024x}"
        parameters = {"timeout": {"type": "integer", "default": 60}} if runner != "orquesta" else {}
        log = [{"status": "requested", "timestamp": stamp(self.now - since - 1)}]
        if status not in ("requested", "scheduled"):
            log.append({"status": "running", "timestamp": stamp(self.now - since)})
        if status != log[-1]["status"]:
            log.append({"status": status, "timestamp": stamp(self.now - since)})
        taken = status not in ("requested", "scheduled")
        self.st2.executions[name] = {
            "id": name,
            "status": status,
            "start_timestamp": log[0]["timestamp"],
            "log": log,
            "action": {"ref": "core.local", "parameters": {}},
            "runner": {"name": runner, "runner_parameters": parameters},
            "parameters": {} if timeout is None else {"timeout": timeout},
            "liveaction": {"id": "1", "runner_info": {"hostname": host, "pid": 1}} if taken else {"id": "1"},
            **more,
        }
        return name

    def look(self, after: float = 0) -> dict[str, str]:
        """Look some seconds later. The executions that were found, each with the reason."""
        self.now += after
        return {found.execution.id: found.reason for found in self.findings()}

    def findings(self) -> list[Finding]:
        return self._watch.look(self.now)

    def status(self, execution: str) -> str:
        return str(self.st2.executions[execution]["status"])


class _Pods:
    def __init__(self, place: Place) -> None:
        self._place = place

    def pods(self, *_: str) -> dict[str, Pod]:
        return dict(self._place.pods)


@pytest.fixture
def stub() -> Iterator[St2Stub]:
    stub = St2Stub()
    with stub.serving():
        yield stub


@pytest.fixture
def place(stub: St2Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    config = tmp_path / "config"
    config.write_text(f"[credentials]\nusername = {USER}\npassword = {PASSWORD}\n")
    urls = {f"ST2_{name.upper()}_URL": f"{stub.url}{name}/" for name in ("auth", "api", "stream")}
    return Place(stub, Session({**urls, "ST2_CONFIG_FILE": str(config)}), monkeypatch)


class TestWhoIsGone:
    """What tells that nobody works on an execution, and what does not."""

    def test_nothing_is_found_where_all_is_well(self, place: Place) -> None:
        place.execution()
        place.execution(host=OTHER)
        place.execution("scheduled")
        place.execution("requested")
        place.execution("succeeded", host=DEAD)
        assert place.look() == {}

    def test_a_pod_that_is_gone(self, place: Place) -> None:
        lost = place.execution(host=DEAD)
        assert place.look() == {lost: "runner_gone"}

    def test_a_container_that_was_started_anew_is_the_same_member(self, place: Place) -> None:
        """As after an end for want of memory: name and number of the process are those of before."""
        lost = place.execution(since=100)
        place.pods[ALIVE] = Pod(NOW - 50)
        place.execution(since=40)
        assert f"{ALIVE}_1" in MEMBERS
        assert place.look() == {lost: "runner_gone"}

    def test_a_container_that_does_not_start(self, place: Place) -> None:
        lost = place.execution()
        place.pods[ALIVE] = Pod(None)
        place.st2.runners = [f"{OTHER}_1"]
        assert place.look() == {lost: "runner_gone"}

    def test_a_runner_that_stops_leaves_the_registry_and_works_on(self, place: Place) -> None:
        place.execution()
        place.pods[ALIVE] = Pod(NOW - 9_000, deadline=NOW + 300)
        place.st2.runners = [f"{OTHER}_1"]
        assert place.look() == {}
        # Its node is lost: nobody tells Kubernetes that the pod is gone.
        assert place.look(300) == {}
        place.st2.runners = []
        assert place.look(61) == {}
        place.st2.runners = [f"{OTHER}_1"]
        assert list(place.look().values()) == ["runner_gone"]

    def test_a_runner_that_the_registry_has_lost_works_on(self, place: Place) -> None:
        place.execution()
        place.st2.runners = []
        assert place.look() == {}

    def test_a_runner_that_still_tells_of_itself_is_not_gone(self, place: Place) -> None:
        """Its pod was deleted by force; on its node it goes on."""
        place.execution(host=DEAD)
        place.st2.runners = [*MEMBERS, f"{DEAD}_1"]
        assert place.look() == {}

    def test_who_took_a_workflow_does_not_matter(self, place: Place) -> None:
        workflow = place.execution(host=DEAD, runner="orquesta")
        place.execution(parent=workflow)
        assert place.look() == {}

    def test_an_action_chain_goes_with_its_runner(self, place: Place) -> None:
        lost = place.execution(host=DEAD, runner="action-chain")
        assert place.look() == {lost: "runner_gone"}

    @pytest.mark.parametrize("status", ["running", "pausing", "resuming", "canceling"])
    def test_every_status_of_work_counts(self, place: Place, status: str) -> None:
        lost = place.execution(status, host=DEAD)
        assert place.look() == {lost: "runner_gone"}

    def test_without_a_registry_pods_tell(self, place: Place) -> None:
        place.watch(registry=False)
        place.st2.runners = None
        place.execution()
        lost = place.execution(host=DEAD)
        assert place.look() == {lost: "runner_gone"}

    def test_a_runner_elsewhere_is_known_by_the_registry_alone(self, place: Place) -> None:
        place.execution(host="bare-metal")
        place.st2.runners = [*MEMBERS, "bare-metal_1"]
        assert place.look() == {}
        place.st2.runners = MEMBERS
        assert list(place.look().values()) == ["runner_gone"]
        place.watch(registry=False)
        assert place.look() == {}


class TestWhatTakesTooLong:
    """What is found though its runner lives, or though it has none."""

    @pytest.mark.parametrize(
        ("since", "timeout", "found"),
        [
            (60 + 9 * MINUTE, None, False),
            (60 + 11 * MINUTE, None, True),
            (60 + 11 * MINUTE, 3600, False),
            (3600 + 11 * MINUTE, 3600, True),
            (60 + 11 * MINUTE, 0, False),
        ],
    )
    def test_a_timeout_that_is_over(self, place: Place, since: float, timeout: float | None, found: bool) -> None:
        place.execution(since=since, timeout=timeout)
        assert list(place.look().values()) == ["overdue"] * found

    def test_the_default_of_an_action_counts_before_that_of_its_runner(self, place: Place) -> None:
        place.execution(since=60 + 11 * MINUTE, action={"ref": "a.b", "parameters": {"timeout": {"default": 3600}}})
        assert place.look() == {}

    def test_what_an_action_calls_timeout_is_nothing_to_another_runner(self, place: Place) -> None:
        runner = {"name": "action-chain", "runner_parameters": {}}
        place.execution(since=3600, timeout=5, runner="action-chain")
        place.st2.executions[f"{0:024x}"]["runner"] = runner
        assert place.look() == {}

    def test_each_is_told_once(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        late = place.execution(since=3600)
        place.look()
        place.look(MINUTE)
        assert capsys.readouterr().out == (
            f"execution {late} of core.local, running, runner {ALIVE}: it runs for 3600 s with a timeout of 60 s\n"
        )

    @pytest.mark.parametrize("status", ["requested", "scheduled"])
    def test_what_nobody_takes(self, place: Place, status: str) -> None:
        place.execution(status, since=14 * MINUTE)
        place.execution(status, since=15 * MINUTE, delay=5 * 60_000)
        assert place.look() == {}
        late = place.execution(status, since=16 * MINUTE)
        assert place.look() == {late: "waiting"}

    def test_a_workflow_without_a_task(self, place: Place) -> None:
        workflow = place.execution(runner="orquesta", since=3600)
        task = place.execution(parent=workflow)
        assert place.look() == {}
        place.st2.executions[task].update(status="succeeded", end_timestamp=stamp(NOW - 60))
        assert place.look() == {}
        assert place.look(15 * MINUTE) == {workflow: "stalled"}

    @pytest.mark.parametrize("status", ["pending", "paused", "delayed"])
    def test_a_workflow_that_waits_on_purpose(self, place: Place, status: str) -> None:
        workflow = place.execution(runner="orquesta", since=3600)
        place.execution(status, parent=workflow, since=3000)
        assert place.look() == {}

    def test_many_executions_are_read_page_by_page(self, place: Place) -> None:
        for _ in range(230):
            place.execution(host=DEAD)
        assert len(place.look()) == 230


class TestEnding:
    """What is ended, and what never is."""

    @pytest.fixture
    def place(self, place: Place) -> Place:
        place.watch(end_after=10 * MINUTE)
        return place

    def test_it_is_off_by_default(self, place: Place) -> None:
        place.watch()
        lost = place.execution(host=DEAD)
        place.look()
        place.look(3600)
        assert place.status(lost) == "running"

    @pytest.mark.parametrize(("status", "end"), [("running", "abandoned"), ("canceling", "canceled")])
    def test_only_when_the_runner_was_gone_for_long(
        self, place: Place, capsys: pytest.CaptureFixture[str], status: str, end: str
    ) -> None:
        lost, alive = place.execution(status, host=DEAD, since=7200), place.execution(timeout=7200)
        place.look()
        place.look(9 * MINUTE)
        assert place.status(lost) == status
        place.look(MINUTE)
        assert (place.status(lost), place.status(alive)) == (end, "running")
        assert f"there is no pod {DEAD}" in place.st2.executions[lost]["result"]["error"]
        said = capsys.readouterr().out
        line = f"execution {lost} of core.local, {status}, runner {DEAD}: there is no pod {DEAD}"
        assert said == f"{line}\nended as {end}: {line}\n"
        assert place.look(MINUTE) == {}

    def test_a_runner_that_comes_back_begins_the_time_anew(self, place: Place) -> None:
        lost = place.execution(host=DEAD)
        place.look()
        place.pods[DEAD] = Pod(NOW - 9_000)
        place.look(9 * MINUTE)
        del place.pods[DEAD]
        place.look(MINUTE)
        place.look(9 * MINUTE)
        assert place.status(lost) == "running"
        place.look(MINUTE)
        assert place.status(lost) == "abandoned"

    def test_a_runner_that_comes_back_at_the_last_moment(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        lost = place.execution(host=DEAD)
        place.look()
        ask = _Pods.pods
        asked: list[int] = []

        def pods(self: _Pods, *arguments: str) -> dict[str, Pod]:
            asked.append(1)
            return {**ask(self, *arguments), **({DEAD: Pod(NOW - 9_000)} if len(asked) > 1 else {})}

        monkeypatch.setattr(_Pods, "pods", pods)
        place.look(10 * MINUTE)
        assert len(asked) == 2
        assert place.status(lost) == "running"

    def test_what_has_ended_meanwhile_stays_as_it_is(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        lost = place.execution(host=DEAD)
        place.look()
        say = Watch._say

        def ends(self: Watch, found: list[Finding]) -> None:
            say(self, found)
            place.st2.executions[lost]["status"] = "succeeded"

        monkeypatch.setattr(Watch, "_say", ends)
        place.look(10 * MINUTE)
        assert place.status(lost) == "succeeded"

    def test_nothing_on_the_word_of_an_empty_registry(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        lost = place.execution(host=DEAD)
        place.st2.runners = None
        place.look()
        place.look(10 * MINUTE)
        assert place.status(lost) == "running"
        assert "nothing is ended: the service registry lists no runner, but 2 of them work" in capsys.readouterr().out
        # There really is none.
        place.pods.clear()
        place.look(MINUTE)
        assert place.status(lost) == "abandoned"

    def test_nothing_without_a_registry(self, place: Place) -> None:
        place.watch(end_after=10 * MINUTE, registry=False)
        lost = place.execution(host=DEAD)
        place.look()
        place.look(10 * MINUTE)
        assert place.status(lost) == "running"

    def test_nothing_while_the_registry_cannot_be_read(self, place: Place) -> None:
        lost = place.execution(host=DEAD)
        place.look()
        place.st2.breaks("GET service_registry")
        with pytest.raises(Failure, match="answered with 500"):
            place.look(10 * MINUTE)
        assert place.status(lost) == "running"

    def test_nothing_of_runners_that_kubernetes_does_not_know(self, place: Place) -> None:
        lost = place.execution(host="bare-metal")
        place.look()
        assert place.look(10 * MINUTE) == {lost: "runner_gone"}
        assert place.status(lost) == "running"

    def test_nothing_that_only_takes_long(self, place: Place) -> None:
        late = [place.execution(since=7200), place.execution("scheduled", since=7200)]
        place.look()
        place.look(7200)
        assert [place.status(each) for each in late] == ["running", "scheduled"]

    def test_so_many_at_a_look_and_the_oldest_first(self, place: Place) -> None:
        place.watch(end_after=10 * MINUTE, most=2)
        lost = [place.execution(host=DEAD, since=since) for since in (100, 300, 200)]
        place.look()
        place.look(10 * MINUTE)
        assert [place.status(each) for each in lost] == ["running", "abandoned", "abandoned"]
        place.look(MINUTE)
        assert place.status(lost[0]) == "abandoned"

    def test_a_rehearsal_only_tells(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.watch(end_after=10 * MINUTE, dry_run=True)
        lost = place.execution(host=DEAD)
        place.look()
        place.look(10 * MINUTE)
        assert place.status(lost) == "running"
        assert f"would end execution {lost} of core.local" in capsys.readouterr().out

    def test_one_that_has_ended_in_the_other_collection_is_told_apart(self, place: Place) -> None:
        lost = place.execution(host=DEAD, live_action="succeeded")
        other = place.execution(host=DEAD)
        assert place.look() == {lost: "runner_gone", other: "runner_gone"}
        place.look(10 * MINUTE)
        assert place.status(other) == "abandoned"
        assert place.look(MINUTE) == {lost: "inconsistent"}

    def test_one_that_cannot_be_ended_does_not_keep_the_others(
        self, place: Place, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lost = [place.execution(host=DEAD, since=since) for since in (300, 200)]
        place.look()
        place.st2.breaks("PUT executions", times=1)
        place.look(10 * MINUTE)
        assert [place.status(each) for each in lost] == ["running", "abandoned"]
        assert f"cannot end {lost[0]}: PUT v1/executions/{lost[0]} of st2api is answered" in capsys.readouterr().out


def test_a_new_token_is_asked_for_when_the_old_one_has_expired(place: Place) -> None:
    place.look()
    place.look()
    assert len(place.st2.tokens) == 1
    place.st2.tokens.clear()
    with pytest.raises(Failure, match="refuses the login"):
        place.look()
    assert place.look() == {}
    assert len(place.st2.tokens) == 1


@pytest.mark.parametrize(
    ("pod", "host"),
    [
        ({"metadata": {"name": "st2-st2actionrunner-1"}, "spec": {}}, "st2-st2actionrunner-1"),
        ({"metadata": {"name": f"{'a' * 62}-bcd"}, "spec": {}}, "a" * 62),
        ({"metadata": {"name": "one"}, "spec": {"hostname": "other"}}, "other"),
        ({"metadata": {"name": "one"}, "spec": {"hostNetwork": True, "nodeName": "node-1"}}, "node-1"),
    ],
)
def test_pods_are_known_by_the_name_of_their_host(pod: dict[str, Any], host: str) -> None:
    assert watch_executions._host(pod) == host


@pytest.mark.parametrize("text", ["2027-01-15T08:00:00Z", "2027-01-15T08:00:00.000000Z", "2027-01-15T08:00:00+00:00"])
def test_times_of_st2_and_of_kubernetes(text: str) -> None:
    assert seconds(text) == NOW


class Cluster:
    """The Kubernetes API of a cluster, as far as the watch asks it."""

    def __init__(self, folder: Path) -> None:
        self.account = folder / "account"
        self.account.mkdir()
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []
        self.pods: list[dict[str, Any]] = []
        secret = Authority().secret(["kubernetes"], ["127.0.0.1"])
        for name, content in {"token": "token-of-the-pod\n", "namespace": "blue", "ca.crt": secret["ca.crt"]}.items():
            (self.account / name).write_text(content)
        for name in ("tls.crt", "tls.key"):
            (folder / name).write_text(secret[name])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_KubernetesApi,), {"cluster": self}))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def runs(self, name: str, *, since: float) -> None:
        """Add a pod."""
        state = {"running": {"startedAt": stamp(time.time() - since)[:19] + "Z"}}
        statuses = [{"name": "sidecar", "state": {"waiting": {}}}, {"name": "st2actionrunner", "state": state}]
        self.pods.append({"metadata": {"name": name}, "spec": {}, "status": {"containerStatuses": statuses}})

    @property
    def environment(self) -> dict[str, str]:
        host, port = self.server.server_address[:2]
        return {"KUBERNETES_SERVICE_HOST": str(host), "KUBERNETES_SERVICE_PORT": str(port)}


class _KubernetesApi(BaseHTTPRequestHandler):
    cluster: Cluster

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.cluster.asked.append((url.path, parse_qs(url.query), self.headers["Authorization"]))
        content = json.dumps({"kind": "PodList", "items": self.cluster.pods}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def kubernetes(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.server.shutdown()
    cluster.server.server_close()


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(PATIENCE)
        yield receiver


WATCHING = {"monitoring": {"enabled": True}, "executionWatch": {"cleanup": {"enabled": True}}}


@pytest.fixture(params=[None, *IN_IMAGES])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    """With the Python of the tests, and with those of the images."""
    if request.param is None:
        return Program("watch_executions", tmp_path)
    python = IN_IMAGES[request.param]
    if python is None:
        pytest.skip(f"there is no Python {request.param}")
    return Program("watch_executions", tmp_path, [python])


def test_the_pod_as_it_is_shipped(
    program: Program, stub: St2Stub, kubernetes: Cluster, receiver: socket.socket, synth: Synth
) -> None:
    container = synth(WATCHING).container("execution-watch")
    assert container["command"][-1] == "constructs_st2.parts.jobs.scripts.watch_executions"
    changed = {
        "--statsd": f"127.0.0.1:{receiver.getsockname()[1]}",
        "--end-after": "0.5",
        "--interval": "0.3",
    }
    arguments = [
        f"{name}={changed.get(name, value)}" for name, _, value in (each.partition("=") for each in container["args"])
    ]
    lost = {
        "id": "a1",
        "status": "running",
        "start_timestamp": stamp(time.time() - 60),
        "action": {"ref": "core.local"},
        "runner": {"name": "local-shell-cmd"},
        "liveaction": {"runner_info": {"hostname": DEAD, "pid": 1}},
    }
    other = {**lost, "id": "a2", "liveaction": {"runner_info": {"hostname": ALIVE, "pid": 1}}}
    stub.executions.update(a1=lost, a2=other)
    stub.runners = [f"{ALIVE}_1"]
    kubernetes.runs(ALIVE, since=600)
    account = f"--account={kubernetes.account}"
    process = program.start(stub, *arguments, account, PYTHONUNBUFFERED="1", **kubernetes.environment)
    exporter = StatsdExporter(mapping("blue", []))
    exporter.send(*receiver.recv(65_536).decode().splitlines())
    begin = exporter.metrics
    deadline = time.monotonic() + PATIENCE
    while lost["status"] == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    # It says so only after st2api has: the second look after that has begun when that is said.
    patience = receiver.gettimeout()
    receiver.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            receiver.recv(65_536)
    receiver.settimeout(patience)
    for _ in range(2):
        receiver.recv(65_536)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert begin["st2_executions_orphaned{reason=runner_gone}"] == 1
    assert begin["st2_executions_orphaned{reason=overdue}"] == 0
    assert abs(begin["st2_executions_looked_at_timestamp_seconds"] - time.time()) < PATIENCE
    assert exporter.events == {}
    assert (lost["status"], other["status"]) == ("abandoned", "running")
    assert out.count("\n") == 2
    assert "ended as abandoned: execution a1 of core.local, running" in out
    path, query, authorization = kubernetes.asked[0]
    assert (path, authorization) == ("/api/v1/namespaces/blue/pods", "Bearer token-of-the-pod")
    assert query == {"labelSelector": ["app=st2actionrunner,release=st2"]}


def test_says_once_what_it_cannot_ask_and_goes_on(
    stub: St2Stub, kubernetes: Cluster, receiver: socket.socket, tmp_path: Path
) -> None:
    program = Program("watch_executions", tmp_path)
    stub.breaks("GET executions", times=3)
    port = receiver.getsockname()[1]
    process = program.start(
        stub,
        "--runners=st2-st2actionrunner-",
        "--selector=app=st2actionrunner",
        "--container=st2actionrunner",
        "--interval=0.1",
        f"--statsd=127.0.0.1:{port}",
        f"--account={kubernetes.account}",
        PYTHONUNBUFFERED="1",
        **kubernetes.environment,
    )
    for _ in range(2):
        receiver.recv(65_536)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE)
    first, *others = out.splitlines()
    assert first.startswith("cannot look: GET v1/executions?status=requested")
    assert others == ["looking again"]
    assert not any(secret in out for secret in (PASSWORD, *stub.tokens))


def test_wrong_usage_is_told(tmp_path: Path, stub: St2Stub) -> None:
    result: subprocess.CompletedProcess[str] = Program("watch_executions", tmp_path).run(stub)
    assert result.returncode == 2
    assert "--runners" in result.stderr
    assert os.linesep in result.stderr

"""st2's use of tooz against a real etcd, with the releases of tooz that st2 has and the library that its pods get."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import pytest
from servers.environments import Interpreter, Raised, coordinator
from servers.ports import PATIENCE, accepts, eventually, free_port
from support import Environment, Require

from constructs_st2.parts.backends.etcd.library import LIBRARY_FILE, library
from constructs_st2.values.model.images import St2Version

LIFETIME = 2
"""Seconds for which locks and members last without a heartbeat; the least that etcd grants."""

TAKE_TURNS = """
import eventlet

inside = most = 0

def take_a_turn():
    global inside, most
    with coordinator.get_lock("turns"):
        inside += 1
        most = max(most, inside)
        eventlet.sleep(0.001)
        inside -= 1

def take_turns(threads):
    for thread in [eventlet.spawn(take_a_turn) for _ in range(threads)]:
        thread.wait()
    return most
"""


class Etcd:
    """An etcd of one member."""

    def __init__(self, program: str, folder: Path, certificate: tuple[Path, Path] | None = None) -> None:
        self.port = free_port()
        self._folder = folder
        self._scheme = "https" if certificate else "http"
        client, peer = f"{self._scheme}://localhost:{self.port}", f"http://127.0.0.1:{free_port()}"
        addresses = {
            "listen-client-urls": f"{self._scheme}://127.0.0.1:{self.port}",
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
        }
        tls = dict(zip(("cert-file", "key-file"), certificate, strict=True)) if certificate else {}
        self._command = [program, *(f"--{flag}={value}" for flag, value in {**addresses, **tls}.items())]
        self.start()

    def url(self, **options: object) -> str:
        settings = {"membership_timeout": LIFETIME, **options}
        query = "&".join(f"{name}={value}" for name, value in settings.items())
        return f"st2etcd+{self._scheme}://localhost:{self.port}?{query}"

    def start(self, data: str = "data") -> None:
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [*self._command, f"--data-dir={self._folder / data}"], stdout=log, stderr=log
            )
        eventually(lambda: accepts(self.port), "etcd accepts connections")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        # The signal takes its time to reach all threads.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def leases(self) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v3/lease/leases", data=b"{}", method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return len(json.load(answer).get("leases", []))


@pytest.fixture(scope="module", params=get_args(St2Version))
def version(request: pytest.FixtureRequest) -> St2Version:
    found: St2Version = request.param
    return found


@pytest.fixture(scope="module")
def python(version: St2Version, environment: Environment) -> Path:
    return environment(f"st2-{version}")


@pytest.fixture(scope="module")
def variables(version: St2Version, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment variables of a pod of st2. etcd is not behind its proxy."""
    path = tmp_path_factory.mktemp("library") / LIBRARY_FILE
    path.write_bytes(library(version))
    nowhere = f"http://127.0.0.1:{free_port()}"
    return {"PYTHONPATH": str(path), "http_proxy": nowhere, "https_proxy": nowhere}


@pytest.fixture(scope="module")
def etcd(version: St2Version, require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    server = Etcd(require("etcd"), tmp_path_factory.mktemp(f"etcd-{version}"))
    yield server
    server.kill()


@pytest.fixture
def own_etcd(require: Require, tmp_path: Path) -> Iterator[Etcd]:
    """One that the test may do to what it likes."""
    server = Etcd(require("etcd"), tmp_path)
    yield server
    server.kill()


Member = Callable[..., Interpreter]
Pair = tuple[Interpreter, Interpreter]


@contextmanager
def members(python: Path, variables: Mapping[str, str]) -> Iterator[Member]:
    """Starts processes with a coordinator: `member("api_1", etcd.url())`."""
    started: list[Interpreter] = []

    def start(name: str, url: str, more: str = "") -> Interpreter:
        started.append(Interpreter(python, coordinator(url, name.encode(), LIFETIME) + more, variables))
        assert started[-1]("coordinator.is_started") is True
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()


@pytest.fixture
def member(python: Path, variables: Mapping[str, str]) -> Iterator[Member]:
    with members(python, variables) as start:
        yield start


@pytest.fixture(scope="module")
def pair(python: Path, variables: Mapping[str, str], etcd: Etcd) -> Iterator[Pair]:
    """Two processes, for tests that do no harm to them."""
    with members(python, variables) as start:
        yield start("host-1_1", etcd.url()), start("host/2_1", etcd.url())


def run(python: Path, code: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-c", code], env=variables, capture_output=True, text=True, check=False)


def test_the_client_of_etcd_comes_with_the_library_alone(python: Path, variables: Mapping[str, str]) -> None:
    assert "No module named 'etcd3gw'" in run(python, "import etcd3gw", {}).stderr
    found = run(python, "import etcd3gw; print(etcd3gw.__file__)", variables)
    assert found.stdout.startswith(variables["PYTHONPATH"]), found.stderr


@pytest.mark.parametrize("name", ["pack.action", b"kvp-crud-st2kv.system.key", "pack.größe", b"a/b//", b"\xff"])
def test_a_lock_has_one_holder(pair: Pair, name: str | bytes) -> None:
    first, second = pair
    lock = f"lock({name!r})"
    assert first(f"{lock}.acquire(blocking=False)") is True
    assert second(f"{lock}.acquire(blocking=False)") is False
    assert second(f"{lock}.acquire(blocking=0.3)") is False
    assert second(f"{lock}.release()") is False  # as the scheduler does also with what it did not get
    assert first(f"{lock}.acquire(blocking=False)") is False
    assert first(f"{lock}.acquired") is True
    assert first(f"{lock}.release()") is True
    assert first(f"{lock}.release()") is False
    assert second(f"{lock}.acquire()") is True
    assert second(f"{lock}.release()") is True


def test_text_and_bytes_name_the_same_lock_and_parts_of_a_name_name_others(pair: Pair) -> None:
    first, second = pair
    assert first("lock('a/b').acquire()") is True
    assert second("lock(b'a/b').acquire(blocking=False)") is False
    for name in ("a", "a/", "b", "a/b/"):
        assert second(f"lock({name!r}).acquire(blocking=False)") is True


def test_who_waits_gets_the_lock_when_it_is_free(pair: Pair) -> None:
    first, second = pair
    assert first("lock('waited for').__enter__().acquired") is True
    second.begin("lock('waited for').__enter__().acquired")
    with pytest.raises(TimeoutError):
        second.answer(0.5)
    first("lock('waited for').__exit__(None, None, None)")
    assert second.answer() is True


def test_many_green_threads_take_turns_and_leave_nothing(own_etcd: Etcd, member: Member) -> None:
    process = member("process", own_etcd.url(), TAKE_TURNS)
    assert process("take_turns(40)") == 1
    assert process("coordinator.get_lock('turns').acquire(blocking=False)") is True
    assert process("coordinator.get_lock('turns').acquire(blocking=False)") is False
    # That of the membership, and that of the lock.
    assert own_etcd.leases() == 2
    assert "pool is full" not in "".join(process.log)


def test_what_a_process_holds_lasts_as_long_as_it_beats_and_not_longer(etcd: Etcd, member: Member) -> None:
    holder, other = member("holder", etcd.url()), member("other", etcd.url())
    holder("join(b'beating')")
    assert holder("lock('beating').acquire()") is True
    time.sleep(1.5 * LIFETIME)
    assert other("lock('beating').acquire(blocking=False)") is False
    assert other("members(b'beating')") == {b"holder"}

    holder.process.send_signal(signal.SIGKILL)
    assert other("lock('beating').acquire()") is True
    eventually(lambda: other("members(b'beating')") == set(), "the dead member is gone")


def test_groups(pair: Pair) -> None:
    first, second = pair
    for unknown in ("join_group", "get_members"):
        with pytest.raises(Raised, match="GroupNotCreated"):
            first(f"coordinator.{unknown}(b'groups').get()")
    capabilities = {"hostname": "host-1", "pid": 1, "name": "groups"}
    first(f"join(b'groups', {capabilities!r})")
    second("join(b'groups')")
    assert first("members(b'groups')") == second("members(b'groups')") == {b"host-1_1", b"host/2_1"}
    assert second("capabilities(b'groups', b'host-1_1')") == capabilities
    with pytest.raises(Raised, match="MemberAlreadyExist"):
        first("coordinator.join_group(b'groups').get()")

    first("coordinator.leave_group(b'groups').get()")
    assert second("members(b'groups')") == {b"host/2_1"}
    with pytest.raises(Raised, match="MemberNotJoined"):
        first("coordinator.leave_group(b'groups').get()")


def test_names_of_groups_do_not_get_into_each_others_way(pair: Pair) -> None:
    _, process = pair
    names = [b"names", b"names/host", b"names/", b"names%2Fhost", "größe".encode()]
    for name in names:
        process(f"join({name!r})")
    listed = process("coordinator.get_groups().get()")
    assert set(names) <= set(listed)
    assert len(listed) == len(set(listed))
    assert [process(f"members({name!r})") for name in names] == [{b"host/2_1"}] * len(names)


def test_a_process_that_starts_again_under_its_name_is_a_member_at_once(etcd: Etcd, member: Member) -> None:
    other = member("other", etcd.url())
    first = member("host_1", etcd.url())
    first("join(b'again', 1)")
    first.process.send_signal(signal.SIGKILL)
    second = member("host_1", etcd.url())
    second("join(b'again', 2)")
    time.sleep(1.5 * LIFETIME)
    assert other("members(b'again')") == {b"host_1"}
    assert other("capabilities(b'again', b'host_1')") == 2


def test_a_process_that_was_out_of_reach_joins_again_but_knows_that_its_locks_are_lost(
    etcd: Etcd, member: Member
) -> None:
    process, other = member("process", etcd.url()), member("other", etcd.url())
    process("join(b'away', 'capable')")
    process("join(b'left')")
    process("coordinator.leave_group(b'left').get()")
    assert process("lock('away').acquire()") is True
    process.process.send_signal(signal.SIGSTOP)
    eventually(lambda: other("members(b'away')") == set(), "the silent member is gone")
    assert other("lock('away').acquire()") is True

    process.process.send_signal(signal.SIGCONT)
    eventually(lambda: other("members(b'away')") == {b"process"}, "the member is back")
    assert other("capabilities(b'away', b'process')") == "capable"
    assert other("members(b'left')") == set()
    assert process("lock('away').acquired") is False
    assert process("lock('away').release()") is False
    assert other("lock('away').acquired") is True
    assert process("lock('away').acquire(blocking=False)") is False


def test_a_member_joins_again_where_etcd_has_lost_its_data(own_etcd: Etcd, member: Member) -> None:
    process = member("process", own_etcd.url())
    process("join(b'lost', 'capable')")
    own_etcd.kill()
    own_etcd.start("other data")
    other = member("other", own_etcd.url())
    eventually(lambda: other("coordinator.get_groups().get()") == [b"lost"], "the group is back")
    eventually(lambda: other("members(b'lost')") == {b"process"}, "and then its member")
    assert other("capabilities(b'lost', b'process')") == "capable"


def test_a_process_that_stops_leaves_its_groups(etcd: Etcd, pair: Pair, member: Member) -> None:
    process = member("process", etcd.url())
    process("join(b'stopping')")
    process("coordinator.stop()")
    assert pair[0]("members(b'stopping')") == set()


def test_an_outage_goes_unnoticed(own_etcd: Etcd, member: Member) -> None:
    process, other = member("process", own_etcd.url()), member("other", own_etcd.url())
    process("join(b'outage')")
    assert process("lock('held').acquire()") is True
    own_etcd.kill()
    process.begin("lock('wanted').acquire()")
    time.sleep(1)
    own_etcd.start()
    assert process.answer() is True
    time.sleep(1.5 * LIFETIME)
    assert process("coordinator.heart.is_alive()") is True
    assert other("lock('held').acquire(blocking=False)") is False
    assert other("lock('wanted').acquire(blocking=False)") is False
    assert other("members(b'outage')") == {b"process"}


def test_a_long_outage_is_a_lost_connection_and_delays_no_stop(own_etcd: Etcd, member: Member) -> None:
    process, other = member("process", own_etcd.url()), member("other", own_etcd.url())
    process("join(b'stopped')")
    assert process("lock('stopped').acquire()") is True
    own_etcd.kill()
    process("setattr(coordinator.client, 'patience', 0.2)")
    with pytest.raises(Raised, match="ToozConnectionError"):
        process("lock('wanted').acquire()")
    with pytest.raises(Raised, match="ToozConnectionError"):
        process("lock('stopped').release()")
    begin = time.monotonic()
    other("coordinator.stop()")
    # Anything else is tried for 20 s.
    assert time.monotonic() - begin < 15

    own_etcd.start()
    eventually(lambda: process("coordinator.get_lock('stopped').acquire(blocking=False)"), "the lock expires")


def test_an_etcd_that_does_not_answer_is_a_lost_connection(own_etcd: Etcd, member: Member) -> None:
    process = member("process", own_etcd.url(timeout=1))
    process("setattr(coordinator.client, 'patience', 0)")
    own_etcd.hang()
    with pytest.raises(Raised, match="ToozConnectionError"):
        process("lock('wanted').acquire()")


def test_an_answer_that_was_lost_is_no_lost_lock(etcd: Etcd, member: Member) -> None:
    process = member("process", etcd.url())
    process(
        "setattr(coordinator.client, 'transaction', lambda request, ask=coordinator.client.transaction:"
        " [ask(request), ask(request)][-1])"
    )
    assert process("lock('asked twice').acquire(blocking=False)") is True
    assert process("lock('asked twice').acquire(blocking=False)") is False
    assert process("lock('asked twice').release()") is True


def test_https(require: Require, member: Member, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    openssl = [require("openssl"), "req", "-x509", *algorithm, *subject, *files]
    subprocess.run(openssl, check=True, capture_output=True)
    server = Etcd(require("etcd"), tmp_path, (certificate, key))
    try:
        process = member("process", server.url(ca_cert=certificate))
        process("join(b'secure')")
        assert process("members(b'secure')") == {b"process"}
        assert process("lock('secure').acquire()") is True
    finally:
        server.kill()

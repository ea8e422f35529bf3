"""st2's use of tooz against real Redis and sentinels, with the releases of tooz that st2 has and the pods' library.

What users of it see of another master: nothing.
"""

from __future__ import annotations

import signal
import string
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from servers.environments import Interpreter, Raised, coordinator
from servers.ports import accepts, eventually, free_port
from servers.redis_cluster import RedisCluster
from support import Environment, MakeCluster, Require

from constructs_st2.parts.backends.redis.library import LIBRARY_FILE, library
from constructs_st2.values.model.images import St2Version

MEMBERS = (0, 1, 2)
LIFETIME = 2
"""Seconds for which locks and members last without a heartbeat."""
SOON = 60
"""Seconds in which what is tried for two minutes cannot be over."""

# Several services that want the same lock, and such as want one of their own, as for each execution. A lock that was
# taken must be there when it is released, and nobody else may have it meanwhile.
WORK = """
import itertools
import os
import time
import eventlet
from tooz import coordination

inside = most = 0
turns = []
errors = []
slowest = 0.0
stopped = eventlet.event.Event()

def coordinator(name):
    made = coordination.get_coordinator(os.environ["URL"], name, lock_timeout=60)
    made.start(start_heart=True)
    return made

def turn(lock, is_shared):
    global inside, most
    with lock:
        if is_shared:
            inside += 1
            most = max(most, inside)
        eventlet.sleep(0.02)
        inside -= is_shared
        assert lock.acquired
    turns.append(is_shared)

def work(coordinator, name, is_shared):
    global slowest
    for number in itertools.count():
        if stopped.ready():
            return
        begin = time.monotonic()
        try:
            turn(coordinator.get_lock("turns" if is_shared else f"{name} {number}"), is_shared)
        except Exception as error:
            errors.append(repr(error))
            eventlet.sleep(0.01)
        slowest = max(slowest, time.monotonic() - begin)

def members():
    return coordinators[0].get_members(b"services").get()

coordinators = [coordinator(b"service %d" % number) for number in range(6)]
try:
    coordinators[0].create_group(b"services").get()
except coordination.GroupAlreadyExist:
    pass
for each in coordinators:
    each.join_group(b"services").get()

def start():
    global threads
    threads = [eventlet.spawn(work, each, f"own {n}", n % 2) for n, each in enumerate(coordinators)]

def stop():
    stopped.send()
    for thread in threads:
        thread.wait()
    return {"errors": errors, "turns": len(turns), "shared": sum(turns), "most": most, "slowest": slowest}
"""


@pytest.fixture(scope="module", params=get_args(St2Version))
def version(request: pytest.FixtureRequest) -> St2Version:
    found: St2Version = request.param
    return found


@pytest.fixture(scope="module")
def python(version: St2Version, environment: Environment) -> Path:
    return environment(f"st2-{version}")


@pytest.fixture(scope="module")
def cluster_of_three(
    version: St2Version, require: Require, cluster: MakeCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisCluster]:
    for program in ("ip", "redis-cli", "redis-sentinel", "redis-server"):
        require(program)
    values = {"st2": {"version": version}, "redis": {"version": "7.0"}}
    made = RedisCluster(cluster(values), tmp_path_factory.mktemp("redis") / "pods")
    with made.pods:
        made.start_all()
        made.settled()
        yield made


class TestAnotherMaster:
    """A cluster of three in fake pods, under services that take and release locks all the time."""

    @pytest.fixture
    def redis(self, cluster_of_three: RedisCluster) -> RedisCluster:
        return cluster_of_three

    @pytest.fixture
    def services(self, redis: RedisCluster, python: Path) -> Iterator[Interpreter]:
        started = redis.service(python, WORK)
        started("start()")
        eventually(lambda: started("len(turns)") > 20, "they work")
        yield started
        started.kill()

    @staticmethod
    def saw_nothing(services: Interpreter) -> None:
        worked = services("len(turns)")
        eventually(lambda: services("len(turns)") > worked + 20, "they go on")
        seen: dict[str, Any] = services("stop()")
        assert seen["errors"] == []
        assert seen["most"] == 1
        assert seen["shared"]
        assert services("members()") == {f"service {number}".encode() for number in range(6)}

    def test_a_master_that_is_told_to_stop(self, redis: RedisCluster, services: Interpreter) -> None:
        master = redis.settled()
        redis.pod(master).stop()
        redis.start(master)
        assert redis.settled() != master
        self.saw_nothing(services)

    def test_a_master_that_is_killed(self, redis: RedisCluster, services: Interpreter) -> None:
        master = redis.settled()
        redis.pod(master).kill()
        redis.settled(*(member for member in MEMBERS if member != master))
        self.saw_nothing(services)
        redis.start(master)
        redis.settled()


class Redis:
    """One Redis on this machine."""

    def __init__(self, require: Require, folder: Path) -> None:
        self.port = free_port()
        self._cli = require("redis-cli")
        self._command = [require("redis-server"), "--port", str(self.port), "--dir", str(folder), "--save", ""]
        self.start()

    def url(self, **options: object) -> str:
        query = "&".join(f"{name}={value}" for name, value in {"membership_timeout": LIFETIME, **options}.items())
        return f"st2redis://127.0.0.1:{self.port}?{query}"

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        eventually(lambda: accepts(self.port), "Redis accepts connections")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __call__(self, *command: str) -> str:
        ask = [self._cli, "-p", str(self.port), "--raw", *command]
        return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def server(require: Require, tmp_path: Path) -> Iterator[Redis]:
    made = Redis(require, tmp_path)
    yield made
    made.kill()


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment variables of a pod of st2."""
    path = tmp_path_factory.mktemp("library") / LIBRARY_FILE
    path.write_bytes(library())
    return {"PYTHONPATH": str(path)}


Member = Callable[..., Interpreter]


@pytest.fixture
def member(python: Path, variables: Mapping[str, str]) -> Iterator[Member]:
    """Starts processes with a coordinator: `member("api_1", server.url())`."""
    started: list[Interpreter] = []

    def start(name: str, url: str, more: str = "") -> Interpreter:
        started.append(Interpreter(python, coordinator(url, name.encode(), LIFETIME) + more, variables))
        assert started[-1]("coordinator.is_started") is True
        return started[-1]

    yield start
    for process in started:
        process.kill()


# Does what it is told once more, as after an answer that is lost.
LOSE_ANSWERS = """
import redis.exceptions

def losing(client, name):
    ask, lost = getattr(client, name), []
    def asked(*args, **kwargs):
        answer = ask(*args, **kwargs)
        if not lost:
            lost.append(answer)
            raise redis.exceptions.ConnectionError("the answer is lost")
        return answer
    setattr(client, name, asked)

def lose(name):
    losing(coordinator._client.once, name)
"""


def test_a_lock_has_one_holder_also_of_both_drivers(server: Redis, member: Member) -> None:
    first, second = member("one", server.url()), member("two", server.url())
    third = member("three", server.url().replace("st2redis", "redis", 1))
    assert first("lock('a').acquire(blocking=False)") is True
    for other in (second, third):
        assert other("lock('a').acquire(blocking=False)") is False
        assert other("lock('a').release()") is False
    assert first("lock('a').release()") is True
    assert first("lock('a').release()") is False
    assert third("lock('a').acquire()") is True
    assert first("lock('a').acquire(blocking=0.3)") is False


def test_an_answer_that_was_lost_is_no_lost_lock(server: Redis, member: Member) -> None:
    process, other = member("one", server.url(), LOSE_ANSWERS), member("two", server.url())
    process("lose('set')")
    assert process("lock('a').acquire(blocking=False)") is True
    assert other("lock('a').acquire(blocking=False)") is False
    process("lose('evalsha')")
    assert process("lock('a').release()") is True
    assert other("lock('a').acquire(blocking=False)") is True
    # What another holds is not taken for one's own.
    process("lose('set')")
    assert process("lock('a').acquire(blocking=False)") is False
    assert other("lock('a').acquired") is True


def test_an_answer_that_was_lost_is_no_failure_of_a_group(server: Redis, member: Member) -> None:
    process = member("one", server.url(), LOSE_ANSWERS)
    process("lose('evalsha')")
    process("join(b'group', 'capable')")
    assert process("capabilities(b'group', b'one')") == "capable"
    process("lose('hdel')")
    process("coordinator.leave_group(b'group').get()")
    assert process("members(b'group')") == set()
    with pytest.raises(Raised, match="MemberNotJoined"):
        process("coordinator.leave_group(b'group').get()")
    for unknown in ("join_group", "leave_group", "get_members"):
        with pytest.raises(Raised, match="GroupNotCreated"):
            process(f"coordinator.{unknown}(b'unknown').get()")


@pytest.mark.parametrize(
    ("refuse", "accept"),
    [
        (["config", "set", "min-replicas-to-write", "1"], ["config", "set", "min-replicas-to-write", "0"]),
        (["replicaof", "127.0.0.1", "1"], ["replicaof", "no", "one"]),
    ],
    ids=["NOREPLICAS", "READONLY"],
)
def test_a_refusal_is_waited_out(server: Redis, member: Member, refuse: list[str], accept: list[str]) -> None:
    process = member("one", server.url())
    process("join(b'group')")
    assert process("lock('held').acquire()") is True
    server(*refuse)
    process.begin("lock('held').release() and lock('wanted').acquire()")
    process.begin("coordinator.create_group(b'another').get()")
    with pytest.raises(TimeoutError):
        process.answer(1)
    server(*accept)
    assert process.answer() is True
    assert process.answer() is None
    process("join(b'another')")


def test_an_outage_goes_unnoticed(server: Redis, member: Member) -> None:
    process = member("one", server.url())
    process("join(b'group', 'capable')")
    server.kill()
    process.begin("lock('wanted').acquire()")
    time.sleep(1)
    server.start()
    assert process.answer() is True
    # It has lost its data.
    of_groups = "[members(group) for group in coordinator.get_groups().get()]"
    eventually(lambda: process(of_groups) == [{b"one"}], "the group is back, and then its member")
    assert process("capabilities(b'group', b'one')") == "capable"
    assert process("coordinator.heart.is_alive()") is True


def test_a_long_outage_is_a_lost_connection_told_once_and_delays_no_stop(server: Redis, member: Member) -> None:
    process, other = member("one", server.url()), member("two", server.url())
    process("join(b'group')")
    assert process("lock('stopped').acquire()") is True
    assert other("lock('held').acquire()") is True
    server.kill()
    other("setattr(coordinator._client, 'patience', 1)")
    begin = time.monotonic()
    for call in ("lock('wanted').acquire()", "lock('held').release()", "members(b'group')"):
        with pytest.raises(Raised, match="ToozConnectionError"):
            other(call)
    assert time.monotonic() - begin < SOON
    begin = time.monotonic()
    process("coordinator.stop()")
    assert time.monotonic() - begin < SOON


def test_a_redis_that_hangs_delays_no_stop(server: Redis, member: Member) -> None:
    process = member("one", server.url(socket_timeout=2))
    process("join(b'group')")
    for name in string.ascii_lowercase:
        assert process(f"lock({name!r}).acquire()") is True
    server.process.send_signal(signal.SIGSTOP)
    try:
        begin = time.monotonic()
        process("coordinator.stop()")
        assert time.monotonic() - begin < 20, "it waits for an answer once, and not for each lock"
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_a_wrong_password_is_told_at_once(server: Redis, python: Path, variables: Mapping[str, str]) -> None:
    server("config", "set", "requirepass", "right")
    url = server.url().replace("://", "://:wrong@")
    begin = time.monotonic()
    done = subprocess.run(
        [python, "-c", coordinator(url, b"one")], env=variables, capture_output=True, text=True, check=False
    )
    assert "invalid username-password pair" in done.stderr
    assert time.monotonic() - begin < SOON


def test_what_a_process_holds_lasts_as_long_as_it_beats_and_not_longer(server: Redis, member: Member) -> None:
    holder, other = member("holder", server.url()), member("other", server.url())
    holder("join(b'beating')")
    assert holder("lock('beating').acquire()") is True
    time.sleep(1.5 * LIFETIME)
    assert other("lock('beating').acquire(blocking=False)") is False
    assert other("members(b'beating')") == {b"holder"}
    holder.process.send_signal(signal.SIGKILL)
    assert other("lock('beating').acquire()") is True
    eventually(lambda: other("members(b'beating')") == set(), "the dead member is gone")


def test_a_process_that_was_away_joins_again_but_knows_that_its_locks_are_lost(server: Redis, member: Member) -> None:
    process, other = member("process", server.url()), member("other", server.url())
    process("join(b'away', 'capable')")
    process("join(b'left')")
    process("coordinator.leave_group(b'left').get()")
    assert process("lock('away').acquire()") is True
    process.process.send_signal(signal.SIGSTOP)
    eventually(lambda: other("members(b'away')") == set(), "the silent member is struck out")
    assert other("lock('away').acquire()") is True
    process.process.send_signal(signal.SIGCONT)
    eventually(lambda: other("members(b'away')") == {b"process"}, "the member is back")
    assert other("capabilities(b'away', b'process')") == "capable"
    assert other("members(b'left')") == set()
    eventually(lambda: process("lock('away').acquired") is False, "it knows that the lock is lost")
    assert process("lock('away').release()") is False
    assert other("lock('away').acquired") is True


def test_a_process_that_starts_again_under_its_name_is_a_member_at_once(server: Redis, member: Member) -> None:
    first = member("host_1", server.url())
    first("join(b'again', 1)")
    first.process.send_signal(signal.SIGKILL)
    second = member("host_1", server.url())
    second("join(b'again', 2)")
    assert second("capabilities(b'again', b'host_1')") == 2
    second("coordinator.stop()")
    assert member("other", server.url())("members(b'again')") == set()

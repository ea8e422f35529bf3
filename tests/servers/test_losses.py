"""The tables of docs/backends.md about the loss of members: with ST2_TEST_LONG=1 every row is tried."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from servers.etcd_cluster import NAME as ETCD
from servers.etcd_cluster import Etcd
from servers.losses import LOSSES, Loss, Members, documented, tried
from servers.pods import FakeCluster
from servers.ports import eventually
from servers.redis_cluster import SET as REDIS
from servers.redis_cluster import RedisCluster
from servers.utility import utility_image
from support import LONG, MakeCluster, Require, Server, Synth

_SHORT = {
    "etcd": ["one member and its volume", "two of three and their volumes"],
    "Redis": ["one member and its volume", "all, and the volumes of two"],
}
_SERVERS = {"etcd": ["3.5", "3.4"], "Redis": ["redis 8", "valkey", "redis 7"]}


def _rows(backend: str) -> Collection[str]:
    return LOSSES if LONG else _SHORT[backend]


def _servers(backend: str) -> list[str]:
    return _SERVERS[backend] if LONG else _SERVERS[backend][:1]


class _Pods(Members):
    """Members as the pods of a StatefulSet."""

    def __init__(self, pods: FakeCluster, name: str) -> None:
        self.pods = pods
        self._name = name
        self._starting = ThreadPoolExecutor(6)

    def lose(self, loss: Loss) -> None:
        for member in loss.members:
            if pod := self.pods.pods.get(f"{self._name}-{member}"):
                pod.kill()
        for member in loss.volumes:
            self.pods.lose_claim(f"{self._name}-{member}", "data")

    def start(self, members: Collection[int]) -> None:
        for member in members:
            self._starting.submit(self.pods.start, self._name, member)

    def all_ready(self) -> bool:
        pods = list(self.pods.pods.values())
        return len(pods) == 3 and all(pod.ready() for pod in pods)

    def close(self) -> None:
        self.pods.close()
        self._starting.shutdown()


class EtcdMembers(_Pods):
    def __init__(self, etcd: Etcd) -> None:
        super().__init__(etcd.cluster, ETCD)
        self._etcd = etcd

    def write(self, value: str) -> bool:
        return any(self._ask(member, "put", "key", value) == "OK" for member in range(3))

    def read(self) -> str | None:
        answers = {self._ask(member, "get", "--print-value-only", "key") for member in range(3)}
        return answers.pop() if len(answers) == 1 else None

    def whole(self) -> bool:
        lists = [self._ask(member, "member", "list") for member in range(3)]
        return self.all_ready() and all(each is not None and each.count("started") == 3 for each in lists)

    def _ask(self, member: int, *command: str) -> str | None:
        pod = self.pods.pods.get(f"{ETCD}-{member}")
        if pod is None or not pod.started:
            return None
        with suppress(AssertionError):
            return self._etcd.ctl("--command-timeout=2s", *command, endpoint=f"http://{pod.ip}:2379").strip()
        return None


class RedisMembers(_Pods):
    def __init__(self, redis: RedisCluster) -> None:
        super().__init__(redis.pods, REDIS)
        self._redis = redis

    def write(self, value: str) -> bool:
        return any(self._redis.redis(member, "set", "key", value) == "OK" for member in self._present())

    def read(self) -> str | None:
        answers = {self._redis.redis(member, "get", "key") for member in self._present()}
        return answers.pop() or None if len(answers) == 1 else None

    def whole(self) -> bool:
        return self.all_ready() and self._redis.master() is not None

    def _present(self) -> list[int]:
        return [member for member in range(3) if f"{REDIS}-{member}" in self.pods.pods]


def test_the_tables_have_the_same_rows() -> None:
    for backend in ("Redis", "etcd"):
        assert list(documented(backend)) == list(LOSSES)


@pytest.fixture(scope="module", params=_servers("etcd"))
def etcd(
    request: pytest.FixtureRequest,
    require: Require,
    server: Server,
    synth: Synth,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[EtcdMembers]:
    root = server("etcd", "trixie") if request.param == "3.5" else _machine(require, "etcd")
    folder = tmp_path_factory.mktemp("etcd")
    utility = utility_image(require("busybox"), folder / "utility")
    values = {"coordination": {"backend": "etcd"}, "etcd": {"version": request.param}}
    etcd = Etcd(synth(values), folder / "pods", require("etcdctl"), utility, root)
    with closing(EtcdMembers(etcd)) as members:
        etcd.start_all()
        yield members


@pytest.fixture(scope="module", params=_servers("Redis"))
def redis(
    request: pytest.FixtureRequest,
    require: Require,
    server: Server,
    cluster: MakeCluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RedisMembers]:
    name, _, version = request.param.partition(" ")
    root = _machine(require, "redis-server") if version == "7" else server(name, "trixie")
    values = {"redis": {"version": "7.0" if version == "7" else "8.0"}}
    redis = RedisCluster(cluster(values), tmp_path_factory.mktemp("redis") / "pods", root)
    with closing(RedisMembers(redis)) as members:
        redis.start_all()
        redis.settled()
        yield members


@pytest.mark.parametrize("lost", _rows("etcd"))
def test_etcd(lost: str, etcd: EtcdMembers) -> None:
    as_documented("etcd", lost, etcd)


@pytest.mark.parametrize("lost", _rows("Redis"))
def test_redis(lost: str, redis: RedisMembers) -> None:
    as_documented("Redis", lost, redis)


def as_documented(backend: str, lost: str, members: _Pods) -> None:
    """Try a row, and leave all members well."""
    row = documented(backend)[lost]
    found = tried(members, LOSSES[lost], row, quiet=6)
    said = "\n".join(pod.logs() for pod in members.pods.pods.values())
    if found.heals == "not":
        # What the documentation tells to do.
        members.lose(Loss(range(3), range(3)))
        members.start(range(3))
        eventually(members.whole, "all begin anew", 60)
    assert found == row, said


def _machine(require: Require, program: str) -> Path:
    """The root of this machine, which has a server."""
    require(program)
    return Path("/")

"""The tables of docs/explanation/backends.md about the loss of members: with ST2_TEST_LONG=1 every row is tried."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from servers.etcd_cluster import NAME as ETCD
from servers.etcd_cluster import Etcd
from servers.losses import KILLED, LOSSES, Loss, Members, documented, killed, tried
from servers.pods import FakeCluster, Image
from servers.ports import eventually
from servers.rabbitmq_client import Client
from servers.redis_cluster import SET as REDIS
from servers.redis_cluster import RedisCluster
from servers.secrets import secrets_of
from servers.utility import utility_image
from support import LONG, MakeCluster, Require, Server, Synth

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets.composition import filled

RABBITMQ = "st2-rabbitmq"
QUEUE = "st2.actionrunner.work"

_SHORT = {
    "etcd": ["one member and its volume", "two of three and their volumes"],
    "Redis": ["one member and its volume", "all, and the volumes of two"],
    "RabbitMQ": [],
}
# Old ones first: members of those are upgraded to the next.
_SERVERS = {
    "etcd": ["3.5", "3.4"],
    "Redis": ["redis 8", "valkey", "redis 7"],
    "RabbitMQ": ["4.3", "4.0", "3.10"],
}
_UPGRADES = ("3.4", "redis 7")
"""Those whose data the first of the list reads. None of RabbitMQ's is: 3.10, 4.0 and 4.3 are too far apart."""
_MOMENTS = {"etcd": (0.3, 1, 2, 4), "Redis": (0.5, 2, 4, 8), "RabbitMQ": (3, 6, 9, 14)}
"""Seconds at which members are killed that are in the middle of something: spread over how long that takes."""


def _rows(backend: str) -> Collection[str]:
    return (*LOSSES, *(lost for lost in KILLED if lost in documented(backend))) if LONG else _SHORT[backend]


def _servers(backend: str) -> list[str]:
    return _SERVERS[backend] if LONG else _SERVERS[backend][:1]


class _Pods(Members):
    """Members as the pods of a StatefulSet.

    Args:
        pods: where they run.
        name: the StatefulSet.
        newer: where servers of a newer version come from, if there are any.
    """

    def __init__(self, pods: FakeCluster, name: str, newer: Path | None = None) -> None:
        self.pods = pods
        self.newer = newer
        self._name = name
        self._old = dict(pods.images)
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

    def stop(self, member: int) -> None:
        self._starting.submit(self.pods.pods[f"{self._name}-{member}"].stop)

    def upgrade(self) -> None:
        assert self.newer
        own = self._old.get("join")
        self.pods.images = {
            name: image if own and image.path == own.path else Image(root=self.newer)
            for name, image in self._old.items()
        }

    def ready(self) -> bool:
        return any(pod.ready() for pod in [*self.pods.pods.values()])

    def all_ready(self) -> bool:
        pods = list(self.pods.pods.values())
        return len(pods) == 3 and all(pod.ready() for pod in pods)

    def close(self) -> None:
        self.pods.close()
        self._starting.shutdown()


class EtcdMembers(_Pods):
    def __init__(self, etcd: Etcd, newer: Path | None) -> None:
        super().__init__(etcd.cluster, ETCD, newer)
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
    def __init__(self, redis: RedisCluster, newer: Path | None) -> None:
        super().__init__(redis.pods, REDIS, newer)
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


class RabbitmqMembers(_Pods):
    def __init__(self, cluster: Cluster, pods: FakeCluster) -> None:
        super().__init__(pods, RABBITMQ)
        secret = secrets_of(cluster)[RABBITMQ]
        urls = cluster.settings.connections["messaging"]["cluster_urls"]
        self._client = Client(pods, filled(urls, lambda _, key: secret[key]))

    def write(self, value: str) -> bool:
        return self._client.put(QUEUE, value)

    def read(self) -> str | None:
        return self._client.first(QUEUE)

    def whole(self) -> bool:
        if not self.all_ready():
            return False
        status = self._ask("cluster_status") or {}
        queues = self._ask("list_queues", "--vhost", "st2", "name", "online")
        return len(status.get("running_nodes", ())) == 3 and all(len(queue["online"]) == 3 for queue in queues or ())

    def _ask(self, *command: str) -> Any:
        asked = self.pods.pods[f"{RABBITMQ}-0"].exec(
            "rabbitmq", ["rabbitmqctl", "--quiet", *command, "--formatter", "json"]
        )
        return json.loads(asked.stdout) if asked.returncode == 0 else None


def test_the_tables_have_the_same_rows() -> None:
    for backend, servers in _SERVERS.items():
        upgradable = any(server in _UPGRADES for server in servers)
        moments = [lost for lost, moment in KILLED.items() if moment != "upgrading" or upgradable]
        assert list(documented(backend)) == [*LOSSES, *moments]


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
    newer = server("etcd", "trixie") if request.param in _UPGRADES else None
    with closing(EtcdMembers(etcd, newer)) as members:
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
    newer = server("redis", "trixie") if request.param in _UPGRADES else None
    with closing(RedisMembers(redis, newer)) as members:
        redis.start_all()
        redis.settled()
        yield members


@pytest.fixture(scope="module", params=_servers("RabbitMQ"))
def rabbitmq(
    request: pytest.FixtureRequest,
    require: Require,
    server: Server,
    cluster: MakeCluster,
    synth: Synth,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RabbitmqMembers]:
    suites = {"4.3": "sid", "4.0": "trixie"}
    suite = suites.get(request.param)
    root = server("rabbitmq", suite) if suite else _machine(require, "rabbitmq-server")
    values = {"rabbitmq": {"version": request.param}}
    made = cluster(values)
    images = {"rabbitmq": Image(root=root)}
    pods = FakeCluster(synth(values), secrets_of(made), tmp_path_factory.mktemp("rabbitmq") / "pods", images=images)
    with closing(RabbitmqMembers(made, pods)) as members:
        pods.start_all(RABBITMQ)
        eventually(members.whole, "all nodes are one cluster")
        yield members


@pytest.mark.parametrize("lost", _rows("etcd"))
def test_etcd(lost: str, etcd: EtcdMembers) -> None:
    as_documented("etcd", lost, etcd)


@pytest.mark.parametrize("lost", _rows("Redis"))
def test_redis(lost: str, redis: RedisMembers) -> None:
    as_documented("Redis", lost, redis)


@pytest.mark.parametrize("lost", _rows("RabbitMQ"))
def test_rabbitmq(lost: str, rabbitmq: RabbitmqMembers) -> None:
    as_documented("RabbitMQ", lost, rabbitmq)


def as_documented(backend: str, lost: str, members: _Pods) -> None:
    """Try a row, and leave all members well."""
    row = documented(backend)[lost]
    if lost in LOSSES:
        found = tried(members, LOSSES[lost], row, quiet=6)
    else:
        moment = KILLED[lost]
        if moment == "upgrading" and members.newer is None:
            pytest.skip("not run: there is no newer version of this server")
        found = killed(members, moment, row, _MOMENTS[backend])
    said = "\n".join(pod.logs() for pod in members.pods.pods.values())
    if found.heals == "not":
        # What the documentation tells to do.
        members.lose(Loss(range(3), range(3)))
        members.start(range(3))
        eventually(members.whole, "all begin anew")
    assert found == row, said


def _machine(require: Require, program: str) -> Path:
    """The root of this machine, which has a server."""
    require(program)
    return Path("/")

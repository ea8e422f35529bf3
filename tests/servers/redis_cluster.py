"""The cluster's Redis and sentinels in fake pods: what happens to them, and what they say of themselves."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from servers.environments import Interpreter, Raised
from servers.pods import FakeCluster, Image, Pod
from servers.ports import PATIENCE, eventually
from servers.secrets import secrets_of

from constructs_st2.construct.build import build
from constructs_st2.facts.backends.connections import ca_path
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.versions import ST2_RELEASES
from constructs_st2.parts.backends.redis.library import LIBRARY_FILE, library

SET = "st2-redis"
MASTER = "mymaster"
GIVES_UP = 25
"""Seconds after which the stop hook of a pod gives up to hand a master over."""
ANSWERS = 10
"""Seconds after which a server that has not answered does not answer."""

# Like a service of st2: start_heart and a lock that times out are how st2common/services/coordination.py calls tooz.
_SERVICE = """
import itertools
import os
from tooz import coordination

def coordinator(name):
    made = coordination.get_coordinator(os.environ["URL"], name, lock_timeout=60)
    made.start(start_heart=True)
    return made

one, other = coordinator(b"one"), coordinator(b"other")
one.create_group(b"services").get()
for each in one, other:
    each.join_group(b"services").get()
names = (f"lock {number}".encode() for number in itertools.count())

def coordinates():
    name = next(names)
    mine, theirs = one.get_lock(name), other.get_lock(name)
    excluded = mine.acquire(blocking=False) and not theirs.acquire(blocking=False)
    passed_on = mine.release() and theirs.acquire(blocking=False) and theirs.release()
    return excluded and passed_on and one.get_members(b"services").get() == {b"one", b"other"}
"""

# Writes numbers while it does other things, and knows which of them were accepted.
_WRITER = """
import os
import eventlet
import redis
import redis.sentinel

sentinels = [(host, 26379) for host in os.environ["HOSTS"].split()]
sentinel_options = {"password": os.environ["SENTINEL_PASSWORD"] or None, "socket_timeout": 2}
master = redis.sentinel.Sentinel(
    sentinels, sentinel_kwargs=sentinel_options, password=os.environ["PASSWORD"], socket_timeout=5
).master_for("mymaster")

accepted = []
refused = []
stopped = eventlet.event.Event()

def write():
    number = 0
    while not stopped.ready():
        number += 1
        try:
            master.set(f"number {number}", number)
            accepted.append(number)
        except redis.RedisError as error:
            if str(error).startswith("NOREPLICAS"):
                refused.append(number)
            eventlet.sleep(0.05)
        eventlet.sleep(0.01)

def start():
    global writing
    writing = eventlet.spawn(write)

def stop():
    stopped.send()
    writing.wait()
    return len(accepted)

def lost():
    values = master.mget([f"number {number}" for number in accepted])
    return [number for number, value in zip(accepted, values) if value is None]

def write_to_two(key):
    with master.client() as connection:
        connection.set(key, "kept")
        return connection.wait(1, 5000) >= 1
"""


class RedisCluster:
    """The pods of one cluster.

    Args:
        cluster: what is deployed.
        folder: for the files of the pods.
        root: where their programs come from.
    """

    def __init__(self, cluster: Cluster, folder: Path, root: Path = Path("/")) -> None:
        self.secrets = secrets_of(cluster)
        images = dict.fromkeys(("redis", "sentinel", "guard"), Image(root=root))
        self.pods = FakeCluster(build(cluster).objects, self.secrets, folder, images=images)
        self.replicas = cluster.values.redis.replicas
        self._sentinels_have_one = ST2_RELEASES[cluster.version].sentinel_logins
        self._library = folder / LIBRARY_FILE
        self._library.parent.mkdir(parents=True, exist_ok=True)
        self._library.write_bytes(library())
        self._tls: ssl.SSLContext | None = None
        if authority := self.secrets.get(f"{SET}-tls", {}).get(contract.TLS_AUTHORITY):
            self._authority = folder / "authority.crt"
            self._authority.write_text(authority)
            self._tls = ssl.create_default_context(cafile=str(self._authority))

    def update(self, cluster: Cluster) -> None:
        """Take the manifests and Secrets of another cluster of that name. The next pods are made from them."""
        self.secrets.clear()
        self.secrets.update(secrets_of(cluster))
        self.replicas = cluster.values.redis.replicas
        self._sentinels_have_one = ST2_RELEASES[cluster.version].sentinel_logins
        self.pods.apply(build(cluster).objects)

    def start(self, member: int) -> Pod:
        return self.pods.start(SET, member)

    def start_all(self) -> None:
        self.pods.start_all(SET)

    def pod(self, member: int) -> Pod:
        return self.pods.pods[f"{SET}-{member}"]

    def kill_all(self) -> None:
        """What a loss of power does."""
        for pod in list(self.pods.pods.values()):
            pod.kill()

    def stop_all(self) -> list[float]:
        """Delete all pods at the same time."""
        pods = list(self.pods.pods.values())
        with ThreadPoolExecutor(len(pods)) as threads:
            return list(threads.map(Pod.stop, pods))

    def hosts(self) -> list[str]:
        return [host(member) for member in range(self.replicas)]

    def password(self, key: str = contract.REDIS_PASSWORD) -> str:
        return self.secrets[SET][key]

    def redis(self, member: int, *command: str) -> str:
        """The answer of a Redis; nothing where there is none."""
        return self._ask(member, 6379, self.password(), command)

    def has_on_disk(self, member: int, key: str) -> bool:
        """Whether a Redis has what `write_to_two` wrote, and keeps it when it is killed.

        All that it was told is in its file seconds later where the disk is busy (`appendfsync everysec`).
        """
        if self.redis(member, "get", key) != "kept":
            return False
        return "aof_buffer_length:0" in self.redis(member, "info", "persistence").splitlines()

    def sentinel(self, member: int, *command: str) -> str:
        """The answer of a sentinel; nothing where there is none."""
        return self._ask(member, 26379, self.password(contract.SENTINEL_PASSWORD), command)

    def _ask(self, member: int, port: int, password: str, command: Sequence[str]) -> str:
        pod = self.pods.pods.get(f"{SET}-{member}")
        if pod is None:
            return ""
        login = [["auth", password]] if password else []
        try:
            with self.pods.network.inside():
                connection = socket.create_connection((pod.ip, port), ANSWERS)
            connection = self._tls.wrap_socket(connection, server_hostname=host(member)) if self._tls else connection
            with connection, connection.makefile("rb") as stream:
                connection.sendall(b"".join(map(_request, [*login, command])))
                return [_answer(stream) for _ in (*login, command)][-1].strip()
        except (OSError, EOFError):
            return ""

    def named_by(self, member: int) -> int | None:
        """The master, as a sentinel says."""
        answer = self.sentinel(member, "sentinel", "get-master-addr-by-name", MASTER)
        return next((number for number in range(self.replicas) if answer.startswith(f"{host(number)}\n")), None)

    def remembered(self, member: int) -> str:
        """What a sentinel has written down."""
        return (self.pods.claim(f"{SET}-{member}", "data") / "sentinel/sentinel.conf").read_text()

    def facts(self, member: int) -> Mapping[str, str]:
        """What a sentinel knows of the master."""
        words = self.sentinel(member, "sentinel", "master", MASTER).splitlines()
        return dict(zip(words[::2], words[1::2], strict=False))

    @contextmanager
    def sentinels_with(self, option: str, value: int, members: Collection[int]) -> Iterator[None]:
        """Let some sentinels have another value of an option for a while, in milliseconds."""
        before = {member: self.facts(member)[option] for member in members}
        self._set_option(option, dict.fromkeys(members, str(value)))
        try:
            yield
        finally:
            self._set_option(option, before)

    def _set_option(self, option: str, values: Mapping[int, str]) -> None:
        for member, value in values.items():
            assert self.sentinel(member, "sentinel", "set", MASTER, option, value) == "OK"

    def replication(self, member: int) -> Mapping[str, str]:
        """What a Redis says of its role."""
        words = (line.partition(":") for line in self.redis(member, "info", "replication").splitlines())
        return {name: value.strip() for name, _, value in words}

    def role(self, member: int) -> str:
        return self.replication(member).get("role", "gone")

    def follows(self, member: int, master: int) -> bool:
        """Whether it has the data of that master."""
        said = self.replication(member)
        return (said.get("master_host"), said.get("master_link_status")) == (host(master), "up")

    def accepts_writes(self, member: int) -> bool:
        return self.redis(member, "set", "written", "yes") == "OK"

    def master(self, *members: int) -> int | None:
        """The one master of these members (all, if none are named), which all sentinels name and all Redis follow."""
        present = members or tuple(range(self.replicas))
        named = {self.named_by(member) for member in present}
        master = named.pop()
        if named or master not in present:
            return None
        others = [member for member in present if member != master]
        well = self.accepts_writes(master) and all(self.follows(member, master) for member in others)
        return master if well else None

    def settled(self, *members: int, seconds: float = PATIENCE) -> int:
        """Wait until there is such a master, and return it."""
        found: list[int | None] = []

        def settled() -> bool:
            found.append(self.master(*members))
            return found[-1] is not None

        try:
            eventually(settled, "one master that all follow", seconds)
        except TimeoutError as error:
            raise AssertionError("\n".join(pod.logs() for pod in self.pods.pods.values())) from error
        assert found[-1] is not None
        return found[-1]

    def service(self, python: Path, program: str = _SERVICE) -> Interpreter:
        """A service of st2, which finds the coordination URL of st2 in the variable `URL`.

        By default `coordinates()` tells whether it can work.
        """
        return self._client(python, program, {"URL": self.url(), "PYTHONPATH": str(self._library)})

    def url(self) -> str:
        """The coordination URL that st2 has."""
        conf = ConfigParser(interpolation=None)
        conf.read_string(self.secrets["st2-st2-secrets-conf"][contract.SECRETS_CONF])
        url = conf["coordination"]["url"]
        if self._tls:
            url = url.replace(ca_path("coordination", contract.TLS_AUTHORITY), str(self._authority))
        return url

    def writer(self, python: Path) -> Interpreter:
        """A client that writes: between `start()` and `stop()`, and `lost()` tells what came of it
        `refused` are those that a master did not want for want of replicas.

        `write_to_two(key)` writes something that also a replica has confirmed.
        """
        variables = {
            "HOSTS": " ".join(self.hosts()),
            "PASSWORD": self.password(),
            "SENTINEL_PASSWORD": self.password(contract.SENTINEL_PASSWORD) if self._sentinels_have_one else "",
        }
        return self._client(python, _WRITER, variables)

    def _client(self, python: Path, program: str, variables: Mapping[str, str]) -> Interpreter:
        return Interpreter(python, program, variables, self.pods.background)


def _request(words: Sequence[str]) -> bytes:
    """A command in Redis' protocol."""
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def _answer(stream: BinaryIO) -> str:
    """An answer in Redis' protocol, as `redis-cli --raw` prints it.

    Raises:
        EOFError: the connection has ended.
    """
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    kind, said = chr(line[0]), line[1:-2].decode()
    if kind == "$":
        return stream.read(int(said) + 2)[:-2].decode() if said != "-1" else ""
    if kind == "*":
        return "\n".join(_answer(stream) for _ in range(int(said)))
    return said


def host(member: int) -> str:
    return f"{SET}-{member}.{SET}-headless.stackstorm.svc.cluster.local"


def works(service: Interpreter, seconds: float = PATIENCE) -> None:
    """Wait until a service can work: what fails on the way, st2 or the kubelet repeats.

    Raises:
        TimeoutError: it cannot, in that time.
    """

    def coordinates() -> Any:
        try:
            return service("coordinates()")
        except Raised:
            return False

    eventually(coordinates, "a service coordinates", seconds)

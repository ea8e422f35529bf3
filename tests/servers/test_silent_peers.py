"""A node is lost: all packets are dropped, and nobody is told. Which connections remain, in both directions?

Debian's servers and the libraries of st2 are on two nodes, which are parted once. Each test then looks at one pair. The
times are a tenth of those that are shipped; that those are shipped is tested where they are made.
"""

from __future__ import annotations

import itertools
import json
import socketserver
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import bson
import pytest
from servers import rabbitmq
from servers.network import PATH, Network, Sandbox
from servers.ports import eventually
from support import Environment, Require

from constructs_st2.facts.node_loss import (
    DEAD_AFTER,
    KEEPALIVE_IDLE,
    KEEPALIVE_INTERVAL,
    KEEPALIVE_PROBES,
    SYSCTLS,
)
from constructs_st2.parts.backends.option_files import lines
from constructs_st2.parts.backends.rabbitmq.config import advanced_config
from constructs_st2.parts.backends.redis.config import plain, redis_conf, sentinel_conf
from constructs_st2.values.model.backends import Redis

CLIENTS = Path(__file__).with_name("silent_clients.py")
IDLE, INTERVAL, PROBES = 2, 1, 2
SHORT = IDLE + INTERVAL * PROBES
AMQP, REDIS, SENTINEL, WEB, MONGODB = 5672, 6379, 26379, 8080, 27017
NGINX = """
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {port} so_keepalive=on;
        location / {{
            proxy_pass http://{api}:9101;
            proxy_socket_keepalive on;
        }}
    }}
}}
"""


HANGING = threading.Event()
"""Somebody awaits an answer that does not come."""


class MongodHandler(socketserver.BaseRequestHandler):
    """As much of mongod as a client needs that asks for nothing: `ping` is answered, and `hang` is not."""

    def handle(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._answer()

    def _answer(self) -> None:
        length, request, _, operation = struct.unpack("<iiii", self._read(16))
        body = self._read(length - 16)
        is_query = operation == 2004
        command: dict[str, Any] = bson.decode(body[body.index(b"\0", 4) + 9 :] if is_query else body[5:])
        if "hang" in command:
            HANGING.set()
            threading.Event().wait()
        reply = bson.encode({"ok": 1, "ismaster": True, "helloOk": True, "minWireVersion": 0, "maxWireVersion": 17})
        head = struct.pack("<iqii", 0, 0, 0, 1) if is_query else struct.pack("<iB", 0, 0)
        answer = struct.pack("<iiii", 16 + len(head + reply), 1, request, 1 if is_query else 2013) + head + reply
        self.request.sendall(answer)

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self.request.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data


class Parted:
    """Two nodes, one with servers and one with clients, and what is left of the connections between them."""

    def __init__(self, folder: Path, rabbitmq_server: str, python: Path, stack: ExitStack) -> None:
        self._folder, self._python, self._stack = folder, python, stack
        folder.chmod(0o755)
        (folder / "net").mkdir()
        self._network = Network(folder / "net")
        stack.callback(self._network.close)
        self.servers, self.clients = (self._network.sandbox(name, folder / name, []) for name in ("servers", "clients"))
        times = dict(zip(SYSCTLS, (IDLE, INTERVAL, PROBES), strict=True))
        for box in (self.servers, self.clients):
            stack.callback(box.close)
            subprocess.run(
                box.enter(["sysctl", "-qw", *(f"{name}={value}" for name, value in times.items())]), check=True
            )
        self._rabbitmq_server = rabbitmq_server
        self._programs: dict[str, subprocess.Popen[str]] = {}

    def spawn(self, box: Sandbox, command: Sequence[str], **environment: str) -> subprocess.Popen[str]:
        """Start a program on a node."""
        process = subprocess.Popen(
            box.enter(command),
            env={"PATH": PATH, "HOME": str(self._folder), **environment},
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        return process

    def write(self, name: str, text: str) -> str:
        path = self._folder / name
        path.write_text(text)
        return str(path)

    def start_servers(self) -> None:
        redis = Redis.model_validate({"replicaCount": 1})
        for program, conf in (
            ("redis-server", redis_conf(redis, plain(REDIS))),
            ("redis-sentinel", sentinel_conf(redis, plain(SENTINEL))),
        ):
            text = lines({name: value for name, value in conf.items() if not name.startswith("sentinel ")}, " ")
            text = text.replace(f"tcp-keepalive {KEEPALIVE_IDLE}\n", f"tcp-keepalive {INTERVAL}\n")
            self.spawn(self.servers, [program, self.write(f"{program}.conf", text)])
        nginx = NGINX.format(folder=self._folder, port=WEB, api=self.clients.address)
        self.spawn(self.servers, ["nginx", "-e", "stderr", "-g", "daemon off;", "-c", self.write("nginx.conf", nginx)])
        # The API is where the clients are: nginx loses it, and the client of nginx loses nginx.
        self.spawn(
            self.clients,
            ["python3", "-c", "import socket; s = socket.create_server(('', 9101)); s.accept()[0].recv(0); input()"],
        )
        with self.servers.inside():
            mongod = socketserver.ThreadingTCPServer(("0.0.0.0", MONGODB), MongodHandler)
        mongod.daemon_threads = True
        threading.Thread(target=mongod.serve_forever, daemon=True).start()
        self._stack.callback(mongod.server_close)
        self._stack.callback(mongod.shutdown)
        self._start_rabbitmq()

    def _start_rabbitmq(self) -> None:
        shipped = (f"{KEEPALIVE_IDLE}:", f"{KEEPALIVE_INTERVAL}:", f"{KEEPALIVE_PROBES}:", f"{DEAD_AFTER * 1000}:")
        text = advanced_config()
        for before, now in zip(shipped, (IDLE, INTERVAL, PROBES, SHORT * 1000), strict=True):
            assert text.count(f"<<{before}") == 1
            text = text.replace(f"<<{before}", f"<<{now}:")
        self._rabbitmq: Mapping[str, str] = {
            **rabbitmq.environment(self._folder / "modules"),
            "RABBITMQ_NODENAME": "test@localhost",
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_PID_FILE": str(self._folder / "rabbitmq.pid"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": self.write(
                "rabbitmq.conf", "default_user = test\ndefault_pass = test\nloopback_users = none\n"
            ),
            "RABBITMQ_ADVANCED_CONFIG_FILE": self.write("advanced.config", text),
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.write("plugins", "[].\n"),
        }
        self.spawn(self.servers, [self._rabbitmq_server], **self._rabbitmq)
        eventually(lambda: bool(self._listening(AMQP)), "RabbitMQ listens")

    def _listening(self, port: int) -> str:
        return self.run(self.servers, "ss", "-tlnH", f"sport = :{port}")

    def run(self, box: Sandbox, *command: str, **environment: str) -> str:
        """The output of a program on a node."""
        variables = {"PATH": PATH, "HOME": str(self._folder), **environment}
        return subprocess.run(box.enter(command), env=variables, capture_output=True, text=True, check=True).stdout

    def rabbitmqctl(self, *command: str) -> str:
        return self.run(self.servers, "rabbitmqctl", "--quiet", *command, **self._rabbitmq)

    def client(self, name: str, program: str, port: int, argument: str, box: Sandbox | None = None) -> None:
        """Start a client, which must get to its point before the nodes are parted."""
        command = [str(self._python), str(CLIENTS), program, self.servers.address, str(port), argument]
        self._programs[name] = self.spawn(box or self.clients, command)

    def said(self, name: str) -> str:
        """The next line of a client."""
        output = self._programs[name].stdout
        assert output
        return output.readline().strip()

    def tell(self, name: str) -> None:
        """Let a client go on."""
        process = self._programs[name]
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()

    def part(self) -> None:
        """From now on, every packet is lost."""
        self.clients.disconnect()
        self.since = time.monotonic()

    def left(self, box: Sandbox, port: int) -> list[str]:
        """The connections of a node to a port of the other, or from there to a port of its own."""
        other = self.clients if box is self.servers else self.servers
        own = "sport" if box is self.servers else "dport"
        found = self.run(box, "ss", "-tnHO", "state", "established", f"( {own} = :{port} and dst {other.address} )")
        return found.splitlines()

    def gone(self, box: Sandbox, port: int, within: float) -> None:
        """Wait until no connection is left."""
        eventually(lambda: not self.left(box, port), f"no connection at port {port} is left", within)


def _is_used(parted: Parted, box: Sandbox, port: int) -> bool:
    return bool(parted.left(box, port))


@pytest.fixture(scope="module")
def parted(require: Require, environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parted]:
    for program in ("ip", "redis-server", "nginx", "ss", "sysctl"):
        require(program)
    with ExitStack() as stack:
        made = Parted(tmp_path_factory.mktemp("silence"), require("rabbitmq-server"), environment("secrets-3.9"), stack)
        made.start_servers()
        made.client("idle consumer", "consume", AMQP, "idle")
        made.client("busy consumer", "consume", AMQP, "busy")
        made.client("redis", "idle", REDIS, "PING\r\n")
        made.client("sentinel", "idle", SENTINEL, "PING\r\n")
        made.client("options", "options", AMQP, "", made.servers)
        made.client("asks", "ask-mongodb", MONGODB, "ping")
        made.client("waits", "ask-mongodb", MONGODB, "hang")
        for name in ("idle consumer", "busy consumer", "redis", "sentinel", "asks", "waits"):
            assert made.said(name) == "ready", name
        made.client("web", "idle", WEB, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        made.tell("waits")
        eventually(HANGING.is_set, "an answer is awaited")
        for port, box in itertools.product((AMQP, REDIS, SENTINEL, WEB, MONGODB), (made.servers, made.clients)):
            eventually(partial(_is_used, made, box, port), f"there are connections at port {port}")
        made.part()
        made.tell("asks")
        # On its way to a client that is lost: no probes are sent while it is not acknowledged.
        made.run(
            made.servers,
            str(environment("secrets-3.9")),
            "-c",
            "import kombu; c = kombu.Connection('amqp://test:test@127.0.0.1//'); "
            "kombu.Producer(c.channel()).publish('more', routing_key='busy')",
        )
        yield made


SOON = SHORT + 40
"""Seconds: machines are slow. What is not set here takes minutes."""


def test_rabbitmq_gives_the_messages_of_a_lost_consumer_to_others(parted: Parted) -> None:
    parted.gone(parted.servers, AMQP, SOON)

    def messages() -> dict[str, tuple[int, int]]:
        rows = parted.rabbitmqctl(
            "list_queues", "--no-table-headers", "name", "messages_ready", "messages_unacknowledged"
        )
        return {name: (int(ready), int(held)) for name, ready, held in (row.split() for row in rows.splitlines())}

    eventually(lambda: messages() == {"idle": (1, 0), "busy": (2, 0)}, "the messages are there for others")


@pytest.mark.parametrize("port", [REDIS, SENTINEL, WEB], ids=["Redis", "sentinel", "nginx"])
def test_servers_forget_a_lost_client(parted: Parted, port: int) -> None:
    parted.gone(parted.servers, port, SOON)


def test_nginx_gives_up_on_a_lost_api(parted: Parted) -> None:
    eventually(
        lambda: not parted.run(parted.servers, "ss", "-tnH", "state", "established", "dport = :9101"), "gone", SOON
    )


def test_mongodb_that_is_lost_is_noticed_while_an_answer_is_awaited(parted: Parted) -> None:
    assert parted.said("waits") == "NetworkTimeout"
    assert time.monotonic() - parted.since < SOON


def test_mongodb_that_is_lost_is_noticed_while_a_command_is_on_its_way(parted: Parted) -> None:
    assert parted.said("asks") == "NetworkTimeout"
    assert time.monotonic() - parted.since < SOON


def test_sockets_of_rabbitmq_inherit_what_its_configuration_says(parted: Parted) -> None:
    options = "[{raw, 6, Option, 4} || Option <- [4, 5, 6, 18]]"
    sockets = f"[P || P <- erlang:ports(), {{ok, {{_, {AMQP}}}}} <- [inet:sockname(P)]]"
    numbers = f"[[N || {{raw, 6, _, <<N:32/native>>}} <- element(2, inet:getopts(P, {options}))] || P <- {sockets}]"
    answers = json.loads(parted.rabbitmqctl("eval", f"{numbers}."))
    assert answers == [[IDLE, INTERVAL, PROBES, SHORT * 1000]] * len(answers)
    assert answers


def test_py_amqp_has_times_of_its_own(parted: Parted) -> None:
    """On them stands what docs/explanation/failover.md says of clients of RabbitMQ."""
    assert parted.said("options") == "60 10 1000"

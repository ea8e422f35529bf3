"""One pod of st2web for the tests: a real nginx, run the way the pod runs it, with services of its own behind it.

Each nginx has a mount namespace of its own, with a read-only root that carries the configuration, the Web UI and the
certificate at their fixed paths, and a network namespace of its own for its fixed ports. The services behind it and
its clients are threads of the test, whose sockets are opened in that network namespace.
"""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import json
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from servers.ports import PATIENCE
from support import need_root

from constructs_st2.parts.pods import scripts
from constructs_st2.parts.services import nginx
from constructs_st2.parts.services import scripts as service_scripts

HOST = "st2.example.com"
ON_TERM = service_scripts.ON_TERM
SCRIPTS = Path(scripts.MOUNT_PATH)
USER = 1000
PORTS = {"auth": 9100, "api": 9101, "stream": 9102}
LIMIT = 1_500_000
NO_LIMITS = nginx.Limits(uploads=64, logins=100_000)
CONFIGURATION = Path(nginx.CONFIG_DIRECTORY)
CERTIFICATES = Path(nginx.CERTIFICATE_DIRECTORY)
WEBUI_PATH = Path("/opt/stackstorm/static/webui")
WEBUI = {
    "index.html": "<title>StackStorm</title>",
    "config.js": "angular.module('main');",
    "js/main.js": "console.log('st2');" * 100,
}

# $1: a scratch directory, $2: the files to add to the root; the rest is the command. An overlay without an upper
# directory is read-only. The added files are copied because an overlay's layers must not contain one another.
CONTAINER = """
set -eu
scratch=$1 image=$2
shift 2
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/image" "$scratch/root"
cp -a "$image/." "$scratch/image"
mount -t overlay -o "lowerdir=$scratch/image:/" overlay "$scratch/root"
mount -t tmpfs -o mode=1777 tmpfs "$scratch/root/tmp"
mount --rbind /dev "$scratch/root/dev"
mount --rbind /proc "$scratch/root/proc"
exec chroot "$scratch/root" setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all --bounding-set=-all \
    --no-new-privs --pdeathsig TERM "$@"
"""

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def new_network() -> int:
    """A network namespace with nothing but a loopback interface, as a file descriptor."""
    need_root()

    def create() -> int:
        if libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(create).result()


@contextmanager
def inside(network: int) -> Iterator[None]:
    """Sockets opened and processes started here by the calling thread belong to that network namespace for good."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    enter(network)
    try:
        yield
    finally:
        enter(home)
        os.close(home)


def enter(network: int) -> None:
    if libc.setns(network, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def lose_every_second_connection(network: int, port: int) -> None:
    """Lead every second new connection, the first one too, to where all packets are lost, as a Service may."""
    lost = "9999"
    every_second = ["-m", "statistic", "--mode", "nth", "--every", "2", "--packet", "0"]
    to_port = ["-p", "tcp", "--dport", str(port), *every_second, "-j", "REDIRECT", "--to-ports", lost]
    for rule in (["-t", "nat", "-A", "OUTPUT", *to_port], ["-A", "INPUT", "-p", "tcp", "--dport", lost, "-j", "DROP"]):
        with inside(network):
            subprocess.run(["iptables", *rule], check=True)


class Upstream(socketserver.ThreadingTCPServer):
    """Stands for st2auth, st2api or st2stream: answers with what it was asked."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name: str, network: int, port: int) -> None:
        with inside(network):
            super().__init__(("127.0.0.1", port), UpstreamHandler)
        self.name = name
        self.seen: list[str] = []
        self.next_event = threading.Semaphore(0)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class UpstreamHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def log_message(self, *args: object) -> None:
        pass

    def answer(self) -> None:
        url = urlsplit(self.path)
        options = parse_qs(url.query)
        self.server.seen.append(f"{self.command} {self.path}")
        length = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if "fail" in options and self.server.seen.count(f"{self.command} {self.path}") <= int(options["fail"][0]):
            self.close_connection = True
            return
        if "events" in options:
            self.stream(int(options["events"][0]))
            return
        time.sleep(float(options.get("seconds", ["0"])[0]))
        asked = {"service": self.server.name, "method": self.command, "path": self.path, "length": length}
        reply = json.dumps({**asked, "headers": {name.lower(): value for name, value in self.headers.items()}}).encode()
        reply += b" " * int(options.get("size", ["0"])[0])
        self.send_response(404 if url.path.endswith("/missing") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

    def stream(self, events: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=UTF-8")
        if "unmarked" not in urlsplit(self.path).query:
            self.send_header("X-Accel-Buffering", "no")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(1, events + 1):
            self.server.next_event.acquire()
            self.wfile.write(f"event: st2.test\ndata: {number}\n\n".encode())


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Web:
    """One nginx, like one pod of st2web, with services of its own behind it."""

    def __init__(
        self,
        directory: Path,
        certificate: Certificate,
        *,
        https: bool = False,
        shutdown: str = "20s",
        drain: int | None = None,
        limits: nginx.Limits = NO_LIMITS,
    ) -> None:
        need_root()
        self.https = https
        self.command = nginx.COMMAND if drain is None else scripts.command(ON_TERM, "QUIT", drain, *nginx.COMMAND)
        self.tls = ssl.create_default_context(cafile=certificate.certificate)
        self.image, self.scratch, self.log = directory / "image", directory / "scratch", directory / "log"
        self.scratch.mkdir()
        self.log.touch()
        os.chown(self.log, USER, USER)  # a container runtime gives stdout to the user of the container
        files = nginx.config_files(
            nginx.Upstreams(**{name: f"127.0.0.1:{port}" for name, port in PORTS.items()}),
            https=https,
            max_body_size=str(LIMIT),
            limits=limits,
        )
        assert "worker_shutdown_timeout 20s;" in files["nginx.conf"]
        files["nginx.conf"] = files["nginx.conf"].replace("timeout 20s;", f"timeout {shutdown};")
        self.add(CONFIGURATION, files)
        self.add(WEBUI_PATH, WEBUI)
        self.add(SCRIPTS, {ON_TERM: scripts.texts("constructs_st2.parts.services.scripts")[ON_TERM]})
        secret = {nginx.CERTIFICATE_FILE: certificate.certificate, nginx.KEY_FILE: certificate.key}
        self.add(CERTIFICATES, {name: path.read_text() for name, path in secret.items()} if https else {})
        self.network = new_network()
        self.upstreams = {name: Upstream(f"st2{name}", self.network, port) for name, port in PORTS.items()}

    def add(self, directory: Path, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.image / directory.relative_to("/") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        container = ["unshare", "--mount", "sh", "-c", CONTAINER, "sh", str(self.scratch), str(self.image)]
        with inside(self.network), self.log.open("ab") as log:
            return subprocess.Popen([*container, *command], stdout=log, stderr=log)

    def start(self) -> None:
        self.process = self.run(self.command)
        eventually(lambda: self.process.poll() is not None or self.health() == 200, self.log.read_text)
        assert self.process.poll() is None, self.log.read_text()

    def health(self) -> int | None:
        try:
            return self.request("GET", nginx.HEALTH_PATH).status
        except ConnectionRefusedError:
            return None

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        for upstream in self.upstreams.values():
            upstream.shutdown()
            upstream.server_close()
        os.close(self.network)

    def connect(self, *, plain: bool = False, port: int | None = None) -> http.client.HTTPConnection:
        tls = self.https and not plain
        port = port or (nginx.HTTPS_PORT if tls else nginx.HTTP_PORT)
        with inside(self.network):
            stream = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        connection = http.client.HTTPConnection(HOST)
        connection.auto_open = 0
        connection.sock = self.tls.wrap_socket(stream, server_hostname=HOST) if tls else stream
        return connection

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        plain: bool = False,
    ) -> Reply:
        return exchange(self.connect(plain=plain), method, path, body, headers or {})


def exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> Reply:
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


def eventually(condition: Callable[[], bool], explain: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)

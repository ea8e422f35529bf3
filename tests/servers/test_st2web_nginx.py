"""st2web's nginx configuration in a real nginx, run the way its pod runs it.

Each nginx has a mount namespace of its own, with a read-only root that carries the configuration, the Web UI and the
certificate at their fixed paths, and a network namespace of its own for its fixed ports. The services behind it and
its clients are threads of the test, whose sockets are opened in that network namespace.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import gzip
import http.client
import itertools
import json
import os
import re
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from constructs_st2.services import nginx

HOST = "st2.example.com"
USER = 1000
PORTS = {"auth": 9100, "api": 9101, "stream": 9102}
LIMIT = 1_500_000
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}
CONFIGURATION = Path(nginx.CONFIG_DIRECTORY)
CERTIFICATES = Path(nginx.CERTIFICATE_DIRECTORY)
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
    try:
        for namespace in (network, home):
            if libc.setns(namespace, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            if namespace is network:
                yield
    finally:
        os.close(home)


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
        self, directory: Path, certificate: Certificate, *, https: bool = False, shutdown: str = "20s"
    ) -> None:
        self.https = https
        self.tls = ssl.create_default_context(cafile=certificate.certificate)
        self.image, self.scratch, self.log = directory / "image", directory / "scratch", directory / "log"
        self.scratch.mkdir()
        self.log.touch()
        os.chown(self.log, USER, USER)  # a container runtime gives stdout to the user of the container
        files = nginx.config_files(
            https=https, max_body_size=str(LIMIT), **{name: f"127.0.0.1:{port}" for name, port in PORTS.items()}
        )
        assert "worker_shutdown_timeout 20s;" in files["nginx.conf"]
        files["nginx.conf"] = files["nginx.conf"].replace("timeout 20s;", f"timeout {shutdown};")
        self.add(CONFIGURATION, files)
        self.add(Path("/opt/stackstorm/static/webui"), WEBUI)
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
        self.process = self.run(nginx.COMMAND)
        eventually(lambda: self.process.poll() is not None or "200" in str(self.health()), self.log.read_text)
        assert self.process.poll() is None, self.log.read_text()

    def health(self) -> int | None:
        try:
            return self.request("GET", nginx.HEALTH_PATH).status
        except ConnectionRefusedError:
            return None

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(5)
        for upstream in self.upstreams.values():
            upstream.shutdown()
            upstream.server_close()
        os.close(self.network)

    def connect(self, *, plain: bool = False) -> http.client.HTTPConnection:
        tls = self.https and not plain
        with inside(self.network):
            stream = socket.create_connection(("127.0.0.1", nginx.HTTPS_PORT if tls else nginx.HTTP_PORT), timeout=10)
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
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)


StartWeb = Callable[..., Web]


@pytest.fixture(scope="module")
def certificate(require: Callable[[str, str], str], tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    directory = tmp_path_factory.mktemp("certificate")
    made = Certificate(directory / "crt", directory / "key")
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    files = ["-keyout", str(made.key), "-out", str(made.certificate)]
    openssl = require("openssl", "openssl")
    subprocess.run([openssl, "req", "-x509", *algorithm, *subject, *files], check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def start_web(
    require: Callable[[str, str], str], certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartWeb]:
    require("nginx", "nginx-light")
    if os.geteuid() != 0:
        pytest.skip("not run: only root can make namespaces")
    started: list[Web] = []

    def start(**options: object) -> Web:
        web = Web(tmp_path_factory.mktemp("web"), certificate, **options)  # type: ignore[arg-type]
        web.start()
        started.append(web)
        return web

    yield start
    for web in started:
        web.close()


@pytest.fixture(scope="module", params=["http", "https"])
def web(start_web: StartWeb, request: pytest.FixtureRequest) -> Web:
    return start_web(https=request.param == "https")


@pytest.fixture(scope="module")
def https(start_web: StartWeb) -> Web:
    return start_web(https=True)


def test_configuration_is_accepted_without_a_warning(web: Web) -> None:
    assert web.run([*nginx.COMMAND[:-2], "-t"]).wait(10) == 0
    assert not re.search(r"\[(warn|error|crit|alert|emerg)\]", web.log.read_text())
    assert "test is successful" in web.log.read_text()


def test_runs_without_privileges_on_a_read_only_root(web: Web) -> None:
    proc = Path(f"/proc/{web.process.pid}")
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines())
    assert status["Name"] == "nginx"
    assert status["Uid"].split() == [str(USER)] * 4
    assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        (proc / "root/etc/nginx/written").touch()


@pytest.mark.parametrize(("path", "file"), [("/", "index.html"), ("/js/main.js", "js/main.js")])
def test_serves_the_web_ui(web: Web, path: str, file: str) -> None:
    reply = web.request("GET", path)
    assert (reply.status, reply.body.decode()) == (200, WEBUI[file])


def test_browsers_revalidate_the_web_ui(web: Web) -> None:
    for path in ("/", "/config.js", "/js/main.js"):
        first = web.request("GET", path)
        assert first.headers["Cache-Control"] == "no-cache"
        again = web.request("GET", path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")


def test_compresses_the_web_ui_but_not_the_services(web: Web) -> None:
    accept = {"Accept-Encoding": "gzip", "Via": "1.1 ingress"}
    script = web.request("GET", "/js/main.js", headers=accept)
    assert script.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(script.body).decode() == WEBUI["js/main.js"]
    assert "Content-Encoding" not in web.request("GET", "/api/v1/actions", headers=accept).headers


@pytest.mark.parametrize(
    ("path", "service", "upstream_path"),
    [
        ("/api/v1/actions?pack=core&limit=1%2C2", "st2api", "/v1/actions?pack=core&limit=1%2C2"),
        ("/api/", "st2api", "/"),
        ("/api/v1/executions/1/output", "st2api", "/v1/executions/1/output"),
        ("/auth/v1/tokens", "st2auth", "/v1/tokens"),
        ("/stream/v1/stream?x=1", "st2stream", "/v1/stream?x=1"),
        ("/stream/v1/executions/1/output", "st2stream", "/v1/executions/1/output"),
        ("/api/stream?x=1", "st2stream", "/v1/stream?x=1"),
        ("/api/stream/", "st2stream", "/v1/stream"),
        ("/api/v1/stream", "st2stream", "/v1/stream"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_passes_requests_on(web: Web, method: str, path: str, service: str, upstream_path: str) -> None:
    reply = web.request(method, path, body=b"{}")
    asked = json.loads(reply.body)
    assert reply.status == 200
    assert (asked["service"], asked["method"], asked["path"]) == (service, method, upstream_path)
    assert asked["length"] == 2


def test_tells_services_about_the_client(web: Web) -> None:
    def received(headers: dict[str, str]) -> dict[str, str]:
        asked: dict[str, dict[str, str]] = json.loads(web.request("GET", "/auth/v1/tokens", headers=headers).body)
        return asked["headers"]

    direct = received({"St2-Api-Key": "key", "Authorization": "Basic eA==", "X-Forwarded-User": "admin"})
    assert direct["host"] == direct["x-forwarded-host"] == HOST
    assert direct["x-forwarded-for"] == direct["x-real-ip"] == "127.0.0.1"
    assert direct["x-forwarded-proto"] == ("https" if web.https else "http")
    assert (direct["st2-api-key"], direct["authorization"]) == ("key", "Basic eA==")
    assert re.fullmatch(r"[0-9a-f]{32}", direct["x-request-id"])
    assert direct["connection"] == "close"
    assert "x-forwarded-user" not in direct

    forwarded = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Request-ID": "trace-1"}
    behind_a_proxy = received({**forwarded, "X-Forwarded-Host": "public.example.com"})
    assert behind_a_proxy["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"
    assert behind_a_proxy["x-forwarded-proto"] == "https"
    assert behind_a_proxy["x-forwarded-host"] == "public.example.com"
    assert behind_a_proxy["x-request-id"] == "trace-1"


@pytest.mark.parametrize("service", ["api", "auth", "stream"])
def test_redirects_to_the_trailing_slash(web: Web, service: str) -> None:
    reply = web.request("POST", f"/{service}?limit=1", body=b"{}")
    assert (reply.status, reply.headers["Location"]) == (308, f"/{service}/?limit=1")


@pytest.mark.parametrize(
    "path",
    [
        "/stream/v1/stream?events=2",
        "/stream/v1/stream?events=2&unmarked",
        "/stream/v1/executions/1/output?events=2&unmarked",
        "/api/stream?events=2&unmarked",
    ],
)
def test_passes_events_on_one_by_one(web: Web, path: str) -> None:
    next_event = web.upstreams["stream"].next_event
    with closing(web.connect()) as connection:
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        next_event.release()
        response = connection.getresponse()
        assert response.headers["Content-Type"] == "text/event-stream; charset=UTF-8"
        assert response.headers["X-Accel-Buffering"] == (None if "unmarked" in path else "no")
        assert [response.readline() for _ in range(3)] == [b"event: st2.test\n", b"data: 1\n", b"\n"]
        next_event.release()
        assert response.read() == b"event: st2.test\ndata: 2\n\n"


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
def test_limits_the_size_of_uploads(web: Web, size: int, status: int) -> None:
    reply = web.request("POST", "/api/v1/webhooks/x", body=b"x" * size)
    assert reply.status == status
    assert status == 413 or json.loads(reply.body)["length"] == size


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/missing", 404),
        ("GET", "/js", 301),
        ("POST", "/", 405),
        ("PATCH", "/api/v1/actions", 405),
        ("GET", nginx.HEALTH_PATH, 200),
        ("GET", "/api", 308),
        ("GET", "/api/v1/actions", 200),
        ("GET", "/api/missing", 404),
        ("GET", "/api/v1/actions?fail=9", 503),
        ("GET", "/stream/v1/stream?fail=9", 200),
        ("GET", "/%zz", 400),
    ],
)
def test_every_response_has_the_security_headers(web: Web, method: str, path: str, status: int) -> None:
    reply = web.request(method, path)
    assert reply.status == status
    assert {name: reply.headers.get_all(name) for name in SECURITY_HEADERS} == {
        name: [value] for name, value in SECURITY_HEADERS.items()
    }
    assert reply.headers["Strict-Transport-Security"] == ("max-age=31536000" if web.https else None)
    assert reply.headers["Server"] == "nginx"


@pytest.mark.parametrize("service", ["api", "auth"])
def test_an_unreachable_service_is_an_error_that_clients_can_read(web: Web, service: str) -> None:
    reply = web.request("GET", f"/{service}/icon.png?fail=9")
    assert (reply.status, reply.headers["Content-Type"]) == (503, "application/json")
    assert f"st2{service}" in json.loads(reply.body)["faultstring"]


@pytest.mark.parametrize("service", ["api", "auth", "stream"])
def test_a_service_is_used_again_as_soon_as_it_answers(web: Web, service: str) -> None:
    for attempt in range(4):
        web.request("GET", f"/{service}/{attempt}?fail=2")
        assert json.loads(web.request("GET", f"/{service}/{attempt}").body)["service"] == f"st2{service}"


@pytest.mark.parametrize("path", ["/stream/v1/stream", "/api/v1/stream", "/stream/v1/executions/1/output"])
def test_an_unreachable_stream_makes_browsers_try_again(web: Web, path: str) -> None:
    reply = web.request("GET", f"{path}?fail=9")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/event-stream")
    assert reply.headers["Cache-Control"] == "no-cache"
    assert reply.body == b"retry: 1000\n\n"


@pytest.mark.parametrize(("method", "status", "attempts"), [("GET", 200, 2), ("POST", 503, 1)])
def test_a_lost_connection_is_tried_again_unless_that_could_act_twice(
    web: Web, method: str, status: int, attempts: int
) -> None:
    assert web.request(method, "/api/v1/lost?fail=1").status == status
    assert web.upstreams["api"].seen.count(f"{method} /v1/lost?fail=1") == attempts


def test_logs_neither_secrets_nor_health_checks(web: Web) -> None:
    web.request("GET", f"{nginx.HEALTH_PATH}")
    web.request("GET", "/api/v1/logged?st2-api-key=hidden", headers={"X-Request-ID": "trace-2"})
    eventually(lambda: "trace-2" in web.log.read_text())
    assert '"GET /api/v1/logged HTTP/1.1" 200' in web.log.read_text()
    assert "hidden" not in web.log.read_text()
    assert nginx.HEALTH_PATH not in web.log.read_text()


def test_health_needs_no_service(start_web: StartWeb) -> None:
    web = start_web(https=True)
    for upstream in web.upstreams.values():
        upstream.server_close()
    assert [web.request("GET", nginx.HEALTH_PATH, plain=plain).status for plain in (True, False)] == [200, 200]


def test_plain_http_redirects_to_https(https: Web) -> None:
    reply = https.request("POST", "/api/v1/actions?limit=1", body=b"{}", plain=True)
    assert (reply.status, reply.headers["Location"]) == (308, f"https://{HOST}/api/v1/actions?limit=1")
    assert "Strict-Transport-Security" not in reply.headers
    assert {name: reply.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


class Service:
    """Spreads new connections over its endpoints, as a Kubernetes Service does."""

    def __init__(self, *endpoints: Web) -> None:
        self.lock = threading.Lock()
        self.endpoints = list(endpoints)
        self.turns = itertools.count()

    def connect(self) -> http.client.HTTPConnection:
        with self.lock:
            return self.endpoints[next(self.turns) % len(self.endpoints)].connect()

    def remove(self, endpoint: Web) -> None:
        with self.lock:
            self.endpoints.remove(endpoint)


def test_no_request_fails_while_a_pod_stops_under_load(start_web: StartWeb) -> None:
    leaving, staying = start_web(), start_web()
    service = Service(leaving, staying)
    done = threading.Event()
    paths = itertools.cycle(["/", "/api/v1/actions", "/api/v1/actions?seconds=0.3", "/auth/v1/tokens"])

    def client() -> list[int]:
        statuses = []
        while not done.is_set():
            statuses.append(exchange(service.connect(), "GET", next(paths), None, {}).status)
        return statuses

    with ThreadPoolExecutor(16) as pool, closing(leaving.connect()) as kept_alive:
        kept_alive.request("GET", "/")
        kept_alive.getresponse().read()
        clients = [pool.submit(client) for _ in range(10)]
        try:
            time.sleep(0.5)
            slow = [pool.submit(leaving.request, "POST", "/api/v1/webhooks/x?seconds=2", b"{}") for _ in range(5)]
            eventually(lambda: leaving.upstreams["api"].seen.count("POST /v1/webhooks/x?seconds=2") == len(slow))
            service.remove(leaving)
            time.sleep(0.5)  # the pod's preStop hook gives the cluster longer than this to notice
            asked = time.monotonic()
            for _ in range(2):  # a hook may repeat the signal until the process has gone
                leaving.process.send_signal(signal.SIGQUIT)
            assert leaving.process.wait(10) == 0
            took = time.monotonic() - asked
            time.sleep(0.3)
        finally:
            done.set()
        statuses = [status for future in clients for status in future.result()]
    assert set(statuses) == {200}
    assert len(statuses) > 200
    assert [json.loads(future.result().body)["length"] for future in slow] == [2] * len(slow)
    assert 0.5 < took < 5


def test_an_open_event_stream_does_not_hold_up_the_end(start_web: StartWeb) -> None:
    web = start_web(shutdown="1s")
    next_event = web.upstreams["stream"].next_event
    with closing(web.connect()) as connection:
        connection.request("GET", "/stream/v1/stream?events=2")
        next_event.release()
        with closing(connection.getresponse()) as response:
            assert response.readline() == b"event: st2.test\n"
            asked = time.monotonic()
            web.process.send_signal(signal.SIGQUIT)
            assert web.process.wait(10) == 0
            assert 0.5 < time.monotonic() - asked < 5
            with pytest.raises(http.client.IncompleteRead):
                response.read()
    next_event.release()

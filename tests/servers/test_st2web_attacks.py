"""st2web under attack: it stays within the memory and disk of its container, and answers everybody else.

With ST2_TEST_LONG=1 attackers come in thousands, with TLS and without, and what nginx takes is printed (pytest -rP).
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from servers.ports import PATIENCE
from servers.st2web_pod import HOST, LIMIT, WEBUI_PATH, Certificate, Web, eventually, inside
from support import LONG, MakeCluster, Require, need_root

from constructs_st2.kube.quantity import amount
from constructs_st2.parts.services import nginx

MEBIBYTE = 2**20
ATTACKERS = 2000 if LONG else 200
TLS = (False, True) if LONG else (True,)
UPLOADS = 8
LOGIN = "/auth/v1/tokens"

Start = Callable[..., Web]


@pytest.fixture(scope="module")
def certificate(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    directory = tmp_path_factory.mktemp("certificate")
    made = Certificate(directory / "crt", directory / "key")
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
    files = ["-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run([require("openssl"), "req", "-x509", *options, *files], check=True, capture_output=True)
    return made


@pytest.fixture
def start(require: Require, certificate: Certificate, tmp_path: Path) -> Iterator[Start]:
    require("nginx")
    need_root()
    started: list[Web] = []

    def begin(**options: object) -> Web:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        web = Web(folder, certificate, **options)  # type: ignore[arg-type]
        web.add(WEBUI_PATH, {"js/big.js": "".join(f"console.log({number**3});" for number in range(10_000))})
        web.start()
        started.append(web)
        return web

    yield begin
    for web in started:
        web.close()


class Attack:
    """Many connections to one pod, which do as they are told."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.open: list[socket.socket] = []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    def connect(self, *, buffer: int | None = None) -> socket.socket:
        port = nginx.HTTPS_PORT if self.web.https else nginx.HTTP_PORT
        with inside(self.web.network):
            made = socket.socket()
        if buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        made.settimeout(20)
        made.connect(("127.0.0.1", port))
        stream = self.tls.wrap_socket(made) if self.web.https else made
        self.open.append(stream)
        return stream

    def send(self, count: int, *parts: bytes, buffer: int | None = None) -> None:
        """Each connection sends the same, and waits from then on."""
        for _ in range(count):
            stream = self.connect(buffer=buffer)
            for part in parts:
                stream.sendall(part)

    def statuses(self, expected: int) -> list[int]:
        """What those that have been answered got: as many as expected, and who else is within another second."""
        found: list[int] = []
        with selectors.DefaultSelector() as waiting:
            for stream in self.open:
                stream.settimeout(0.5)
                waiting.register(stream, selectors.EVENT_READ)
            deadline = time.monotonic() + PATIENCE
            while waiting.get_map() and time.monotonic() < deadline:
                if len(found) >= expected:
                    deadline = min(deadline, time.monotonic() + 1)
                for key, _ in waiting.select(0.2):
                    answered = key.fileobj
                    assert isinstance(answered, socket.socket)
                    waiting.unregister(answered)
                    try:
                        head = answered.recv(64)
                    except OSError:
                        continue
                    if head:
                        found.append(int(head.split()[1]))
                        self.open.remove(answered)
                        answered.close()
        return found


@contextmanager
def attack(web: Web) -> Iterator[Attack]:
    made = Attack(web)
    try:
        yield made
    finally:
        for stream in made.open:
            stream.close()


def memory(web: Web) -> float:
    """MiB that nginx has in memory. What its processes share is counted once."""
    total = 0
    for process in (web.process.pid, *children(web.process.pid)):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


def children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def disk(web: Web) -> float:
    """MiB in /tmp of the pod."""
    used = os.statvfs(f"/proc/{web.process.pid}/root/tmp")
    return (used.f_blocks - used.f_bfree) * used.f_frsize / MEBIBYTE


def limit(cluster: MakeCluster) -> float:
    """MiB that the container may use by default."""
    return float(amount(cluster().values.st2web.resources["limits"]["memory"])) / MEBIBYTE


def post(path: str, length: int, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {length}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def login(name: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:wrong".encode()).decode(), "Content-Length": "0"}


def answers_others(web: Web) -> None:
    begin = time.monotonic()
    assert web.request("GET", "/").status == 200
    assert web.request("GET", "/api/v1/actions").status == 200
    assert web.request("POST", LOGIN, b"{}", login("st2admin")).status == 200
    assert time.monotonic() - begin < 30


def holds(web: Web, cluster: MakeCluster, what: str) -> None:
    used = memory(web)
    print(f"{what}: {used:.0f} MiB of memory, {disk(web):.0f} MiB of disk")
    assert used < limit(cluster) * 0.9, what
    answers_others(web)


@pytest.mark.parametrize("https", TLS)
@pytest.mark.parametrize("path", [LOGIN, "/api/v1/executions"])
def test_slow_requests_of_many_clients(start: Start, cluster: MakeCluster, path: str, https: bool) -> None:
    web = start(https=https)
    with attack(web) as attackers:
        attackers.send(ATTACKERS, post(path, 60_000), b"x" * 9_000)
        holds(web, cluster, f"{ATTACKERS} slow requests to {path}, {'HTTPS' if https else 'HTTP'}")


@pytest.mark.parametrize("https", TLS)
def test_slow_headers(start: Start, cluster: MakeCluster, https: bool) -> None:
    web = start(https=https)
    with attack(web) as attackers:
        line = f"X-A: {'a' * 7000}\r\n".encode()
        attackers.send(ATTACKERS, f"GET /api/v1/actions HTTP/1.1\r\nHost: {HOST}\r\n".encode(), line * 3)
        holds(web, cluster, f"{ATTACKERS} slow headers, {'HTTPS' if https else 'HTTP'}")


@pytest.mark.parametrize("https", TLS)
@pytest.mark.parametrize("path", ["/js/big.js", "/api/v1/executions?size=1000000"])
def test_slow_readers(start: Start, cluster: MakeCluster, path: str, https: bool) -> None:
    web = start(https=https)
    with attack(web) as attackers:
        get = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
        # As many as st2api would have to serve at the same time.
        attackers.send(ATTACKERS if path.startswith("/js/") else ATTACKERS // 4, get, buffer=2048)
        holds(web, cluster, f"slow readers of {path}, {'HTTPS' if https else 'HTTP'}")


def test_large_uploads_take_no_more_disk_than_there_is(start: Start, cluster: MakeCluster) -> None:
    web = start(limits=nginx.Limits(uploads=UPLOADS, logins=100_000))
    many = 200 if LONG else 40
    with attack(web) as attackers:
        head, body = post("/api/v1/executions", LIMIT), b"x" * (LIMIT - 10)
        attackers.send(UPLOADS, head, body)
        eventually(lambda: disk(web) > UPLOADS * LIMIT * 0.9 / MEBIBYTE)
        attackers.send(many, head, b"x" * 10_000)
        refused = [status for status in attackers.statuses(many) if status == 429]
        assert len(refused) == many
        assert disk(web) <= UPLOADS * LIMIT / MEBIBYTE + 1
        # Without saying how much.
        chunked = (
            f"POST /api/v1/executions HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        )
        attackers.send(1, chunked.encode())
        assert attackers.statuses(1) == [429]
        holds(web, cluster, f"{UPLOADS} large uploads, {many} refused")
        # What is small is no upload.
        assert web.request("POST", "/api/v1/executions", b"x" * 90_000).status == 200


def test_what_is_posted_to_login_is_small(start: Start) -> None:
    web = start()
    assert web.request("POST", "/auth/v1/sso/callback", b"x" * 200_000).status == 200
    with attack(web) as attackers:
        attackers.send(1, post(LOGIN, 300_000))
        assert attackers.statuses(1) == [413]


class TestLogins:
    def test_a_storm_at_one_account_is_refused_and_others_get_in(self, start: Start) -> None:
        web = start(limits=nginx.Limits(logins=10))
        statuses = [
            web.request("POST", path, b"", login("st2admin")).status for path in (LOGIN, "//auth//v1/./tokens") * 20
        ]
        assert statuses[:11] == [200] * 11
        assert set(statuses[13:]) == {429}
        assert len(web.upstreams["auth"].seen) == statuses.count(200)
        refused = web.request("POST", LOGIN, b"", login("st2admin"))
        assert (refused.status, refused.headers["Retry-After"]) == (429, "10")
        assert b'"faultstring": "Too many requests' in refused.body
        assert web.request("POST", LOGIN, b"", login("chatops")).status == 200
        assert web.request("GET", "/auth/v1/sso", b"", login("st2admin")).status == 200
        assert web.request("GET", "/api/v1/actions").status == 200

    def test_with_known_proxies_a_client_is_who_they_say(self, start: Start) -> None:
        limits = nginx.Limits(logins=100, logins_of_address=10, proxies=["127.0.0.0/8"], knows_clients=True)
        web = start(limits=limits)

        def tries(address: str, names: Iterator[str]) -> list[int]:
            said = {"X-Forwarded-For": f"198.51.100.9, {address}"}
            return [web.request("POST", LOGIN, b"", {**login(name), **said}).status for name in names]

        statuses = tries("203.0.113.7", (f"user{number}" for number in range(30)))
        assert statuses[:11] == [200] * 11
        assert set(statuses[13:]) == {429}
        assert tries("203.0.113.8", iter(["st2admin"])) == [200]
        eventually(lambda: '203.0.113.8 "198.51.100.9, 203.0.113.8"' in web.log.read_text())

    def test_nobody_is_believed_who_is_no_known_proxy(self, start: Start) -> None:
        web = start(limits=nginx.Limits(logins=10, proxies=["192.0.2.0/24"], knows_clients=True))
        statuses = [
            web.request("POST", LOGIN, b"", {**login("st2admin"), "X-Forwarded-For": f"203.0.113.{number}"}).status
            for number in range(30)
        ]
        assert set(statuses[13:]) == {429}

    def test_where_clients_are_not_known_they_do_not_share_the_bound_of_an_address(self, start: Start) -> None:
        web = start(limits=nginx.Limits(logins=10, logins_of_address=10, connections=5))
        statuses = [web.request("POST", LOGIN, b"", login(f"user{number}")).status for number in range(40)]
        assert set(statuses) == {200}


def test_requests_of_one_client(start: Start) -> None:
    web = start(limits=nginx.Limits(connections=20, logins=100_000, knows_clients=True))
    with attack(web) as attackers:
        attackers.send(30, post("/api/v1/executions", 10))
        assert attackers.statuses(10) == [429] * 10
        assert web.request("GET", nginx.HEALTH_PATH).status == 200


def test_who_sends_nothing_for_too_long_is_cut_off(start: Start) -> None:
    web = start()
    with attack(web) as attackers:
        attackers.send(1, post(LOGIN, 100), b"x")
        attackers.send(1, b"GET / HTTP/1.1\r\n")
        begin = time.monotonic()
        closed = 0
        for stream in attackers.open:
            stream.settimeout(PATIENCE)
            try:
                closed += stream.recv(100) == b"" or b"408" in stream.recv(100)
            except ConnectionResetError:
                closed += 1
        assert closed == 2
        assert 10 < time.monotonic() - begin < 50

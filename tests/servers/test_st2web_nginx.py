"""st2web's nginx configuration in a real nginx."""

from __future__ import annotations

import errno
import gzip
import http.client
import itertools
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from servers.ports import PATIENCE
from servers.st2web_pod import (
    HOST,
    LIMIT,
    PORTS,
    USER,
    WEBUI,
    Certificate,
    Web,
    eventually,
    exchange,
    inside,
    lose_every_second_connection,
)
from support import Require, need_root

from constructs_st2.parts.jobs.scripts.st2_api import Service
from constructs_st2.parts.services import nginx

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}

StartWeb = Callable[..., Web]


@pytest.fixture(scope="module")
def certificate(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    directory = tmp_path_factory.mktemp("certificate")
    made = Certificate(directory / "crt", directory / "key")
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    files = ["-keyout", str(made.key), "-out", str(made.certificate)]
    openssl = require("openssl")
    subprocess.run([openssl, "req", "-x509", *algorithm, *subject, *files], check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def start_web(
    require: Require, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartWeb]:
    require("nginx")
    need_root()
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
    assert web.run([*nginx.COMMAND[:-2], "-t"]).wait(PATIENCE) == 0
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
        ("GET", "/api/v1/actions?fail=99", 503),
        ("GET", "/stream/v1/stream?fail=99", 200),
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
    reply = web.request("GET", f"/{service}/icon.png?fail=99")
    assert (reply.status, reply.headers["Content-Type"]) == (503, "application/json")
    assert f"st2{service}" in json.loads(reply.body)["faultstring"]


@pytest.mark.parametrize("service", ["api", "auth", "stream"])
def test_a_service_is_used_again_as_soon_as_it_answers(web: Web, service: str) -> None:
    for attempt in range(4):
        web.request("GET", f"/{service}/{attempt}?fail=2")
        assert json.loads(web.request("GET", f"/{service}/{attempt}").body)["service"] == f"st2{service}"


@pytest.mark.parametrize("path", ["/stream/v1/stream", "/api/v1/stream", "/stream/v1/executions/1/output"])
def test_an_unreachable_stream_makes_browsers_try_again(web: Web, path: str) -> None:
    reply = web.request("GET", f"{path}?fail=99")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/event-stream")
    assert reply.headers["Cache-Control"] == "no-cache"
    assert reply.body == b"retry: 1000\n\n"


@pytest.mark.parametrize(("method", "status", "attempts"), [("GET", 200, 2), ("POST", 503, 1)])
def test_a_lost_connection_is_tried_again_unless_that_could_act_twice(
    web: Web, method: str, status: int, attempts: int
) -> None:
    assert web.request(method, "/api/v1/lost?fail=1").status == status
    assert web.upstreams["api"].seen.count(f"{method} /v1/lost?fail=1") == attempts


@pytest.fixture(scope="module")
def half_dead(require: Require, start_web: StartWeb) -> Web:
    """A pod of st2web for which every second connection to st2api leads to a pod that is lost with its node."""
    require("iptables")
    web = start_web()
    lose_every_second_connection(web.network, PORTS["api"])
    return web


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_lost_pod_costs_a_request_seconds_and_nothing_else(half_dead: Web, method: str) -> None:
    begin = time.monotonic()
    assert half_dead.request(method, "/api/v1/half-dead", body=b"{}").status == 200
    assert 1.5 < time.monotonic() - begin < 20
    assert half_dead.upstreams["api"].seen.count(f"{method} /v1/half-dead") == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_lost_pod_costs_jobs_no_more(half_dead: Web, method: str) -> None:
    begin = time.monotonic()
    with inside(half_dead.network):
        answer = Service("st2api", f"http://127.0.0.1:{PORTS['api']}/").ask(method, "v1/job")
    assert answer.status == 200
    assert 2.5 < time.monotonic() - begin < 20
    assert half_dead.upstreams["api"].seen.count(f"{method} /v1/job") == 1


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
    replies = [web.request("GET", nginx.HEALTH_PATH, plain=plain) for plain in (True, False)]
    assert [(reply.status, reply.headers["Content-Type"], reply.body) for reply in replies] == [
        (200, "text/plain", b"ok\n")
    ] * 2


@pytest.mark.parametrize("port", [nginx.HTTP_PORT, nginx.HTTPS_PORT])
@pytest.mark.parametrize(
    ("asked", "address"),
    [
        pytest.param(HOST, HOST, id="a load balancer or Ingress"),
        pytest.param(f"{HOST}:80", HOST, id="with the port of HTTP"),
        pytest.param("10.0.0.1:30080", "10.0.0.1:30080", id="a port of a node"),
        pytest.param("localhost:8080", "localhost:8080", id="a port that is forwarded"),
        pytest.param("[fd00::1]:30080", "[fd00::1]:30080", id="IPv6"),
    ],
)
def test_plain_http_redirects_to_https(https: Web, port: int, asked: str, address: str) -> None:
    reply = exchange(
        https.connect(plain=True, port=port), "POST", "/api/v1/actions?limit=1", b"{}", headers={"Host": asked}
    )
    assert (reply.status, reply.headers["Location"]) == (308, f"https://{address}/api/v1/actions?limit=1")
    assert "Strict-Transport-Security" not in reply.headers
    assert {name: reply.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_where_plain_http_is_redirected_to_is_https(https: Web) -> None:
    for port in (nginx.HTTP_PORT, nginx.HTTPS_PORT):
        assert exchange(https.connect(port=port), "GET", "/", None, {}).status == 200


def test_a_large_body_in_plain_http_is_redirected_too(https: Web) -> None:
    body = b"x" * (LIMIT - 1)
    assert https.request("POST", "/api/v1/packs", body=body, plain=True).status == 308


class Endpoints:
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
    drain = 3
    leaving, staying = start_web(drain=drain), start_web()
    service = Endpoints(leaving, staying)
    done = threading.Event()
    paths = itertools.cycle(["/", "/api/v1/actions", "/api/v1/actions?seconds=0.3", "/auth/v1/tokens"])

    statuses: list[int] = []

    def client() -> None:
        while not done.is_set():
            statuses.append(exchange(service.connect(), "GET", next(paths), None, {}).status)

    def go_on() -> None:
        answered = len(statuses)
        eventually(lambda: len(statuses) > answered + 100)

    with ThreadPoolExecutor(16) as pool, closing(leaving.connect()) as kept_alive:
        kept_alive.request("GET", "/")
        kept_alive.getresponse().read()
        clients = [pool.submit(client) for _ in range(10)]
        try:
            go_on()
            slow = [pool.submit(leaving.request, "POST", "/api/v1/webhooks/x?seconds=2", b"{}") for _ in range(5)]
            eventually(lambda: leaving.upstreams["api"].seen.count("POST /v1/webhooks/x?seconds=2") == len(slow))
            asked = time.monotonic()
            leaving.process.terminate()
            time.sleep(0.5)  # requests come in until the whole cluster has noticed
            service.remove(leaving)
            assert leaving.process.wait(PATIENCE) == 0
            took = time.monotonic() - asked
            go_on()
        finally:
            done.set()
        for future in clients:
            future.result()
    assert set(statuses) == {200}
    assert [json.loads(future.result().body)["length"] for future in slow] == [2] * len(slow)
    assert took > drain


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
            assert web.process.wait(PATIENCE) == 0
            assert 0.5 < time.monotonic() - asked < 20
            with pytest.raises(http.client.IncompleteRead):
                response.read()
    next_event.release()

"""A kubelet that has no containers, and tells of them what a test has it say: logs, and how full volumes are."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from servers.certificates import Authority


class Kubelet:
    """A running one.

    ``logs`` are by pod and container, ``previous`` those of containers that ran before; ``volumes`` are the claims of
    each pod, with bytes used and bytes in all.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = 0
        self.logs: dict[tuple[str, str], str] = {}
        self.previous: dict[tuple[str, str], str] = {}
        self.volumes: dict[str, tuple[int, int]] = {}

    def log(self, path: str, query: Mapping[str, list[str]]) -> str | None:
        """What a container has said, as much of it as is asked for."""
        _, pod, container = path.removeprefix("/containerLogs/").split("/")
        said = (self.previous if query.get("previous") == ["true"] else self.logs).get((pod, container))
        if said is None:
            return None
        lines = said.splitlines(keepends=True)
        return "".join(lines[-int(query["tailLines"][0]) :] if "tailLines" in query else lines)

    def summary(self) -> dict[str, Any]:
        """How full volumes are."""
        volumes = [
            {"pvcRef": {"name": claim, "namespace": "stackstorm"}, "usedBytes": used, "capacityBytes": size}
            for claim, (used, size) in self.volumes.items()
        ]
        return {"node": {"nodeName": "node1"}, "pods": [{"podRef": {"name": "some"}, "volume": volumes}]}


def own_address() -> str:
    """An address of this machine that is not its loopback, to which the API server does not pass requests on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


@contextmanager
def kubelet(folder: Path) -> Iterator[Kubelet]:
    """Start one, which is gone with the block."""
    made = Kubelet(own_address())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path.startswith("/containerLogs/"):
                answer = made.log(asked.path, parse_qs(asked.query))
            else:
                answer = json.dumps(made.summary()) if asked.path == "/stats/summary" else None
            body = (answer if answer is not None else "not found").encode()
            self.send_response(200 if answer is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    secret = Authority().secret(["kubelet"], [made.address])
    (folder / "tls.pem").write_text(secret["tls.key"] + secret["tls.crt"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem")
    with ThreadingHTTPServer((made.address, 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()

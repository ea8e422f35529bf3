"""The nginx configuration of st2web: the Web UI and the one door to st2auth, st2api and st2stream."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import Template
from typing import NamedTuple

from constructs_st2.kube.shipped import shipped_text

HTTP_PORT = 8080
HTTPS_PORT = 8443
HEALTH_PATH = "/healthz"
"""Answers 200 on every port, without touching a backend."""

ATTEMPTS = 5
"""How often st2web tries to reach a service for a request. With half of its pods lost, 31 of 32 requests get there."""

USUAL_START = 2
"""Seconds after which nginx listens, by far."""

CONFIG_DIRECTORY = "/etc/nginx/st2"
CERTIFICATE_DIRECTORY = "/etc/ssl/st2"
CERTIFICATE_FILE = "st2.crt"
KEY_FILE = "st2.key"

COMMAND: tuple[str, ...] = (
    *("nginx", "-e", "stderr"),  # else it opens the log file that was compiled in before it reads its configuration
    *("-c", f"{CONFIG_DIRECTORY}/nginx.conf"),
    *("-g", "daemon off;"),
)

CERTIFICATE = f"{CERTIFICATE_DIRECTORY}/{CERTIFICATE_FILE}"

_ADDRESS = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")
_SIZE = re.compile(r"[0-9]+[kKmMgG]?")


class Limits(NamedTuple):
    """What one client may take.

    ``logins`` and ``logins_of_address`` are per minute: of one account, and of all accounts, from one address.
    ``connections`` and ``uploads_of_client`` are the requests, and those of them with a large body, that one address
    may have at the same time; ``uploads`` the latter of all. The address of a client is what ``header`` says where one
    of the networks ``proxies`` stands in front. Without ``knows_clients`` it is that of a proxy, which many share: then
    nothing is counted by the address alone.
    """

    uploads: int = 8
    uploads_of_client: int = 4
    connections: int = 256
    logins: int = 30
    logins_of_address: int = 120
    proxies: Sequence[str] = ()
    header: str = "X-Forwarded-For"
    knows_clients: bool = False

    def files(self) -> dict[str, str]:
        """The files of ``CONFIG_DIRECTORY`` that say so."""
        real_ip = [f"real_ip_header {self.header};", "real_ip_recursive on;"] if self.proxies else []
        real_ip += [f"set_real_ip_from {network};" for network in self.proxies]
        of_client = [
            f"limit_conn uploads_of_client {self.uploads_of_client};",
            f"limit_conn requests_of_client {self.connections};",
        ]
        of_address = f"limit_req zone=addresses burst={self.logins_of_address} nodelay;\n"
        return {
            "limits.conf": Template(_read("limits.conf")).substitute(
                real_ip="".join(f"{line}\n" for line in real_ip),
                logins=self.logins,
                logins_of_address=self.logins_of_address,
                uploads=self.uploads,
                of_client="".join(f"{line}\n" for line in of_client if self.knows_clients),
            ),
            "logins.conf": Template(_read("logins.conf")).substitute(
                logins=self.logins, of_address=of_address if self.knows_clients else ""
            ),
        }


def size_in_bytes(size: str) -> int:
    """The bytes that a size in nginx's notation stands for."""
    units = {"k": 2**10, "m": 2**20, "g": 2**30}
    unit = units.get(size[-1:].lower())
    return int(size[:-1]) * unit if unit else int(size)


class Upstreams(NamedTuple):
    """Where st2auth, st2api and st2stream are: ``host:port`` of each."""

    auth: str
    api: str
    stream: str


def config_files(
    upstreams: Upstreams, *, https: bool, max_body_size: str, limits: Limits, authority: str | None = None
) -> dict[str, str]:
    """The files of ``CONFIG_DIRECTORY`` by name, as the data of a ConfigMap.

    Args:
        upstreams: the services that requests are passed on to.
        https: whether the site is served over TLS on both ports; plain HTTP is then redirected to HTTPS.
        max_body_size: the largest accepted request body in nginx's notation: bytes, or a number followed by ``k``,
            ``m`` or ``g``.
        limits: what one client may take.
        authority: a file of certificates. With it, the three services speak TLS, and their certificates are checked.

    Raises:
        ValueError: nginx would misread an address or the size.
    """
    for address in upstreams:
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"not host:port: {address!r}")
    if not _SIZE.fullmatch(max_body_size):
        raise ValueError(f"not a size that nginx understands, such as 50m: {max_body_size!r}")
    return {
        "nginx.conf": _read("nginx.conf"),
        "server.conf": _read("server-https.conf" if https else "server-http.conf"),
        "locations.conf": _locations(encrypted=authority is not None),
        "upstreams.conf": _upstreams(upstreams, max_body_size, authority),
        **limits.files(),
    }


def _locations(*, encrypted: bool) -> str:
    text = _read("locations.conf")
    return text.replace("proxy_pass http://", "proxy_pass https://") if encrypted else text


def _upstreams(upstreams: Upstreams, max_body_size: str, authority: str | None) -> str:
    attempts = {name: _attempts(address) for name, address in upstreams._asdict().items()}
    text = Template(_read("upstreams.conf")).substitute(attempts, max_body_size=max_body_size)
    if authority is None:
        return text
    hosts = {f"{name}_name": _host(address) for name, address in upstreams._asdict().items()}
    return text + Template(_read("upstreams-tls.conf")).substitute(hosts, authority=authority)


def proxy_files(port: int) -> dict[str, str]:
    """The files of ``CONFIG_DIRECTORY`` for an nginx that speaks TLS for a service in its pod, on ``HTTPS_PORT``."""
    return {
        "nginx.conf": _read("proxy.conf"),
        "upstream.conf": Template(_read("upstream.conf")).substitute(port=port),
    }


def _attempts(address: str) -> str:
    return "\n".join([f"    server {address} max_fails=0;"] * ATTEMPTS)


def _host(address: str) -> str:
    return address.partition(":")[0]


def _read(name: str) -> str:
    return shipped_text(__name__, name)

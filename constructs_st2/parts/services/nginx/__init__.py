"""The nginx configuration of st2web: the Web UI and the one door to st2auth, st2api and st2stream."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from string import Template

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


def config_files(
    *, https: bool, auth: str, api: str, stream: str, max_body_size: str, authority: str | None = None
) -> dict[str, str]:
    """The files of ``CONFIG_DIRECTORY`` by name, as the data of a ConfigMap.

    ``auth``, ``api`` and ``stream`` are the ``host:port`` of st2auth, st2api and st2stream. ``max_body_size`` is the
    largest accepted request body in nginx's notation: bytes, or a number followed by ``k``, ``m`` or ``g``; 0 means
    no limit. With ``https`` the site is served over TLS on both ports, and plain HTTP is redirected to HTTPS. With
    ``authority``, a file of certificates, the three services speak TLS, and their certificates are checked.

    Raises ValueError for an address or a size that nginx would misread.
    """
    for address in (auth, api, stream):
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"not host:port: {address!r}")
    if not _SIZE.fullmatch(max_body_size):
        raise ValueError(f"not a size that nginx understands, such as 50m: {max_body_size!r}")
    upstreams = Template(_read("upstreams.conf")).substitute(
        auth=_attempts(auth), api=_attempts(api), stream=_attempts(stream), max_body_size=max_body_size
    )
    locations = _read("locations.conf")
    if authority is not None:
        upstreams += Template(_read("upstreams-tls.conf")).substitute(
            auth_name=_host(auth), api_name=_host(api), stream_name=_host(stream), authority=authority
        )
        locations = locations.replace("proxy_pass http://", "proxy_pass https://")
    return {
        "nginx.conf": _read("nginx.conf"),
        "server.conf": _read("server-https.conf" if https else "server-http.conf"),
        "locations.conf": locations,
        "upstreams.conf": upstreams,
    }


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


@cache
def _read(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")

"""The hosts of URLs, as clients of servers read them."""

from __future__ import annotations

import ipaddress
import re

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_ONLY_NUMBERS = re.compile(r"[0-9.]+")
_HOST = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?P<port>:.*)?")
_GREATEST_PORT = 65535


def problem_of_hosts(url: str, *, several: bool = False, ports: bool = True) -> str | None:
    """What is wrong with the hosts of a URL, and their ports; None where nothing is.

    Args:
        url: the URL, without user and password.
        several: whether there may be more than one, with commas between them.
        ports: whether ports may be given.
    """
    if "#" in url:
        return 'must not have a "#", after which nothing is read'
    authority = re.split(r"[/?]", url.partition("://")[2], maxsplit=1)[0]
    hosts = authority.split(",")
    if len(hosts) > 1 and not several:
        return f"must have one host, not {len(hosts)}"
    return next((problem for host in hosts if (problem := _problem_of_host(host, ports))), None)


def _problem_of_host(text: str, ports: bool) -> str | None:
    match = _HOST.fullmatch(text)
    if match is None or not _is_host(match["host"]):
        hint = "; an address of IPv6 needs brackets: [fd00::1]:1234" if text.count(":") > 1 else ""
        return f'must have a host after "://", by its name or address, not "{text}"{hint}'
    if (port := match["port"]) is None:
        return None
    if not ports:
        return f'must not have a port ("{port}"): records of DNS tell it'
    # Digits of other scripts are decimal, too.
    number = port[1:] if port.isascii() else ""
    if not number.isdecimal() or not 1 <= int(number) <= _GREATEST_PORT:
        return f'must have a port from 1 to {_GREATEST_PORT} after the ":" of {match["host"]}, not "{port[1:]}"'
    return None


def _is_host(text: str) -> bool:
    if text.startswith("[") or _ONLY_NUMBERS.fullmatch(text):
        try:
            return bool(ipaddress.ip_address(text.strip("[]"))) and "%" not in text
        except ValueError:
            return False
    return bool(_NAME.fullmatch(text))

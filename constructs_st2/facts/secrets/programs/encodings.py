"""How values are written into texts of several kinds.

Also runs in the cluster, by the Python of the oldest st2 image (3.8), without the rest of this package.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from urllib.parse import quote

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
_QUOTES = ('"', "'")


def conf(value: str) -> str:
    """The value of an option of st2.conf: how it is written so that oslo.config reads it as it is.

    Raises:
        ValueError: it cannot be written in this dialect.
    """
    if _UNPRINTABLE.search(value):
        raise ValueError("has control characters, which st2.conf cannot hold")
    if r"\$" in value:
        raise ValueError(r'has "\$", which st2.conf cannot hold: oslo.config reads it as "$"')
    first, *others = value.replace("$", "$$").split("\n")
    if any(not line or line != line.strip() for line in others):
        raise ValueError("has an empty line, or one with blanks around it, which st2.conf cannot hold")
    if first != first.strip() or unquoted(first) != first:
        first = f'"{first}"'
    return "\n    ".join([first, *others])


def unquoted(value: str) -> str:
    """A value without the quotes around it, which oslo.config removes."""
    return value[1:-1] if value and value[0] == value[-1] and value.startswith(_QUOTES) else value


def url(value: str) -> str:
    """A part of a URL whose reader decodes it."""
    return quote(value, safe="")


def url_verbatim(value: str) -> str:
    """A part of a URL whose reader does not decode it, as tooz does with the password (oslo_utils.netutils.urlsplit).

    Raises:
        ValueError: it has characters with a meaning.
    """
    if not _UNRESERVED.fullmatch(value):
        raise ValueError('may only consist of letters, digits and "-._~", because it becomes part of a URL')
    return value


def client_config(value: str) -> str:
    """The value of an option of the st2 command line's configuration, which it reads without interpolation.

    Raises:
        ValueError: it cannot be written there.
    """
    if _UNPRINTABLE.search(value) or "\n" in value or value != value.strip():
        raise ValueError("has line breaks, control characters or blanks around it, which ~/.st2/config cannot hold")
    return value


def rabbitmq_hash(password: str) -> str:
    """A password as `rabbit_password_hashing_sha256` has it: base64 of a salt of four bytes and the salted SHA-256.

    The salt follows from the password, so that the same password always gives the same definitions.
    https://www.rabbitmq.com/docs/passwords#computing-password-hash
    """
    salt = hashlib.sha256(b"salt of " + password.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def docker_config(registry: str, license_key: str) -> str:
    """Credentials of an image registry, to which the license is both name and password."""
    auth = base64.b64encode(f"{license_key}:{license_key}".encode()).decode()
    return json.dumps({"auths": {registry: {"username": license_key, "password": license_key, "auth": auth}}})


def _plain(value: str) -> str:
    return value


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": _plain,
    "conf": conf,
    "url": url,
    "url-verbatim": url_verbatim,
    "client-config": client_config,
    "json": json.dumps,
    "rabbitmq-hash": rabbitmq_hash,
}
"""The encodings by their names."""

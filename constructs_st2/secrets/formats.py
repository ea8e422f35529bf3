"""The forms of what the keys of Secrets hold, and what is wrong with a value that has another one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum


class Format(Enum):
    """The form of a value; the text describes it for people."""

    NAME = "a name without blanks and colons"
    TEXT = "a text on one line"
    URL_TEXT = 'letters, digits and "-._~"'
    HTPASSWD = "lines of NAME:HASH"
    CRYPTO_KEY = "JSON with an AES and an HMAC key"
    PRIVATE_KEY = "a private key in PEM or OpenSSH format"
    SSH_PUBLIC_KEY = "a line for authorized_keys"
    CERTIFICATE = "certificates in PEM format"
    MEMBER_KEY = "6 to 1024 characters of base64"
    COOKIE = "letters and digits, at most 255"
    DEFINITIONS = "JSON with users, vhosts and permissions"
    ST2_CONF = "INI text"
    CLIENT_CONFIG = "INI text with the section [credentials]"
    DOCKER_CONFIG = "JSON with auths"

    def problem(self, value: str) -> str | None:
        """What is wrong with a value, without telling the value; None if nothing is."""
        return None if _FITS[self](value) else f"is not {self.value}"


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda value: compiled.fullmatch(value) is not None


def _json_with(*keys: str) -> Callable[[str], bool]:
    def fits(value: str) -> bool:
        try:
            data = json.loads(value)
        except ValueError:
            return False
        return isinstance(data, dict) and set(keys) <= data.keys()

    return fits


def _member_key(value: str) -> bool:
    # Blanks and line ends do not count; a YAML list of several keys is for the time of a change.
    if value.lstrip().startswith("-"):
        return all(_member_key(line.lstrip("- ")) for line in value.strip().splitlines())
    return re.fullmatch(r"[A-Za-z0-9+/=]{6,1024}", "".join(value.split())) is not None


_FITS: Mapping[Format, Callable[[str], bool]] = {
    Format.NAME: _matches(r"[^\s:]+"),
    Format.TEXT: _matches(r"[^\r\n]+"),
    Format.URL_TEXT: _matches(r"[A-Za-z0-9._~-]+"),
    Format.HTPASSWD: _matches(r"(?:(?:#[^\n]*|[^\s:#][^\n:]*:\S+)?\n?)+"),
    Format.CRYPTO_KEY: _json_with("hmacKey", "aesKeyString", "mode", "size"),
    Format.PRIVATE_KEY: _matches(
        r"\s*-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\n.+-----END (?:[A-Z]+ )?PRIVATE KEY-----\s*"
    ),
    Format.SSH_PUBLIC_KEY: _matches(r"(?:ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/=]+(?: [^\n]*)?\n?"),
    Format.CERTIFICATE: _matches(r"\s*(?:-----BEGIN CERTIFICATE-----\n.+?-----END CERTIFICATE-----\s*)+"),
    Format.MEMBER_KEY: _member_key,
    Format.COOKIE: _matches(r"[A-Za-z0-9]{1,255}"),
    Format.DEFINITIONS: _json_with("users", "vhosts", "permissions"),
    Format.ST2_CONF: _matches(r".*"),
    Format.CLIENT_CONFIG: _matches(r".*\[credentials\].*"),
    Format.DOCKER_CONFIG: _json_with("auths"),
}

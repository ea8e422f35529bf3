"""What is wrong with a value of a Secret that has another form than its key."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping

from constructs_st2.facts import ini
from constructs_st2.facts.secrets.formats import Format


def problem(form: Format, value: str) -> str | None:
    """What is wrong with a value, without telling the value; None if nothing is."""
    return None if _FITS[form](value) else f"is not {form.value}"


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda value: compiled.fullmatch(value) is not None


def _pem(kind: str) -> Callable[[str], bool]:
    # There may be something before it, which readers skip: what it says in words, the parameters of a curve.
    return _matches(rf"(?:.*\n)?-----BEGIN {kind}-----\r?\n.+\n-----END {kind}-----\s*")


def _json_with(*keys: str) -> Callable[[str], bool]:
    def fits(value: str) -> bool:
        try:
            data = json.loads(value)
        except ValueError:
            return False
        return isinstance(data, dict) and set(keys) <= data.keys()

    return fits


def _crypto_key(value: str) -> bool:
    try:
        data = json.loads(value)
        keys = [data["aesKeyString"], data["hmacKey"]["hmacKeyString"]]
        # Padding is left out.
        aes, mac = (base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)) for key in keys)
        return data["mode"].upper() == "CBC" and len(aes) in (16, 24, 32) and bool(mac)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def _st2_conf(value: str) -> bool:
    try:
        ini.parse(value)
    except ini.IniError:
        return False
    return True


def _htpasswd(value: str) -> bool:
    lines = [line for line in value.splitlines() if line and not line.startswith("#")]
    return bool(lines) and all(re.fullmatch(r"[^\s:][^:]*:\S+", line) for line in lines)


def _member_key(value: str) -> bool:
    # Blanks and line ends do not count; a YAML list of several keys is for the time of a change.
    if value.lstrip().startswith("-"):
        return all(_member_key(line.lstrip("- ")) for line in value.strip().splitlines())
    return re.fullmatch(r"[A-Za-z0-9+/=]{6,1024}", "".join(value.split())) is not None


_FITS: Mapping[Format, Callable[[str], bool]] = {
    Format.NAME: _matches(r"[^\s:#][^\s:]*"),
    Format.TEXT: _matches(r"[^\r\n]+"),
    Format.URL_TEXT: _matches(r"[A-Za-z0-9._~-]+"),
    Format.HTPASSWD: _htpasswd,
    Format.CRYPTO_KEY: _crypto_key,
    Format.PRIVATE_KEY: _pem(r"(?:[A-Z]+ )?PRIVATE KEY"),
    Format.SSH_PUBLIC_KEY: _matches(r"(?:ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/=]+(?: [^\n]*)?\n?"),
    Format.CERTIFICATE: _pem("CERTIFICATE"),
    Format.MEMBER_KEY: _member_key,
    Format.COOKIE: _matches(r"[A-Za-z0-9]{1,255}"),
    Format.DEFINITIONS: _json_with("users", "vhosts", "permissions"),
    Format.ST2_CONF: _st2_conf,
    Format.CLIENT_CONFIG: _matches(r"(?:.*\n)?\[credentials\]\r?\n.*"),
    Format.DOCKER_CONFIG: _json_with("auths"),
    Format.YAML_LIST: _matches(r"(?:.*\n)?[-\[].*"),
}

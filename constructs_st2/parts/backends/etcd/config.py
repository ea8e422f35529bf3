"""The configuration file of etcd: its flags, as the file wants them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from constructs_st2.values.model.backends import Option

_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"(\d+)(ns|us|ms|s|m|h)")

_TEXTS = ("auto-compaction-retention",)
"""Options whose values are text, though they may look like a number or a duration."""
_LISTS = ("cipher-suites", "log-outputs")
_TLS = ("auto-tls", "cert-file", "client-cert-auth", "client-cert-file", "client-key-file", "key-file")
_TLS_SECTIONS = {
    **{flag: ("client-transport-security", flag) for flag in (*_TLS, "trusted-ca-file")},
    **{f"peer-{flag}": ("peer-transport-security", flag) for flag in (*_TLS, "trusted-ca-file")},
}
"""Where options are that the file has in a section."""


def config_file(flags: Mapping[str, Option]) -> str:
    """The file that says what these flags of the command line say.

    See ``embed.Config`` of etcd: the file wants numbers for durations, and has TLS in sections of its own.
    """
    written: dict[str, object] = {}
    sections: dict[str, dict[str, object]] = {}
    for flag, value in flags.items():
        if flag in _TLS_SECTIONS:
            section, name = _TLS_SECTIONS[flag]
            sections.setdefault(section, {})[name] = _written(name, value)
        else:
            written[flag] = _written(flag, value)
    return yaml.safe_dump({**written, **sections}, sort_keys=False, width=1000)


def _written(flag: str, value: Option) -> object:
    words = value if isinstance(value, list) else [value]
    if flag in _LISTS:
        return [word for each in words for word in each.split(",")]
    text = ",".join(words)
    if flag in _TEXTS:
        return text
    if text in ("true", "false"):
        return text == "true"
    if text.isdigit():
        return int(text)
    if re.fullmatch(rf"({_DURATION.pattern})+", text):
        return sum(int(number) * _NANOSECONDS[unit] for number, unit in _DURATION.findall(text))
    return text

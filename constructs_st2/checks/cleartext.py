"""No secret stands in clear text in what is written to files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from constructs_st2.checks.data import label, strings
from constructs_st2.checks.index import Index
from constructs_st2.checks.problem import Problem
from constructs_st2.checks.texts import Text
from constructs_st2.kube.documents import identity

SECRETS_MODE_LABEL = "constructs-st2.dev/secrets-mode"
"""Secrets labelled ``plain`` were asked for: the user chose to have them in the manifests."""

_INSTEAD = "keep it in a Secret"
# The patterns are shared with content/configs.py, which tells of secrets by the line of the file.
WORDS = "password|passwd|passphrase|_pass|secret|token|api[_-]?key|private[_-]?key|secret[_-]?key|access[_-]?key"
_HINTS = ("pass", "secret", "token", "key", "masterauth")
SETTING = re.compile(
    rf"""^[ \t]*(?:export[ ]+|-[ ]+)?["']?([\w.-]*?(?:{WORDS}))["']?[ \t]*[=:][ \t]*(\S.*)$"""
    rf"""|"([\w.-]*(?:{WORDS}))"\s*:\s*("[^"\n]*")""",
    re.IGNORECASE | re.MULTILINE,
)
REDIS_SETTING = re.compile(r"^[ \t]*(?:sentinel[ \t]+)?(requirepass|masterauth|auth-pass)[ \t]+(.*\S)", re.MULTILINE)
_OPTION = re.compile(rf"--?[\w-]*(?:{WORDS})", re.IGNORECASE)
_VARIABLE = re.compile(r"(?:PASSWORD|TOKEN|SECRET|API_KEY|PRIVATE_KEY)$")
URL = re.compile(r"://[^\s/:@\"']*:([^\s/@\"']+)@")
PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s)+[A-Za-z0-9+/]{4}")
TOKENS = (
    ("xox", "a Slack token", re.compile(r"\bxox[baprs]-[A-Za-z0-9-]{10,}")),
    ("ghp_", "a GitHub token", re.compile(r"\bghp_[A-Za-z0-9]{30,}")),
    ("AKIA", "an AWS access key", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("AGE-SECRET-KEY-", "an age key", re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}")),
)
_NO_SECRET_NAMES = frozenset({"initial-cluster-token"})
"""Settings whose names only sound secret."""
_NO_SECRETS = frozenset({"true", "false", "yes", "no", "on", "off", "none", "null", "~"})
# Paths, options, comments; and in YAML and JSON: texts of several lines, lists, mappings, references, tags.
_NO_SECRET_STARTS = ("/", "-", "#", "|", ">", "[", "{", "*", "&", "!")
_SETTINGS_FILES = frozenset({"", ".conf", ".cfg", ".ini", ".env", ".properties", ".yaml", ".yml", ".json", ".toml"})
"""Endings of files that hold settings. In programs, ``token = …`` is seldom more than a variable."""


def no_secret_in_texts(index: Index) -> Iterator[Problem]:
    """Neither ConfigMaps nor variables, arguments or annotations hold passwords, tokens or private keys."""
    for text in index.texts:
        for position, what in _secrets(text):
            yield Problem("cleartext", text.object, text.field_at(position), f"contains {what}; {_INSTEAD}")


def no_secret_after_an_option(index: Index) -> Iterator[Problem]:
    """No argument follows an option such as --password."""
    for pod in index.pods:
        for container in pod.containers:
            for key in ("command", "args"):
                arguments = strings(container.spec.get(key))
                for position, (option, value) in enumerate(pairwise(arguments), start=1):
                    if option[:1] == "-" and _OPTION.fullmatch(option) and _is_literal(value):
                        message = f"is the value of {option}; {_INSTEAD}, and refer to it by $(VARIABLE)"
                        yield Problem("cleartext", pod.identity, f"{container.field}.{key}[{position}]", message)


def no_secret_objects(index: Index) -> Iterator[Problem]:
    """Secrets are made in the cluster, unless the user chose to have them in the manifests."""
    for secret in index.of_kind("Secret"):
        if label(secret, SECRETS_MODE_LABEL) == "plain":
            continue
        for field in ("data", "stringData"):
            if secret.get(field):
                message = (
                    f"holds secrets in clear text; make it in the cluster, or label it {SECRETS_MODE_LABEL}: plain"
                )
                yield Problem("cleartext", identity(secret), field, message)


def _secrets(text: Text) -> Iterator[tuple[int, str]]:
    """What secrets a text holds, and where. Searches start from plain substrings, which are much faster to find."""
    content = text.text
    if "://" in content and "@" in content:
        for match in URL.finditer(content):
            if not is_placeholder(match[1]):
                yield match.start(), "a URL with a password"
    if "PRIVATE KEY" in content:
        for match in PRIVATE_KEY.finditer(content):
            yield match.start(), "a private key"
    for hint, what, token in TOKENS:
        if hint in content:
            for match in token.finditer(content):
                yield match.start(), what
    if text.origin in ("file", "variable") and _VARIABLE.search(text.name) and _is_literal(content):
        yield 0, "a secret, by its name"
    elif text.origin == "argument" or (text.origin == "file" and _ending(text.name) in _SETTINGS_FILES):
        yield from _settings(content)


def _ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return dot + ending if stem else ""


@lru_cache(4096)
def _settings(content: str) -> tuple[tuple[int, str], ...]:
    """The settings in a text that hold a secret, and where. Pods run the same scripts over and over."""
    return tuple(_secret_settings(content))


def _secret_settings(content: str) -> Iterator[tuple[int, str]]:
    lower = content.lower()
    if not any(hint in lower for hint in _HINTS):
        return
    for match in SETTING.finditer(content):
        key, value = match[1] or match[3], match[2] or match[4]
        name = key.lstrip("-")
        if name not in _NO_SECRET_NAMES and _is_literal(value):
            yield match.start(), f"a value of {name}"
    for match in REDIS_SETTING.finditer(content):
        if _is_literal(match[2]):
            yield match.start(), f"a value of {match[1]}"


def _is_literal(value: str) -> bool:
    """Whether a value can be a secret: neither empty, nor a reference, a path, a truth value or a structure."""
    bare = value.strip().rstrip(",;").strip("\"' ")
    if not bare or bare.lower() in _NO_SECRETS or is_placeholder(bare):
        return False
    return not bare.startswith(_NO_SECRET_STARTS)


def is_placeholder(value: str) -> bool:
    """Whether a value is filled in later: ``$(VARIABLE)``, ``${variable}``, ``{{ template }}``, ``<password>``."""
    return any(mark in value for mark in "${(<") or "%s" in value or set(value) == {"*"}


RULES = (no_secret_in_texts, no_secret_after_an_option, no_secret_objects)

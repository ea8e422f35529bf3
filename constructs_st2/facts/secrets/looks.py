"""What a secret looks like in a text: for the check of manifests, and for that of the files that users give."""

from __future__ import annotations

import re

WORDS = "password|passwd|passphrase|_pass|secret|token|api[_-]?key|private[_-]?key|secret[_-]?key|access[_-]?key"
HINTS = ("pass", "secret", "token", "key", "masterauth")
SETTING = re.compile(
    rf"""^[ \t]*(?:export[ ]+|-[ ]+)?["']?([\w.-]*?(?:{WORDS}))["']?[ \t]*[=:][ \t]*(\S.*)$"""
    rf"""|"([\w.-]*(?:{WORDS}))"\s*:\s*("[^"\n]*")""",
    re.IGNORECASE | re.MULTILINE,
)
REDIS_SETTING = re.compile(r"^[ \t]*(?:sentinel[ \t]+)?(requirepass|masterauth|auth-pass)[ \t]+(.*\S)", re.MULTILINE)
OPTION = re.compile(rf"--?[\w-]*(?:{WORDS})", re.IGNORECASE)
VARIABLE = re.compile(r"(?:PASSWORD|TOKEN|SECRET|API_KEY|PRIVATE_KEY)$")
URL = re.compile(r"://[^\s/:@\"']*:([^\s/@\"']+)@")
PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s)+[A-Za-z0-9+/]{4}")
TOKENS = (
    ("xox", "a Slack token", re.compile(r"\bxox[baprs]-[A-Za-z0-9-]{10,}")),
    ("ghp_", "a GitHub token", re.compile(r"\bghp_[A-Za-z0-9]{30,}")),
    ("AKIA", "an AWS access key", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("AGE-SECRET-KEY-", "an age key", re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}")),
)
NO_SECRET_NAMES = frozenset({"initial-cluster-token"})
"""Settings whose names only sound secret."""
_NO_SECRETS = frozenset({"true", "false", "yes", "no", "on", "off", "none", "null", "~"})
# Paths, options, comments; and in YAML and JSON: texts of several lines, lists, mappings, references, tags.
_NO_SECRET_STARTS = ("/", "-", "#", "|", ">", "[", "{", "*", "&", "!")
SETTINGS_FILES = frozenset({"", ".conf", ".cfg", ".ini", ".env", ".properties", ".yaml", ".yml", ".json", ".toml"})
"""Endings of files that hold settings. In programs, ``token = …`` is seldom more than a variable."""


def is_literal(value: str) -> bool:
    """Whether a value can be a secret: neither empty, nor a reference, a path, a truth value or a structure."""
    bare = value.strip().rstrip(",;").strip("\"' ")
    if not bare or bare.lower() in _NO_SECRETS or is_placeholder(bare):
        return False
    return not bare.startswith(_NO_SECRET_STARTS)


def is_placeholder(value: str) -> bool:
    """Whether a value is filled in later: ``$(VARIABLE)``, ``${variable}``, ``{{ template }}``, ``<password>``."""
    return any(mark in value for mark in "${(<") or "%s" in value or set(value) == {"*"}

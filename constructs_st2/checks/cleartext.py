"""No secret stands in clear text in what is written to files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from constructs_st2.checks.data import label, strings
from constructs_st2.checks.index import Index
from constructs_st2.checks.problem import Problem
from constructs_st2.checks.texts import Text
from constructs_st2.facts.release import SECRETS_MODE_LABEL
from constructs_st2.facts.secrets.looks import (
    HINTS,
    NO_SECRET_NAMES,
    OPTION,
    PRIVATE_KEY,
    REDIS_SETTING,
    SETTING,
    SETTINGS_FILES,
    TOKENS,
    URL,
    VARIABLE,
    is_literal,
    is_placeholder,
)
from constructs_st2.kube.documents import identity

_INSTEAD = "keep it in a Secret"


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
                    if option[:1] == "-" and OPTION.fullmatch(option) and is_literal(value):
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
    if text.origin in ("file", "variable") and VARIABLE.search(text.name) and is_literal(content):
        yield 0, "a secret, by its name"
    elif text.origin == "argument" or (text.origin == "file" and _ending(text.name) in SETTINGS_FILES):
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
    if not any(hint in lower for hint in HINTS):
        return
    for match in SETTING.finditer(content):
        key, value = match[1] or match[3], match[2] or match[4]
        name = key.lstrip("-")
        if name not in NO_SECRET_NAMES and is_literal(value):
            yield match.start(), f"a value of {name}"
    for match in REDIS_SETTING.finditer(content):
        if is_literal(match[2]):
            yield match.start(), f"a value of {match[1]}"


RULES = (no_secret_in_texts, no_secret_after_an_option, no_secret_objects)

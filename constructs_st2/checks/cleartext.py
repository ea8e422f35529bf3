"""No secret stands in clear text in what is written to files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any

from constructs_st2.checks.data import annotations_of, label, mapping
from constructs_st2.checks.index import Index, Surroundings
from constructs_st2.checks.problem import Problem
from constructs_st2.checks.texts import Item, Origin
from constructs_st2.facts.release import SECRETS_MODE_LABEL
from constructs_st2.kube.documents import Document, identity, is_built_in
from constructs_st2.kube.shipped import is_shipped
from constructs_st2.values import secret_looks
from constructs_st2.values.secret_looks import Look

NOT_SECRET_ANNOTATION = "constructs-st2.dev/not-secret"
"""The fields of an object, separated by blanks, whose texts look like secrets and are none."""

_INSTEAD = f"keep it in a Secret; if it is no secret, name the field in the annotation {NOT_SECRET_ANNOTATION}"
_SETTINGS_FILES = frozenset({"", ".conf", ".cfg", ".ini", ".env", ".properties", ".yaml", ".yml", ".json", ".toml"})
"""Endings of files that hold settings. In programs, ``token = …`` is seldom more than a variable."""
_ENCRYPTED = ("SealedSecret", "Secret")
"""Kinds of objects whose texts are encrypted, or judged as a whole."""

_Finding = tuple[Document, str, str, str, Look]
"""The object, how it is called, the field, the field with its line, and what is there."""


def no_secret_in_texts(index: Index) -> Iterator[Problem]:
    """Neither ConfigMaps nor variables, arguments, annotations or any other text hold passwords, tokens or keys."""
    for document, subject, field, where, look in _findings(index):
        if field not in _excused(document):
            yield Problem("cleartext", subject, where, f"contains {look.what}; {_INSTEAD}")


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


def excuse(objects: Sequence[Document], no_secrets: Collection[str]) -> None:
    """Name in the annotations of objects the fields with texts that look like secrets and are none."""
    for document, _, field, _, look in _findings(Index(objects, Surroundings())):
        excused = _excused(document)
        if field not in excused and any(text in look.value or look.value in text for text in no_secrets):
            annotations = document["metadata"].setdefault("annotations", {})
            annotations[NOT_SECRET_ANNOTATION] = " ".join([*excused, field])


def _excused(document: Document) -> list[str]:
    return str(annotations_of(document).get(NOT_SECRET_ANNOTATION, "")).split()


def _findings(index: Index) -> Iterator[_Finding]:
    for texts in index.texts:
        for item, text, look in _in_texts(texts.items, texts.origin):
            field = texts.field_of(item).replace(" ", "")
            yield texts.owner, texts.object, field, texts.field_at(item, text, look.position), look
    for texts in index.texts:
        if texts.origin == "argument":
            for item, look in _in_arguments(texts.items):
                yield texts.owner, texts.object, texts.field_of(item), texts.field_of(item), look
    for document in index.objects:
        if document["kind"] == "ConfigMap" or not is_built_in(document):
            for field, look in _elsewhere(document):
                yield document, identity(document), field, field, look


@lru_cache(4096)
def _in_texts(items: tuple[Item, ...], origin: Origin) -> tuple[tuple[int | str, str, Look], ...]:
    """What of some texts is a secret. Containers have the same variables and arguments over and over."""
    return tuple([(item, text, look) for item, text in items for look in _looks(text, origin, str(item))])


@lru_cache(4096)
def _in_arguments(items: tuple[Item, ...]) -> tuple[tuple[int, Look], ...]:
    """What is a secret because of the argument before it."""
    return tuple(secret_looks.in_arguments([text for _, text in items]))


def _looks(content: str, origin: Origin, name: str) -> Sequence[Look]:
    """What of a text is a secret, wherever else it stands."""
    match origin:
        case "variable":
            return secret_looks.in_value(content, name)
        case "argument":
            return secret_looks.in_value(content) + secret_looks.in_command(content)
        case "file" if _ending(name) in _SETTINGS_FILES:
            # The ending is no part of the name: `token.conf` is not the token.
            return secret_looks.in_value(content, "" if _ending(name) or "\n" in content.strip() else name)
        case "file" | "annotation":
            return secret_looks.in_text(content)


def _ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return dot + ending if stem else ""


def _elsewhere(document: Document) -> Iterator[tuple[str, Look]]:
    """What is in fields that are no texts of programs: names of files, encoded ones, and objects of custom kinds."""
    if document["kind"] in _ENCRYPTED:
        return
    if document["kind"] == "ConfigMap":
        for part in ("data", "binaryData"):
            yield from ((part, look) for key in mapping(document.get(part)) for look in secret_looks.in_text(str(key)))
        for key, value in mapping(document.get("binaryData")).items():
            if not (isinstance(value, str) and is_shipped(value)):
                yield from ((f"binaryData[{key}]", look) for look in secret_looks.in_text(_decoded(value)))
    else:
        for key, value in document.items():
            if key not in ("apiVersion", "kind", "metadata"):
                yield from _in_field(value, key)


def _in_field(value: Any, field: str) -> Iterator[tuple[str, Look]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _in_field(item, f"{field}.{key}")
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _in_field(item, f"{field}[{position}]")
    elif isinstance(value, str):
        yield from ((field.replace(" ", ""), look) for look in secret_looks.in_text(value))


def _decoded(value: object) -> str:
    try:
        return base64.b64decode(str(value), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


RULES: Sequence[Callable[[Index], Iterator[Problem]]] = (no_secret_in_texts, no_secret_objects)

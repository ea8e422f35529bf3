"""Helm's templates in objects of users, where nothing renders them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from constructs_st2.checks.api.walk import Path, shown
from constructs_st2.checks.data import annotations_of
from constructs_st2.checks.index import Index
from constructs_st2.checks.problem import Problem
from constructs_st2.facts.release import TEMPLATES_ANNOTATION
from constructs_st2.kube.documents import Document, identity, is_built_in
from constructs_st2.values.templates import shortened

_FILES: Mapping[str, tuple[str, ...]] = {"ConfigMap": ("data",), "Secret": ("stringData",)}
"""Fields of built-in kinds whose texts are for programs, which may have templates of their own."""


def rendered_by_nobody(index: Index) -> Iterator[Problem]:
    """Kubernetes itself would take a template for the value."""
    for document in index.foreign:
        for path, text, found in _templates(document):
            if not _is_for_programs(document, path):
                message = f"{_short(found)} is not rendered here; write the value itself"
                yield Problem("template", identity(document), _field(document, path, text, found), message)


def left_to_others(index: Index) -> Iterator[Problem]:
    """A template stands in a text that a program may read, which likely knows nothing of Helm."""
    for document in index.foreign:
        for path, text, found in _templates(document):
            if _is_for_programs(document, path):
                message = (
                    f"{_short(found)} is not rendered here; write the value itself, or tell that it is for "
                    f"a program that renders it: annotate the object with {TEMPLATES_ANNOTATION}: kept"
                )
                yield Problem("", identity(document), _field(document, path, text, found), message)


@cache
def _helm() -> re.Pattern[str]:
    """What only Helm has. Go's templates of others, such as Alertmanager and External Secrets, are of the same form."""
    return re.compile(
        r"""
        \{\{ (?: (?!\}\}) . )*?
        (?:
            (?<![\w.)]) \$? \. (?: Capabilities | Chart | Files | Release | Subcharts | Template | Values ) \.\w
          | \b (?: include | lookup ) \s+ "
          | \b tpl \s
        )
        .*? (?: \}\} | $ )
        """,
        re.VERBOSE,
    )


def _templates(document: Document) -> Iterator[tuple[Path, str, re.Match[str]]]:
    """The texts of an object that have a template of Helm, and the first of each."""
    if annotations_of(document).get(TEMPLATES_ANNOTATION) != "kept":
        for path, text in _texts(document, ()):
            if "{{" in text and (found := _helm().search(text)):
                yield path, text, found


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, str(key)))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _texts(item, (*path, position))


def _is_for_programs(document: Document, path: Path) -> bool:
    """Whether a text is for programs, or for the controllers of a custom kind."""
    if path[0] in ("apiVersion", "kind", "metadata"):
        return path[:2] == ("metadata", "annotations")
    return not is_built_in(document) or path[0] in _FILES.get(document["kind"], ())


def _short(found: re.Match[str]) -> str:
    return shortened(" ".join(found[0].split()))


def _field(document: Document, path: Path, text: str, found: re.Match[str]) -> str:
    field = shown(document, path)
    if "\n" not in text.rstrip("\n"):
        return field
    return f"{field} line {text.count(chr(10), 0, found.start()) + 1}"


RULES = (rendered_by_nobody,)

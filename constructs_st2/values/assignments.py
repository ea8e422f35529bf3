"""The language of ``--set``, as in Helm (https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from constructs_st2.values.paths import KeyPath, dotted

_KEY = re.compile(r"((?:\\.|[^\\.=,\[\]])+)")
_INDEX = re.compile(r"\[(\d+)\]")
_QUOTED = re.compile(r"\"([^\"]*)\"(?=[,}]|$)|'([^']*)'(?=[,}]|$)")
_BARE = re.compile(r"((?:\\.|[^\\,])*\\?)", re.DOTALL)
_BARE_ITEM = re.compile(r"((?:\\.|[^\\,}])*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[1-9][0-9]*|0")
_WORDS = {"true": True, "false": False, "null": None}


class AssignmentError(ValueError):
    """The text of a ``--set`` means nothing, or nothing for the values that it is laid over."""


class Assignment(NamedTuple):
    """A value for a path."""

    path: KeyPath
    value: Any


def parse(text: str) -> Iterator[Assignment]:
    """The assignments in the text of one ``--set``, separated by commas.

    Raises:
        AssignmentError: the text is no assignment.
    """
    position = 0
    while position < len(text) or position == 0:
        path, position = _path(text, position)
        value, position = _value(text, position)
        yield Assignment(path, value)
        if position < len(text):
            if text[position] != ",":
                raise AssignmentError(
                    f'unexpected "{text[position:]}" after the value; put a comma between assignments'
                )
            position += 1


def _path(text: str, position: int) -> tuple[KeyPath, int]:
    path: list[str | int] = []
    while True:
        key = _KEY.match(text, position)
        if not key:
            raise AssignmentError("a key is missing; write --set path=value, e.g. --set st2api.replicas=3")
        path.append(_ESCAPE.sub(r"\1", key[1]))
        position = key.end()
        while index := _INDEX.match(text, position):
            path.append(int(index[1]))
            position = index.end()
        match text[position : position + 1]:
            case "=":
                return tuple(path), position + 1
            case ".":
                position += 1
            case "" | ",":
                raise AssignmentError(f'"{dotted(path)}" has no value; write {dotted(path)}=VALUE')
            case other:
                raise AssignmentError(
                    f'"{other}" cannot be part of a key; write list items as name[0], other signs as \\{other}'
                )


def _value(text: str, position: int) -> tuple[Any, int]:
    if text[position : position + 1] == "{":
        return _list(text, position + 1)
    return _scalar(text, position, _BARE)


def _list(text: str, position: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    if text[position : position + 1] == "}":
        return items, position + 1
    while True:
        item, position = _scalar(text, position, _BARE_ITEM)
        items.append(item)
        match text[position : position + 1]:
            case ",":
                position += 1
            case "}":
                return items, position + 1
            case _:
                raise AssignmentError('the list has no closing "}"')


def _scalar(text: str, position: int, bare: re.Pattern[str]) -> tuple[Any, int]:
    if quoted := _QUOTED.match(text, position):
        return quoted[1] if quoted[1] is not None else quoted[2], quoted.end()
    found = bare.match(text, position)
    assert found
    return _typed(_ESCAPE.sub(r"\1", found[1])), found.end()


def _typed(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if _INTEGER.fullmatch(text) else text


def assign(data: Any, assignment: Assignment) -> Any:
    """A copy of ``data`` with a value set; mappings and lists on the way to it are made.

    Raises:
        AssignmentError: the path leads through a value that has no such keys or items.
    """
    return _assign(data, assignment.path, 0, assignment.value)


def _assign(data: Any, path: KeyPath, depth: int, value: Any) -> Any:
    if depth == len(path):
        return value
    segment = path[depth]
    if isinstance(segment, int):
        items = [] if data is None else data
        if not isinstance(items, list):
            raise AssignmentError(f"{dotted(path[:depth])} is {_kind(data)}, so it has no items")
        if segment > len(items):
            raise AssignmentError(f"{dotted(path[:depth])} has {len(items)} items, so the next one is [{len(items)}]")
        below = items[segment] if segment < len(items) else None
        return [*items[:segment], _assign(below, path, depth + 1, value), *items[segment + 1 :]]
    keys = {} if data is None else data
    if not isinstance(keys, dict):
        raise AssignmentError(f"{dotted(path[:depth])} is {_kind(data)}, so it has no keys")
    return {**keys, segment: _assign(keys.get(segment), path, depth + 1, value)}


def _kind(data: Any) -> str:
    if isinstance(data, dict):
        return "a mapping"
    return "a list" if isinstance(data, list) else "a single value"

"""What looks at several fields of a type together, and is true of many types.

Each function yields the field, or the path to it, and what is wrong there. Any field may be of any kind.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from constructs_st2.checks.api.walk import Below, Judge
from constructs_st2.checks.data import mappings
from constructs_st2.kube.documents import Document

Faults = Iterator[tuple[Below, str]]


def required(*fields: str) -> Judge:
    """Fields without which there is nothing."""

    def judge(node: Document) -> Faults:
        for field in fields:
            if node.get(field) in (None, "", [], {}):
                yield field, "is required"

    return judge


def not_empty(field: str) -> Judge:
    """A list that has a default, and items where it is given."""

    def judge(node: Document) -> Faults:
        if node.get(field) == []:
            yield field, "must not be empty"

    return judge


def present(*fields: str) -> Judge:
    """Fields that must be there, empty or not."""

    def judge(node: Document) -> Faults:
        for field in fields:
            if node.get(field) is None:
                yield field, "is required"

    return judge


def exactly_one(*fields: str) -> Judge:
    """Fields of which there must be one, and no other."""

    def judge(node: Document) -> Faults:
        found = [field for field in fields if node.get(field) is not None]
        if not found:
            yield (), f"must have one of {', '.join(fields)}"
        for field in found[1:]:
            yield field, f"cannot be used together with {found[0]}; remove one of them"

    return judge


def at_most_one(*fields: str) -> Judge:
    """Fields that exclude each other."""

    def judge(node: Document) -> Faults:
        found = [field for field in fields if node.get(field) is not None]
        for field in found[1:]:
            yield field, f"cannot be used together with {found[0]}; remove one of them"

    return judge


def not_both(first: str, second: str) -> Judge:
    """Two fields that exclude each other."""

    def judge(node: Document) -> Faults:
        if node.get(first) not in (None, "") and node.get(second) not in (None, ""):
            yield second, f"cannot be used together with {first}; remove one of them"

    return judge


def only_with(field: str, other: str, *values: object, default: object = None) -> Judge:
    """A field that is for some values of another one."""
    wanted = " or ".join(map(str, values))

    def judge(node: Document) -> Faults:
        if node.get(field) not in (None, "") and node.get(other, default) not in values:
            yield field, f"can only be used with {other}: {wanted}"

    return judge


def unique(lists: str, *keys: str, defaults: Sequence[Hashable] = ()) -> Judge:
    """A list whose items differ in some fields."""
    filled = (*defaults, *(None for _ in keys))

    def judge(node: Document) -> Faults:
        seen: set[Hashable] = set()
        for position, item in enumerate(mappings(node.get(lists))):
            values = [item.get(key, filled[number]) for number, key in enumerate(keys)]
            if values[0] is None or not all(isinstance(value, Hashable) for value in values):
                continue
            if tuple(values) in seen:
                yield (lists, position, keys[0]), f"{_listed(values)} is there twice"
            seen.add(tuple(values))

    return judge


def _listed(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values if value is not None)

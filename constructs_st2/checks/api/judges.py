"""What looks at several fields of a type together, and is true of many types.

Each gives the fields, or the paths to them, and what is wrong there. Any field may be of any kind. They are asked
thousands of times, and nearly always find nothing: a generator would take twice as long to say so. Who finds nothing
without some field is asked only where that is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeAlias

from constructs_st2.checks.api.walk import Below, Faults, Judge
from constructs_st2.checks.data import mappings
from constructs_st2.kube.documents import Document

Fault: TypeAlias = tuple[Below, str]


def given(field: str) -> Callable[[Callable[[Document], Faults]], Judge]:
    """Make a judge of a function that finds nothing where a field is not there, or null."""
    return lambda faults: Judge(faults, field)


def required(*fields: str) -> Judge:
    """Fields without which there is nothing."""

    @Judge
    def judge(node: Document) -> Faults:
        # By far the most often, all are there.
        if all(map(node.get, fields)):
            return ()
        return [(field, "is required") for field in fields if node.get(field) in (None, "", [], {})]

    return judge


def not_empty(field: str) -> Judge:
    """A list that has a default, and items where it is given."""
    return Judge(lambda node: [(field, "must not be empty")] if node.get(field) == [] else (), field)


def present(*fields: str) -> Judge:
    """Fields that must be there, empty or not."""
    return Judge(lambda node: [(field, "is required") for field in fields if node.get(field) is None])


def exactly_one(*fields: str) -> Judge:
    """Fields of which there must be one, and no other."""
    known = frozenset(fields)

    @Judge
    def judge(node: Document) -> Faults:
        # Of the many that there could be, few are there.
        given = known.intersection(node)
        if len(given) == 1 and node[next(iter(given))] is not None:
            return ()
        found = [field for field in fields if node.get(field) is not None]
        if not found:
            return [((), f"must have one of {', '.join(fields)}")]
        return [(field, f"cannot be used together with {found[0]}; remove one of them") for field in found[1:]]

    return judge


def at_most_one(*fields: str) -> Judge:
    """Fields that exclude each other."""

    @Judge
    def judge(node: Document) -> Faults:
        found = [field for field in fields if node.get(field) is not None]
        for field in found[1:]:
            yield field, f"cannot be used together with {found[0]}; remove one of them"

    return judge


def not_both(first: str, second: str) -> Judge:
    """Two fields that exclude each other."""

    @given(second)
    def judge(node: Document) -> Faults:
        if node.get(first) not in (None, "") and node.get(second) not in (None, ""):
            return [(second, f"cannot be used together with {first}; remove one of them")]
        return ()

    return judge


def only_with(field: str, other: str, *values: object, default: object = None) -> Judge:
    """A field that is for some values of another one."""
    wanted = " or ".join(map(str, values))

    @given(field)
    def judge(node: Document) -> Faults:
        if node.get(field) not in (None, "") and node.get(other, default) not in values:
            return [(field, f"can only be used with {other}: {wanted}")]
        return ()

    return judge


def unique(lists: str, *keys: str, defaults: Sequence[Hashable] = ()) -> Judge:
    """A list whose items differ in some fields."""
    filled = (*defaults, *(None for _ in keys))

    @given(lists)
    def judge(node: Document) -> Faults:
        items = node.get(lists)
        # Nothing is there twice where there is one.
        return repeated(items) if isinstance(items, list) and len(items) > 1 else ()

    def repeated(items: list[object]) -> Iterator[Fault]:
        seen: set[Hashable] = set()
        for position, item in enumerate(mappings(items)):
            values = [item.get(key, filled[number]) for number, key in enumerate(keys)]
            if values[0] is None or not all(isinstance(value, Hashable) for value in values):
                continue
            if tuple(values) in seen:
                yield (lists, position, keys[0]), f"{_listed(values)} is there twice"
            seen.add(tuple(values))

    return judge


def _listed(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values if value is not None)

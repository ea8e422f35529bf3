"""Which value a part of an object comes from.

Most of what values say of Kubernetes goes into objects as it is, so that a part of an object is the very part of the
values, or a copy of it with something added. Nobody who builds objects has to keep account.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from constructs_st2.values.paths import KeyPath

_LEAST_TEXT = 4
"""Characters of a text that says by itself where it comes from, if there is no other of that kind."""


class Step(NamedTuple):
    """A key or index within an object, and what is there, if anything."""

    key: str | int
    value: Any


class Origins:
    """Where the values are that went into objects.

    Args:
        values: typed values.
        is_given: whether the user has set what is at a path.
    """

    def __init__(self, values: BaseModel, is_given: Callable[[KeyPath], bool]) -> None:
        # Kept, so that no other value gets the identity of one that is gone.
        self._nodes = [(path, node) for path, node in _walk(values, ()) if is_given(path)]
        self._by_identity: dict[int, list[KeyPath]] = defaultdict(list)
        self._by_key: dict[str | int, list[tuple[KeyPath, Any]]] = defaultdict(list)
        for path, node in self._nodes:
            self._by_key[path[-1]].append((path, node))
            if isinstance(node, str | dict | list):
                self._by_identity[id(node)].append(path)

    def find(self, steps: Sequence[Step], section: str) -> KeyPath | None:
        """The path in the values of what is at the end of a way through an object; None where it cannot be known.

        Args:
            steps: the way.
            section: where to look first, if several values could be meant.
        """
        for length in range(len(steps), 0, -1):
            key, value = steps[length - 1]
            if found := self._candidates(key, value, section):
                chosen = min(found, key=lambda path: (path[0] != section, path[-1] != key, len(path)))
                return (*chosen, *(step.key for step in steps[length:]))
        return None

    def _candidates(self, key: str | int, value: Any, section: str) -> list[KeyPath]:
        if isinstance(value, dict | list):
            return self._same(value) or self._copied(value) or self._equal(key, value, section)
        if isinstance(value, str):
            same = self._same(value)
            if len(same) == 1 or not value:
                return same
            equal = [path for path, node in self._nodes if isinstance(node, str) and node == value]
            return self._named(key, value) or (equal if len(equal) == 1 and len(value) >= _LEAST_TEXT else [])
        named = self._named(key, value)
        return named if len(named) == 1 else [path for path in named if path[0] == section]

    def _same(self, value: Any) -> list[KeyPath]:
        return self._by_identity.get(id(value), [])

    def _copied(self, value: Any) -> list[KeyPath]:
        """The mappings of which most was taken over."""
        if not isinstance(value, dict):
            return []
        votes = Counter(path[:-1] for key, item in value.items() for path in self._named(key, item))
        most = max(votes.values(), default=0)
        return [path for path, count in votes.items() if path and count == most and count * 2 > len(value)]

    def _equal(self, key: str | int, value: Any, section: str) -> list[KeyPath]:
        return [path for path in self._named(key, value) if value or path[0] == section]

    def _named(self, key: str | int, value: Any) -> list[KeyPath]:
        """Where there is the same under the same key."""
        nodes = self._by_key.get(key, ())
        return [path for path, node in nodes if type(node) is type(value) and node == value]


def _walk(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if path:
        yield path, node
    if isinstance(node, BaseModel):
        for name in node.model_fields_set:
            field = type(node).model_fields[name]
            yield from _walk(getattr(node, name), (*path, field.alias or name))
    elif isinstance(node, dict):
        for key, item in node.items():
            yield from _walk(item, (*path, key))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _walk(item, (*path, index))

"""Values files made from the JSON Schema: right by the schema, and now and then with one mistake."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from hypothesis import strategies as st

from constructs_st2.values.model import Values
from constructs_st2.values.reference import json_schema

Schema = Mapping[str, Any]
Path = tuple[str | int | None, ...]
"""A way down a schema: a key, a branch, or None for the items of a list and the values of a mapping."""


class Field(NamedTuple):
    """A key of a type."""

    owner: str
    name: str


MOST_KEYS = 3
"""Optional keys of one mapping; few, so that examples stay readable and quick."""

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)


class ValuesFiles:
    """Strategies for what a schema describes."""

    def __init__(self, make: Callable[[], Schema]) -> None:
        self._make = make
        self._named: dict[str, st.SearchStrategy[Any]] = {}

    @cached_property
    def schema(self) -> Schema:
        """The schema. It takes a while to make, and many who import this draw nothing."""
        return self._make()

    def files(self) -> st.SearchStrategy[dict[str, Any]]:
        """Whole values files: any, or with one of all keys, which are so many that few would be met otherwise."""
        return st.deferred(lambda: self._files())

    def _files(self) -> st.SearchStrategy[dict[str, Any]]:
        paths = sorted(self.fields().values(), key=repr)
        return st.one_of(self.of(self.schema), st.sampled_from(paths).flatmap(self.holding))

    def fields(self) -> Mapping[Field, Path]:
        """Every key of every type, and the shortest way to one of those keys from the top of a values file."""
        found: dict[Field, Path] = {}
        known: set[str] = set()
        nodes: deque[tuple[Schema | bool, Path, str]] = deque([(self.schema, (), "")])
        while nodes:
            node, path, owner = nodes.popleft()
            if isinstance(node, bool):
                continue
            if "$ref" in node:
                owner = node["$ref"].rpartition("/")[2]
                if owner in known:
                    continue
                known.add(owner)
                node = self._referred(node["$ref"])
            for position, branch in enumerate(node.get("anyOf", ())):
                nodes.append((branch, (*path, position), owner))
            for name, part in node.get("properties", {}).items():
                found.setdefault(Field(owner, name), (*path, name))
                nodes.append((part, (*path, name), f"{owner}.{name}"))
            if inner := self._inner(node):
                nodes.append((inner, (*path, None), f"{owner}.*"))
        return found

    def holding(self, path: Path) -> st.SearchStrategy[dict[str, Any]]:
        """Values files in which something is at the end of a path."""
        return self._holding(self.schema, path)

    def _holding(self, node: Schema | bool, path: Path) -> st.SearchStrategy[Any]:
        if not path or isinstance(node, bool):
            return self.of(node)
        if "$ref" in node:
            return self._holding(self._referred(node["$ref"]), path)
        step, rest = path[0], path[1:]
        if isinstance(step, int):
            return self._holding(node["anyOf"][step], rest)
        if step is None:
            inner = self._holding(self._inner(node) or True, rest)
            if "items" in node:
                return st.lists(inner, min_size=1, max_size=1)
            return st.dictionaries(self._keys(node), inner, min_size=1, max_size=1)
        parts = node["properties"]
        required = {name: self.of(parts[name]) for name in node.get("required", ())}
        return st.fixed_dictionaries({**required, step: self._holding(parts[step], rest)})

    @staticmethod
    def _inner(node: Schema) -> Schema | None:
        """What describes the items of a list or the values of a mapping."""
        patterns = node.get("patternProperties", {})
        inner = node.get("items") or next(iter(patterns.values()), None) or node.get("additionalProperties")
        return inner if isinstance(inner, Mapping) else None

    @staticmethod
    def _keys(node: Schema) -> st.SearchStrategy[str]:
        for pattern in node.get("patternProperties", {}):
            return st.from_regex(pattern, fullmatch=True).filter(str.isprintable)
        return _TEXT.filter(bool)

    def of(self, node: Schema | bool) -> st.SearchStrategy[Any]:
        """What a part of the schema describes."""
        if isinstance(node, bool) or not set(node) - {"default", "description", "title"}:
            return st.one_of(_TEXT, st.integers(0, 9), st.booleans())
        if "$ref" in node:
            return st.deferred(lambda: self._of_name(node["$ref"]))
        if "anyOf" in node:
            # Templates have tests of their own.
            branches = [branch for branch in node["anyOf"] if branch.get("$ref") != "#/$defs/template"]
            return st.one_of(*map(self.of, branches))
        if "const" in node:
            return st.just(node["const"])
        if "enum" in node:
            return st.sampled_from(node["enum"])
        types = node["type"] if isinstance(node["type"], list) else [node["type"]]
        return st.one_of(*(self._of_type(name, node) for name in types))

    def _of_name(self, reference: str) -> st.SearchStrategy[Any]:
        if reference not in self._named:
            self._named[reference] = self.of(self._referred(reference))
        return self._named[reference]

    def _referred(self, reference: str) -> Schema:
        part: Any = self.schema
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        found: Schema = part
        return found

    def _of_type(self, name: str, node: Schema) -> st.SearchStrategy[Any]:
        match name:
            case "object":
                return self._mapping(node)
            case "array":
                return st.lists(self.of(node.get("items", True)), max_size=2)
            case "string" if "pattern" in node:
                texts = st.from_regex(str(node["pattern"]), fullmatch=True)
                return texts.filter(lambda text: len(text) <= node.get("maxLength", 300) and text.isprintable())
            case "string":
                return _TEXT
            case "integer":
                return st.integers(node.get("minimum", -1), node.get("maximum", 2**31))
            case "number":
                return st.floats(0, 100, allow_nan=False)
            case "boolean":
                return st.booleans()
            case "null":
                return st.none()
            case _:
                raise ValueError(f"no strategy for {name}")

    def _is_free(self, node: Schema) -> bool:
        """Whether only Kubernetes knows what belongs there, as with the rarer kinds of volume."""
        return any(branch.get("additionalProperties") is True for branch in (node, *node.get("anyOf", ())))

    @st.composite
    @staticmethod
    def _chosen(draw: st.DrawFn, required: Mapping[str, Any], optional: Mapping[str, Any]) -> dict[str, Any]:
        names = sorted(optional)
        chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=MOST_KEYS)) if names else []
        return {name: draw(strategy) for name, strategy in required.items()} | {
            name: draw(optional[name]) for name in chosen
        }

    def _mapping(self, node: Schema) -> st.SearchStrategy[dict[str, Any]]:
        if "properties" in node:
            parts = node["properties"]
            required = {name: self.of(parts[name]) for name in node.get("required", ())}
            free = {name for name, part in parts.items() if self._is_free(part)}
            optional = {name: self.of(part) for name, part in parts.items() if name not in (*required, *free)}
            return self._chosen(required, optional)
        if "patternProperties" in node:
            return st.dictionaries(self._keys(node), self.of(self._inner(node) or True), max_size=2)
        part = node.get("additionalProperties", True)
        return st.dictionaries(_TEXT.filter(bool), self.of(part), max_size=2) if part else st.just({})


SCHEMA = ValuesFiles(lambda: json_schema(Values))
"""All that values can be."""

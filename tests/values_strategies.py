"""Values files made from the JSON Schema: right by the schema, and now and then with one mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Schema = Mapping[str, Any]

MOST_KEYS = 3
"""Optional keys of one mapping; few, so that examples stay readable and quick."""

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)


class ValuesFiles:
    """Strategies for what a schema describes."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._named: dict[str, st.SearchStrategy[Any]] = {}

    def files(self) -> st.SearchStrategy[dict[str, Any]]:
        """Whole values files."""
        return self.of(self.schema)

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
            ((pattern, part),) = node["patternProperties"].items()
            keys = st.from_regex(pattern, fullmatch=True).filter(str.isprintable)
            return st.dictionaries(keys, self.of(part), max_size=2)
        part = node.get("additionalProperties", True)
        return st.dictionaries(_TEXT.filter(bool), self.of(part), max_size=2) if part else st.just({})

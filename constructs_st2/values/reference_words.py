"""JSON Schemas in words, for the tables of the reference page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from constructs_st2.values.schema import Schema

_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_SINGULAR = re.compile(r"^(whole number|number|mapping)\b")
_NULL: Schema = {"type": "null"}
_LOWER = {"minimum": "≥", "exclusiveMinimum": ">"}
_UPPER = {"maximum": "≤", "exclusiveMaximum": "<"}


def parts_of(schema: Schema) -> list[tuple[str, str]]:
    """The definitions that a schema is made of, each with what stands between the key and the definition's own keys."""
    if "$ref" in schema:
        return [(".", schema["$ref"].rpartition("/")[2])]
    found = [part for inner in _alternatives(schema) for part in parts_of(inner)]
    if "items" in schema:
        found += [(f"[]{separator}", name) for separator, name in parts_of(schema["items"])]
    for inner in _values_of_map(schema):
        found += [(f".<name>{separator}", name) for separator, name in parts_of(inner)]
    return found


def _alternatives(schema: Schema) -> list[Schema]:
    found: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
    return [inner for inner in found if inner != _NULL]


def _values_of_map(schema: Schema) -> Iterator[Schema]:
    yield from schema.get("patternProperties", {}).values()
    if schema.get("type") == "object" and "properties" not in schema:
        values = schema.get("additionalProperties")
        if isinstance(values, dict):
            yield values


def type_in_words(schema: Schema, link: Callable[[str], str], meanings: Mapping[str, str]) -> str:
    """The type of a schema. ``link`` makes the words for a definition; ``meanings`` are those of patterns."""

    def words(inner: Schema) -> str:
        return type_in_words(inner, link, meanings)

    if "$ref" in schema:
        return link(schema["$ref"].rpartition("/")[2])
    alternatives = _alternatives(schema)
    if alternatives:
        return " or ".join(dict.fromkeys(map(words, alternatives)))
    if "const" in schema:
        return f"`{in_yaml(schema['const'])}`"
    if "enum" in schema:
        return f"one of {', '.join(f'`{in_yaml(choice)}`' for choice in schema['enum'])}"
    match schema.get("type"):
        case list(kinds):
            shown = [kind for kind in kinds if kind != "integer" or "number" not in kinds]
            return ", ".join(words({"type": kind}) for kind in shown)
        case "array":
            return f"list of {_many(words(schema['items']))}" if schema.get("items") else "list"
        case "object":
            inner = next(_values_of_map(schema), None)
            return f"map of {_many(words(inner))}" if inner else "mapping"
        case "string":
            return meanings.get(schema.get("pattern", ""), "text").removeprefix("a ").removeprefix("an ")
        case kind:
            return _TYPES.get(str(kind), "anything") + _limits(schema)


def _limits(schema: Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    limits = {**_LOWER, **_UPPER}
    found = [f"{sign} {schema[keyword]}" for keyword, sign in limits.items() if keyword in schema]
    return f" {' and '.join(found)}" if found else ""


def _many(words: str) -> str:
    return _SINGULAR.sub(r"\1s", words)


def in_yaml(value: Any) -> str:
    """A value on one line, as it could be written in YAML."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z/][\w./:@+-]*[\w/]|[A-Za-z]", value):
        return value
    return json.dumps(value, ensure_ascii=False)


def cell(text: str) -> str:
    """Text inside a table: one line, with nothing that Markdown takes for a column or a tag."""
    line = " ".join(text.split()).replace("|", "\\|")
    # Within backticks, "<" is just a character.
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(line.split("`")))

"""The JSON Schema of a values model, for editors and other tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from constructs_st2.values.deferred import JsonSchemas
from constructs_st2.values.paths import KeyPath

Schema = dict[str, Any]

_TEMPLATE = "template"
_TEMPLATE_SCHEMA: Schema = {
    "description": "A Helm template such as {{ .Release.Name }} or {{ .Values.a.b }}, or null for the default.",
    "type": ["string", "null"],
    "pattern": r"\{\{",
}
_ANNOTATIONS = ("description", "default", "examples", "deprecated")
_OF_SCHEMAS = ("properties", "patternProperties", "$defs")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "propertyNames", "not", "contains")
# Pydantic leaves the limits of a number as they are when a validator stands before them.
_LIMITS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}


class _Generator(JsonSchemas):
    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


@cache
def plain_schema(model: type[BaseModel]) -> Schema:
    """What pydantic says of a model, without titles that only repeat names. Do not change it."""
    return _everywhere(model.model_json_schema(by_alias=True, schema_generator=_Generator), _tidied)


def json_schema(model: type[BaseModel], *, title: str = "Values", schema_id: str = "values.schema.json") -> Schema:
    """The JSON Schema (draft 2020-12) that every usable values file fits.

    Besides what the model says, every key may be null, and every single value may hold a template. Every key has a
    description, which editors show.
    """
    schema = _everywhere(_with_descriptions(plain_schema(model)), _lenient)
    definitions = {**schema.pop("$defs", {}), _TEMPLATE: _TEMPLATE_SCHEMA}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": schema_id,
        "title": title,
        **schema,
        "$defs": dict(sorted(definitions.items())),
    }


def _with_descriptions(root: Schema) -> Schema:
    """A schema whose keys are all described: those without words of their own by what they refer to."""
    definitions = root.get("$defs", {})

    def told(schema: Schema, fallback: str = "") -> Schema:
        if "properties" not in schema:
            return schema
        properties = {}
        for key, inner in schema["properties"].items():
            description = _described(inner, definitions)["description"] or fallback.format(key=key)
            properties[key] = {**inner, "description": description} if description else inner
        return {**schema, "properties": properties}

    # Fields of Kubernetes' own types have names only; their reference is Kubernetes'.
    described = {
        name: told(inner, f"`{{key}}` of {name}, as in the API of Kubernetes.") for name, inner in definitions.items()
    }
    return {**told(root), **({"$defs": described} if described else {})}


def _everywhere(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """The schema with a change made to it and to all schemas in it, the inner ones first."""
    result: Schema = {}
    for keyword, value in schema.items():
        if keyword in _OF_SCHEMAS:
            result[keyword] = {name: _everywhere(inner, change) for name, inner in value.items()}
        elif keyword in _LISTS:
            result[keyword] = [_everywhere(inner, change) for inner in value]
        elif keyword in _SINGLE and isinstance(value, Mapping):
            result[keyword] = _everywhere(dict(value), change)
        else:
            result[keyword] = value
    return change(result)


def _tidied(schema: Schema) -> Schema:
    tidy = {_LIMITS.get(keyword, keyword): value for keyword, value in schema.items() if keyword != "title"}
    if tidy.get("default", ...) is None:
        del tidy["default"]
    if "patternProperties" in tidy:
        tidy.setdefault("additionalProperties", False)
    return tidy


def _lenient(schema: Schema) -> Schema:
    """An object or array whose members may each be null or a template."""
    result = dict(schema)
    for keyword in ("properties", "patternProperties"):
        if keyword in result:
            result[keyword] = {name: _or_template(member) for name, member in result[keyword].items()}
    for keyword in ("items", "additionalProperties"):
        if isinstance(result.get(keyword), dict):
            result[keyword] = _or_template(result[keyword])
    return result


def _or_template(schema: Schema) -> Schema:
    annotations = {keyword: value for keyword, value in schema.items() if keyword in _ANNOTATIONS}
    rules = {keyword: value for keyword, value in schema.items() if keyword not in _ANNOTATIONS}
    if not rules:
        return schema
    alternatives = [rule for rule in rules["anyOf"] if rule != {"type": "null"}] if set(rules) == {"anyOf"} else [rules]
    return {**annotations, "anyOf": [*alternatives, {"$ref": f"#/$defs/{_TEMPLATE}"}]}


def described_at(root: Schema, path: KeyPath) -> Schema:
    """What a plain schema says of the value at a path: without references, and its keys, of whatever alternative.

    Raises:
        KeyError: it says nothing of that.
    """
    definitions = root.get("$defs", {})
    schema = root
    for segment in path:
        found = [inner for each in _alternatives(schema, definitions) for inner in _inside(each, segment)]
        if not found:
            raise KeyError(segment)
        schema = found[0]
    properties = {
        key: _described(inner, definitions)
        for each in _alternatives(schema, definitions)
        for key, inner in each.get("properties", {}).items()
    }
    described = _described(schema, definitions)
    return {**described, "properties": properties} if properties else described


def _described(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """A schema with the description of what it refers to, where it has none of its own."""
    if "description" in schema:
        return schema
    described = next((each for each in _alternatives(schema, definitions) if "description" in each), {})
    return {**schema, "description": described.get("description", "")}


def _alternatives(schema: Schema, definitions: Mapping[str, Schema]) -> list[Schema]:
    if "$ref" in schema:
        return _alternatives(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    inner = [each for keyword in ("anyOf", "oneOf") for each in schema.get(keyword, [])]
    return [found for each in inner for found in _alternatives(each, definitions)] if inner else [schema]


def _inside(schema: Schema, segment: str | int) -> Iterator[Schema]:
    if isinstance(segment, int):
        yield from [schema["items"]] if schema.get("items") else []
    elif segment in schema.get("properties", {}):
        yield schema["properties"][segment]
    else:
        yield from schema.get("patternProperties", {}).values()
        if isinstance(schema.get("additionalProperties"), dict):
            yield schema["additionalProperties"]

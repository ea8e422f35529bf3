"""From definitions of the API to a module of typed dictionaries."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

from kubernetes_types.choices import (
    CHOICES,
    FIRST,
    GROUPS,
    INT_OR_STRING,
    LEFT_OUT,
    ONE_OF,
    OPAQUE,
    QUANTITY,
    REQUIRED,
    ROOTS,
    SCALARS,
    TYPES,
    VARIANTS,
    Variant,
)

Definition = Mapping[str, Any]

_LENGTH = 120
_SPECIAL = {"Quantity": QUANTITY, "IntOrString": INT_OR_STRING}
_HEAD = '''"""Parts of the Kubernetes API that appear in values as they are, once their keys and types are checked.

Made by `make kubernetes-types` from the description of the API of Kubernetes {version}. Do not edit.
"""

from typing import Annotated, Literal

from typing_extensions import Required, TypedDict

{imports}'''
_MODULES = {
    "constructs_st2.values.deferred": ("deferred",),
    "constructs_st2.values.model.base": (
        "ONE_KEY",
        "AbsolutePath",
        "AnnotationKey",
        "DnsLabel",
        "EnvName",
        "ImageReference",
        "LabelValue",
        "PortNumber",
        "Quantity",
        "ScalarText",
    ),
    "constructs_st2.values.model.kubernetes_scalars": (
        "AT_LEAST_ONE",
        "STRICT",
        "Cidr",
        "Mode",
        "NotNegative",
        "Port",
        "PortName",
        "Positive",
        "ScalingPeriod",
        "StabilizationWindow",
        "UserId",
        "Weight",
    ),
    "constructs_st2.values.model.names": ("ClaimName", "ConfigMapName", "KubernetesFields", "SecretName"),
}
"""Where the types of the model are that fields have."""

_ONLY_VARIED = {variant.of for variant in VARIANTS.values() if variant.without}
"""Definitions that appear only without some of their fields."""


def used(definitions: Mapping[str, Definition]) -> dict[str, Definition]:
    """The definitions that the roots are made of, by their short names, with nothing that is not looked at."""
    found: dict[str, Definition] = {}
    waiting = [*ROOTS, *(variant.of for variant in VARIANTS.values())]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _reduced(_definition(name, definitions))
            waiting += _used_by(Variant(name), found)
    return dict(sorted(found.items()))


def _definition(name: str, definitions: Mapping[str, Definition]) -> Definition:
    (found,) = (
        definition
        for full, definition in definitions.items()
        if full.rpartition(".")[2] == name and full.rpartition(".")[0].endswith(GROUPS)
    )
    return found


def _reduced(definition: Definition) -> Definition:
    fields = {name: _type_of(schema) for name, schema in definition["properties"].items()}
    return {
        "description": _first_sentence(definition["description"]),
        "required": sorted(definition.get("required", ())),
        "properties": fields,
    }


def _type_of(schema: Definition) -> Definition:
    if "$ref" in schema:
        return {"$ref": schema["$ref"].rpartition(".")[2]}
    inner = {key: _type_of(schema[key]) for key in ("items", "additionalProperties") if key in schema}
    return {"type": schema["type"], **inner}


def _first_sentence(text: str) -> str:
    return re.split(r"\.\s+(?=[A-Z])|\n\n", text)[0].strip().rstrip(".") + "."


def _parts(schema: Definition) -> list[str]:
    if "$ref" in schema:
        name = str(schema["$ref"])
        return [] if name in OPAQUE or name in _SPECIAL else [name]
    return [part for key in ("items", "additionalProperties") if key in schema for part in _parts(schema[key])]


def _is_left_out(name: str, field: str) -> bool:
    return f"{name}.{field}" in LEFT_OUT or f".{field}" in LEFT_OUT


def module(definitions: Mapping[str, Definition], version: str) -> str:
    """The module that the definitions in use make.

    Raises:
        ValueError: a choice is about something that no definition has.
    """
    _refuse_unused_choices(definitions)
    kinds = {**{name: Variant(name) for name in definitions if name not in _ONLY_VARIED}, **VARIANTS}
    order = TopologicalSorter({name: _used_by(variant, definitions) for name, variant in sorted(kinds.items())})
    # Annotations as text would be read at each run, which takes longer than to make the types; so each type has to
    # come after those that it is made of.
    body = "\n\n\n".join(_class(name, kinds[name], definitions) for name in order.static_order())
    return f"{_head(version, body)}\n\n\n{body}\n"


def _used_by(variant: Variant, definitions: Mapping[str, Definition]) -> list[str]:
    fields = definitions[variant.of]["properties"]
    return [part for field in fields if not _is_left_out(variant.of, field) for part in _parts(fields[field])]


def _head(version: str, body: str) -> str:
    imports = [
        _import(source, [name for name in names if re.search(rf"\b{name}\b", body)])
        for source, names in _MODULES.items()
    ]
    return _HEAD.format(version=version, imports="\n".join(imports))


def _import(source: str, names: list[str]) -> str:
    line = f"from {source} import {', '.join(names)}"
    if len(line) <= _LENGTH:
        return line
    return "\n".join([f"from {source} import (", *(f"    {name}," for name in names), ")"])


def _class(name: str, variant: Variant, definitions: Mapping[str, Definition]) -> str:
    definition = definitions[variant.of]
    fields = {
        field: _field(variant, field, schema, definition)
        for field, schema in definition["properties"].items()
        if not _is_left_out(variant.of, field) and field not in variant.without
    }
    first = FIRST.get(variant.of, ())
    rest = sorted(fields.keys() - first, key=lambda field: (not fields[field].startswith("Required"), field))
    fields = {field: fields[field] for field in (*first, *rest) if field in fields}
    keywords = {field: text for field, text in fields.items() if keyword.iskeyword(field)}
    parent = f"_{name}Keywords" if keywords else "TypedDict"
    lines = [f"    {field}: {text}" for field, text in fields.items() if field not in keywords]
    head = ["@deferred(STRICT)", f"class {name}({parent}, total=False):"]
    text = "\n".join([*head, *_docstring(definition["description"]), "", *lines])
    if not keywords:
        return text
    items = ", ".join(f'"{field}": {kind}' for field, kind in keywords.items())
    return f'{parent} = TypedDict("{parent}", {{{items}}}, total=False)\n\n\n{text}'


def _docstring(text: str) -> list[str]:
    first, *others = textwrap.wrap(text, _LENGTH - 10)
    if not others:
        return [f'    """{first}"""']
    return [f'    """{first}', *(f"    {line}" for line in others), '    """']


def _field(variant: Variant, field: str, schema: Definition, definition: Definition) -> str:
    name = f"{variant.of}.{field}"
    required = field in definition["required"] or name in REQUIRED
    text = _text(variant.of, field, schema)
    return f"Required[{text}]" if required and field not in variant.optional else text


def _text(name: str, field: str, schema: Definition) -> str:
    for key in (f"{name}.{field}", f".{field}"):
        if key in TYPES:
            return TYPES[key]
        if key in CHOICES:
            return f"Literal[{', '.join(f'{chr(34)}{choice}{chr(34)}' for choice in CHOICES[key])}]"
    return _plain(schema)


def _plain(schema: Definition) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"])
        if name in OPAQUE:
            return "KubernetesFields"
        return f"Annotated[{name}, ONE_KEY]" if name in ONE_OF else _SPECIAL.get(name, name)
    match schema["type"]:
        case "array":
            return f"list[{_plain(schema['items'])}]"
        case "object":
            return f"dict[str, {_plain(schema['additionalProperties'])}]"
        case kind:
            return SCALARS[kind]


def _refuse_unused_choices(definitions: Mapping[str, Definition]) -> None:
    known = set(_names_of_fields(definitions))
    first = {f"{name}.{field}" for name, fields in FIRST.items() for field in fields}
    unused = sorted({*TYPES, *CHOICES, *REQUIRED, *LEFT_OUT, *first} - known)
    if unused:
        raise ValueError(f"no definition has {', '.join(unused)}; correct kubernetes_types/choices.py")


def _names_of_fields(definitions: Mapping[str, Definition]) -> Iterator[str]:
    for name, definition in definitions.items():
        for field in definition["properties"]:
            yield from (f"{name}.{field}", f".{field}")

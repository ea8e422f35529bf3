"""Other values that a key could have: for examples, and to see what a key does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import StringConstraints
from pydantic.fields import FieldInfo
from typing_extensions import Required

from constructs_st2.values.model import base
from constructs_st2.values.shape import Key, keys, plain_types

_TEXTS: Mapping[str, str] = {
    base.DNS_LABEL: "other",
    base.DNS_SUBDOMAIN: "other",
    base.HOST_NAME: "other.example.org",
    base.QUALIFIED_NAME: "example.org/other",
    base.LABEL_VALUE: "other",
    base.KIND: "Other",
    base.IMAGE_TAG: "3.9-r7",
    base.IMAGE_DIGEST: f"sha256:{'0' * 64}",
    base.IMAGE_REPOSITORY: "mirror.example.org/other",
    base.IMAGE_REFERENCE: "other:7",
    base.ABSOLUTE_PATH: "/other",
    base.PATH_PATTERN: "/other",
    base.QUANTITY: "7Gi",
    base.ENV_NAME: "OTHER",
    base.FILE_NAME: "other.yaml",
    base.SENSOR_REFERENCE: "other.Sensor",
    base.ACTION_REFERENCE: "other.action",
    base.BODY_SIZE: "7m",
    base.MAJOR_MINOR: "7.0",
    base.HOURS: "1000h",
    base.GATEWAY_DURATION: "77s",
}
"""Texts of which there are many, by the pattern that they match."""


def others(declared: Any, current: Any) -> Iterator[Any]:
    """Values of a type that are not the current one; not all need be valid."""
    for plain in plain_types(declared, keep=(StringConstraints, FieldInfo)):
        yield from (value for value in _others(plain, current) if value != current)


def _others(plain: Any, current: Any) -> Iterator[Any]:
    make = _BY_KIND.get(get_origin(plain) or plain)
    yield from make(get_args(plain), current) if make else _structures(plain)


def _annotated(arguments: Sequence[Any], current: Any) -> Iterator[Any]:
    declared, *marks = arguments
    patterns = [str(mark.pattern) for mark in marks if isinstance(mark, StringConstraints)]
    yield from (_TEXTS[pattern] for pattern in patterns if pattern in _TEXTS)
    yield from others(declared, current)


def _numbers(_: Sequence[Any], current: Any) -> Iterator[Any]:
    number = current if isinstance(current, int) else 2
    yield from (number + 1, number - 1, number + 2, number * 10)


def _lists(arguments: Sequence[Any], current: Any) -> Iterator[Any]:
    yield from ([*(current or []), item] for item in others(arguments[0], None))
    yield from ([item] for item in others(arguments[0], None))


def _mappings(arguments: Sequence[Any], current: Any) -> Iterator[Any]:
    present = current if isinstance(current, dict) else {}
    for key in others(arguments[0], None):
        yield from ({**present, key: item} for item in others(arguments[1], None))


def _structures(plain: Any) -> Iterator[Any]:
    """Mappings with the keys that a type requires, or else each with one of its keys."""
    known = keys(plain) or {}
    required = {name: next(others(key.type, None)) for name, key in known.items() if _is_required(key)}
    if required:
        yield required
    else:
        yield from ({name: item} for name, key in known.items() for item in others(key.type, None))


_BY_KIND: Mapping[Any, Callable[[Sequence[Any], Any], Iterable[Any]]] = {
    Annotated: _annotated,
    Literal: lambda choices, _: choices,
    bool: lambda _, current: [not current],
    int: _numbers,
    float: _numbers,
    str: lambda *_: ["other"],
    list: _lists,
    dict: _mappings,
}
"""Other values, by the arguments of a generic type and by the current value."""


def _is_required(key: Key) -> bool:
    return key.field.is_required() if key.field else get_origin(key.type) is Required

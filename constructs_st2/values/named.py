"""The objects that values name, found by the types of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from constructs_st2.values.model.names import Names
from constructs_st2.values.shape import keys, plain_types


def objects_named_by(values: BaseModel) -> Mapping[str, frozenset[str]]:
    """The names of the user's own objects, by their kind; of those that may be of any kind, by ``ANYTHING``."""
    found: dict[str, set[str]] = {}
    for kind, name in _in_model(values):
        found.setdefault(kind, set()).add(name)
    return {kind: frozenset(names) for kind, names in found.items()}


def _in_model(model: BaseModel) -> Iterator[tuple[str, str]]:
    for key in (keys(type(model)) or {}).values():
        value = getattr(model, key.attribute)
        if key.field and _can_name(value):
            # Pydantic keeps the annotations of the outermost type apart from it.
            marks = [mark for mark in key.field.metadata if isinstance(mark, Names)]
            yield from _in(value, Annotated[(key.type, *marks)] if marks else key.type)


def _can_name(value: object) -> bool:
    return isinstance(value, str | dict | list | BaseModel) and bool(value)


def _in(value: Any, declared: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        yield from _in_model(value)
        return
    for alternative in plain_types(declared, keep=Names):
        mark = next((mark for mark in get_args(alternative)[1:] if isinstance(mark, Names)), None)
        if mark:
            yield from ((mark.kind, text) for text in texts(value))
        elif known := keys(alternative):
            if isinstance(value, dict):
                for name, item in value.items():
                    if name in known and _can_name(item):
                        yield from _in(item, known[name].type)
        elif isinstance(value, dict) and get_origin(alternative) is dict:
            for item in filter(_can_name, value.values()):
                yield from _in(item, get_args(alternative)[1])
        elif isinstance(value, list) and get_origin(alternative) is list:
            for item in filter(_can_name, value):
                yield from _in(item, get_args(alternative)[0])


def texts(value: object) -> Iterator[str]:
    """All texts in plain data, but for the keys of mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)

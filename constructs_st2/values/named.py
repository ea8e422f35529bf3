"""The objects that values name, found by the types of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from constructs_st2.values.model.names import Names
from constructs_st2.values.shape import keys, plain_types


def objects_named_by(values: BaseModel) -> Mapping[str, frozenset[str]]:
    """The names of objects in what has been set, by their kind; of those that may be of any kind, by ``ANYTHING``."""
    found: dict[str, set[str]] = {}
    for kind, name in _in(values, type(values)):
        found.setdefault(kind, set()).add(name)
    return {kind: frozenset(names) for kind, names in found.items()}


def _in(value: Any, declared: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        for attribute in value.model_fields_set:
            item = getattr(value, attribute)
            if isinstance(item, str | dict | list | BaseModel):
                yield from _in(item, _type_of(type(value).model_fields[attribute]))
        return
    for alternative in plain_types(declared, keep=Names):
        if kinds := [mark.kind for mark in get_args(alternative)[1:] if isinstance(mark, Names)]:
            yield from ((kind, text) for kind in kinds for text in texts(value))
        elif isinstance(value, dict) and is_typeddict(alternative):
            known = keys(alternative) or {}
            for name, item in value.items():
                if name in known:
                    yield from _in(item, known[name].type)
        elif isinstance(value, dict) and get_origin(alternative) is dict:
            for item in value.values():
                yield from _in(item, get_args(alternative)[1])
        elif isinstance(value, list) and get_origin(alternative) is list:
            for item in value:
                yield from _in(item, get_args(alternative)[0])


def _type_of(field: FieldInfo) -> Any:
    # Pydantic keeps the annotations of the outermost type apart from it.
    marks = [mark for mark in field.metadata if isinstance(mark, Names)]
    return Annotated[(field.annotation, *marks)] if marks else field.annotation


def texts(value: object) -> Iterator[str]:
    """All texts in plain data that are not empty, but for the keys of mappings."""
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)

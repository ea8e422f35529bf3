"""The objects that values name, found by the types of the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from constructs_st2.values.model.names import Names
from constructs_st2.values.shape import keys, plain_types


def objects_named_by(values: BaseModel) -> Mapping[str, frozenset[str]]:
    """The names of objects in what has been set, by their kind; of those that may be of any kind, by ``ANYTHING``."""
    found: dict[str, set[str]] = {}
    for kind, name in _in(values, ()):
        found.setdefault(kind, set()).add(name)
    return {kind: frozenset(names) for kind, names in found.items()}


def _in(value: Any, alternatives: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The names in a value, with the kinds of their objects; of models the types are known."""
    if isinstance(value, BaseModel):
        for attribute in value.model_fields_set:
            item = getattr(value, attribute)
            if isinstance(item, str | dict | list | BaseModel):
                yield from _in(item, _alternatives_of(type(value), attribute))
        return
    for alternative in alternatives:
        if kinds := [mark.kind for mark in get_args(alternative)[1:] if isinstance(mark, Names)]:
            yield from ((kind, text) for kind in kinds for text in texts(value))
        elif isinstance(value, dict) and is_typeddict(alternative):
            known = keys(alternative) or {}
            for name, item in value.items():
                if name in known:
                    yield from _in(item, _alternatives(known[name].type))
        elif isinstance(value, dict) and get_origin(alternative) is dict:
            for item in value.values():
                yield from _in(item, _alternatives(get_args(alternative)[1]))
        elif isinstance(value, list) and get_origin(alternative) is list:
            for item in value:
                yield from _in(item, _alternatives(get_args(alternative)[0]))


def _alternatives(declared: Any) -> tuple[Any, ...]:
    return tuple(plain_types(declared, keep=Names))


@cache
def _alternatives_of(model: type[BaseModel], attribute: str) -> tuple[Any, ...]:
    return _alternatives(_type_of(model.model_fields[attribute]))


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

"""The keys that a typed model accepts at any place, without validating or instantiating it."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import NotRequired, ReadOnly, Required, get_type_hints, is_typeddict

from constructs_st2.values.paths import KeyPath, dotted


class Key(NamedTuple):
    """A key of a model or typed dictionary. Typed dictionaries have no defaults."""

    type: Any
    attribute: str = ""
    field: FieldInfo | None = None


@cache
def keys(owner: Any) -> Mapping[str, Key] | None:
    """The keys of a model or typed dictionary, as they are spelled in a values file; None for any other type."""
    if isinstance(owner, type) and issubclass(owner, BaseModel):
        return {
            field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name: Key(
                field.annotation, name, field
            )
            for name, field in owner.model_fields.items()
        }
    if is_typeddict(owner):
        return {name: Key(hint) for name, hint in get_type_hints(owner, include_extras=True).items()}
    return None


def keys_at(model: Any, path: KeyPath) -> dict[str, Key]:
    """The keys that are known at a path, of all types that the value there may have."""
    found: dict[str, Key] = {}
    for owner in types_at(model, path):
        found |= keys(owner) or {}
    return found


def default_of(model: type[BaseModel], path: KeyPath) -> object:
    """The default of what is not set, as it was declared.

    Raises:
        KeyError: there is no such key, or it has no default.
    """
    value: object = {}
    owner: Any = model
    for segment in path:
        key = next((known for plain in plain_types(owner) if (known := (keys(plain) or {}).get(str(segment)))), None)
        if isinstance(value, Mapping) and segment in value:
            value = value[segment]
        elif isinstance(value, BaseModel) and key:
            value = getattr(value, key.attribute)
        elif isinstance(value, Mapping) and key and key.field and not key.field.is_required():
            value = key.field.get_default(call_default_factory=True, validated_data={})
        else:
            raise KeyError(dotted(path))
        owner = key.type if key else None
    return value


def models_in(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The model classes that a model is made of, itself first, each once."""
    found: dict[Any, None] = {}
    waiting: list[Any] = [model]
    while waiting:
        for plain in plain_types(waiting.pop(0)):
            known = keys(plain)
            if known is None:
                waiting += [argument for argument in get_args(plain) if get_origin(plain) is not Literal]
            elif plain not in found:
                found[plain] = None
                waiting += [key.type for key in known.values()]
    return [owner for owner in found if not is_typeddict(owner)]


def declared_at(model: Any, path: KeyPath) -> list[Any]:
    """The types that the value at a path may have, with what they ask of it beside its kind."""
    key = keys_at(model, path[:-1]).get(str(path[-1]))
    if key is None:
        return [inner for owner in types_at(model, path[:-1]) for inner in _inside(owner, path[-1])]
    marks = key.field.metadata if key.field else []
    return [Annotated[(key.type, *marks)] if marks else key.type]


def types_at(model: Any, path: KeyPath) -> list[Any]:
    """The types that the value at a path may have."""
    owners = list(plain_types(model))
    for segment in path:
        owners = [inner for owner in owners for outer in _inside(owner, segment) for inner in plain_types(outer)]
    return owners


def _inside(owner: Any, segment: str | int) -> Iterator[Any]:
    if isinstance(segment, str) and (known := keys(owner)):
        if segment in known:
            yield known[segment].type
        return
    origin, arguments = get_origin(owner), get_args(owner)
    if not isinstance(origin, type) or not arguments:
        return
    if isinstance(segment, str) and issubclass(origin, Mapping):
        yield arguments[1]
    elif isinstance(segment, int) and issubclass(origin, Sequence):
        yield arguments[0]


def plain_types(owner: Any, *, keep: type | tuple[type, ...] = ()) -> Iterator[Any]:
    """The alternatives of a type, without aliases, and without annotations but for those that have a mark to keep."""
    if hasattr(owner, "__value__"):
        yield from plain_types(owner.__value__, keep=keep)
    elif keep and get_origin(owner) is Annotated and any(isinstance(mark, keep) for mark in get_args(owner)[1:]):
        yield owner
    elif get_origin(owner) in (Annotated, Required, NotRequired, ReadOnly):
        yield from plain_types(get_args(owner)[0], keep=keep)
    elif get_origin(owner) in (Union, types.UnionType):
        for alternative in get_args(owner):
            yield from plain_types(alternative, keep=keep)
    else:
        yield cast(Any, owner)

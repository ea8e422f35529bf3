"""The objects that values name, found by the types of the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from constructs_st2.values.model.names import Names
from constructs_st2.values.paths import KeyPath
from constructs_st2.values.shape import keys, plain_types


class Reference(NamedTuple):
    """That values name an object: the kind and name of it, and where they do so.

    ``keys`` are those of the object that stand beside its name. ``optional``: there need be no such object.
    ``beside`` is what else stands there, such as the namespace of a Gateway.
    """

    kind: str
    name: str
    place: KeyPath
    keys: tuple[str, ...] = ()
    optional: bool = False
    beside: Mapping[str, Any] = {}


def objects_named_by(values: BaseModel) -> Mapping[str, frozenset[str]]:
    """The names of objects in what has been set, by their kind; of those that may be of any kind, by ``ANYTHING``."""
    found: dict[str, set[str]] = {}
    for reference in references(values):
        found.setdefault(reference.kind, set()).add(reference.name)
    return {kind: frozenset(names) for kind, names in found.items()}


def references(values: BaseModel) -> Iterator[Reference]:
    """What has been set that names objects."""
    return _in(values, (), (), {})


def _in(
    value: Any, alternatives: Iterable[Any], place: KeyPath, beside: BaseModel | Mapping[str, Any]
) -> Iterator[Reference]:
    """What names objects in a value of one of some types; ``beside`` is what the value stands in."""
    if isinstance(value, BaseModel):
        for attribute in value.model_fields_set:
            field = _field(type(value), attribute)
            if field.alternatives and (item := getattr(value, attribute)):
                yield from _in(item, field.alternatives, (*place, field.key), value)
        return
    for alternative in alternatives:
        if kinds := [mark.kind for mark in get_args(alternative)[1:] if isinstance(mark, Names)]:
            around = _by_key(beside)
            named, optional = _keys_in(around), around.get("optional") is True
            yield from (
                Reference(kind, text, place, named, optional, around) for kind in kinds for text in texts(value)
            )
        else:
            for item in _items(value, alternative):
                yield from _in(item.value, item.alternatives, (*place, item.key), item.beside)


class _Item(NamedTuple):
    """What is in a mapping or list, its types, and what it stands in, if that has keys of its own."""

    key: str | int
    value: Any
    alternatives: tuple[Any, ...]
    beside: Mapping[str, Any] = {}


def _items(value: Any, alternative: Any) -> Iterator[_Item]:
    """The items of a value of some type that may name objects."""
    if isinstance(value, dict) and is_typeddict(alternative):
        known = _typed(alternative)
        yield from (_Item(name, item, known[name], value) for name, item in value.items() if known.get(name))
    elif isinstance(value, dict) and get_origin(alternative) is dict:
        of_items = _alternatives(get_args(alternative)[1])
        yield from (_Item(name, item, of_items) for name, item in value.items())
    elif isinstance(value, list) and get_origin(alternative) is list:
        of_items = _alternatives(get_args(alternative)[0])
        yield from (_Item(index, item, of_items) for index, item in enumerate(value))


def _by_key(owner: BaseModel | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(owner, BaseModel):
        return owner
    return {name: getattr(owner, key.attribute) for name, key in (keys(type(owner)) or {}).items()}


def _keys_in(beside: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of an object that stand beside its name: one, or the items of a volume."""
    items = beside.get("items")
    found = [beside.get("key"), *(item.get("key") for item in items or () if isinstance(item, dict))]
    return tuple(key for key in found if isinstance(key, str))


class _Field(NamedTuple):
    """The key of a field in values files, and those types of its value by which it may name objects."""

    key: str
    alternatives: tuple[Any, ...]


@cache
def _field(model: type[BaseModel], attribute: str) -> _Field:
    key = next(name for name, key in (keys(model) or {}).items() if key.attribute == attribute)
    return _Field(key, _alternatives(_type_of(model.model_fields[attribute])))


@cache
def _typed(dictionary: Any) -> Mapping[str, tuple[Any, ...]]:
    """The same for the keys of a typed dictionary."""
    return {name: _alternatives(key.type) for name, key in (keys(dictionary) or {}).items()}


@cache
def _alternatives(declared: Any) -> tuple[Any, ...]:
    """Those of the types of a value that name objects, or hold what may. Most values are texts and numbers."""
    return tuple(each for each in plain_types(declared, keep=Names) if _may_name(each))


def _may_name(alternative: Any) -> bool:
    if get_origin(alternative) in (dict, list):
        return bool(_alternatives(get_args(alternative)[-1]))
    return get_origin(alternative) is Annotated or keys(alternative) is not None


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

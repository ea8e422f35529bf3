"""Typed values made in Python, by keyword arguments, as if their data had been read from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from constructs_st2.errors import UserError
from constructs_st2.values.layers import Layered, merge
from constructs_st2.values.paths import KeyPath, dotted
from constructs_st2.values.profiled import with_profile
from constructs_st2.values.yaml_source import Source

M = TypeVar("M", bound=BaseModel)
Below: TypeAlias = Callable[[Layered], Sequence[Source]]
"""What lies below some values: a profile, for one."""


_GIVEN = "_given"
"""Where a model remembers what it was made of: what a null takes away from the profile is not in its fields."""


class _Given(NamedTuple):
    data: Mapping[str, Any]
    fields: Mapping[str, Any]
    """What the fields were then: who has changed a mapping in one of them since wants that to hold."""


def plain(value: Any) -> Any:
    """Data as a values file holds it: of models what they were made of or has been set, by the keys of the file."""
    if isinstance(value, BaseModel):
        fields, given = _fields(value), vars(value).get(_GIVEN)
        return _with_changes(plain(given.data), given.fields, fields) if given else fields
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _fields(model: BaseModel) -> dict[str, Any]:
    return {_key(type(model), name): plain(getattr(model, name)) for name in model.model_fields_set}


def _with_changes(data: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Data with what is different now: what is gone is null, which takes it away from what is below, too."""
    changed = {
        key: _with_changes(data.get(key, {}), before[key], item)
        if all(isinstance(each, dict) for each in (item, before.get(key), data.get(key, {})))
        else item
        for key, item in now.items()
        if key not in before or item != before[key]
    }
    return {**data, **changed, **dict.fromkeys(before.keys() - now.keys())}


def _remember(made: BaseModel, data: Mapping[str, Any]) -> None:
    vars(made)[_GIVEN] = _Given(data, _fields(made))


def source_of(data: Mapping[str, Any]) -> Source:
    """Values that come from no file: where they were written need not be told."""
    return Source("", data, dict.fromkeys(_paths(data, ())))


def _paths(value: object, path: KeyPath) -> Iterator[KeyPath]:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, (*path, index))


def wrong_keys(value: object, path: KeyPath = ()) -> Iterator[str]:
    """What is wrong with keys that no values file could have."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str):
                yield from wrong_keys(item, (*path, key))
            else:
                message = f"a key must be text, not {key!r}"
                yield f"{dotted(path)}: {message}" if path else message
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from wrong_keys(item, (*path, index))


def keyed(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a model as the data of a values file."""
    return {_key(model, name): plain(value) for name, value in given.items()}


def fill(made: M, data: Mapping[str, Any], below: Below, meanings: Mapping[str, str], place: str) -> M:
    """Fill a model that is being made.

    Args:
        made: the model.
        data: what is given, by the keys of a values file.
        below: tells what lies below it.
        meanings: see `problems.findings_from`.
        place: what stands before the keys in problems.

    Raises:
        UserError: with all problems, in the words that values files get.
    """
    model, source = type(made), source_of(data)
    layered = merge([*below(merge([source])), source])
    try:
        model.__pydantic_validator__.validate_python(with_profile(model, layered), self_instance=made)
    except ValidationError as error:
        from constructs_st2.values.problems import findings_from

        findings = findings_from(error, layered, model, meanings=meanings)
        raise UserError(f"{place}{line}" for line in layered.report(findings)) from None
    _remember(made, data)
    return made


def update_given(copy: BaseModel, original: BaseModel, update: Mapping[str, Any]) -> None:
    """Let a copy of a model know by what it differs from the original."""
    if _GIVEN in vars(original):
        _remember(copy, {**plain(original), **keyed(type(copy), update)})


def _key(model: type[BaseModel], name: str) -> str:
    """The key of a keyword argument in a values file; a wrong name stays as it is, to be reported."""
    field = model.model_fields.get(name)
    return (field.alias or name) if field else name

"""Typed values made in Python, by keyword arguments, as if their data had been read from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from constructs_st2.errors import UserError
from constructs_st2.values import chart
from constructs_st2.values.layers import merge
from constructs_st2.values.paths import KeyPath
from constructs_st2.values.yaml_source import Source


def plain(value: Any) -> Any:
    """Data as a values file holds it: of models what has been set in them, by the keys of the file."""
    if isinstance(value, BaseModel):
        return {_key(type(value), name): plain(getattr(value, name)) for name in value.model_fields_set}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


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


def construct(made: BaseModel, given: Mapping[str, Any], below: list[Source], meanings: Mapping[str, str]) -> None:
    """Fill a model that is being made with keyword arguments.

    Args:
        made: the model.
        given: its keyword arguments.
        below: what lies below them.
        meanings: see `problems.problems_from`.

    Raises:
        UserError: with all problems, in the words that values files get.
    """
    model = type(made)
    data = {_key(model, name): plain(value) for name, value in given.items()}
    layered = merge([*below, source_of(data)])
    try:
        model.__pydantic_validator__.validate_python(layered.data, self_instance=made)
    except ValidationError as error:
        from constructs_st2.values.problems import findings_from

        findings = findings_from(error, layered, model, retired=chart.RETIRED, meanings=meanings)
        raise UserError(layered.report(findings)) from None


def _key(model: type[BaseModel], name: str) -> str:
    """The key of a keyword argument in a values file; a wrong name stays as it is, to be reported."""
    field = model.model_fields.get(name)
    return (field.alias or name) if field else name

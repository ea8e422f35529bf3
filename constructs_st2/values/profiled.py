"""What only the profile says, in the place of what a validator would make of it."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from constructs_st2.values.deferred import has_defaults, made_of, model_of
from constructs_st2.values.layers import Layered, merge
from constructs_st2.values.shape import Key, keys

M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], layered: Layered) -> M:
    """Typed values. The validator of the whole takes 10 ms to build, and is not asked where nothing is said but what is
    known to be right: by the profile alone, or the default.

    Raises:
        ValidationError: the data do not fit.
    """
    data, known = with_profile(model, layered), keys(model) or {}
    if has_defaults(model) and all(
        isinstance(value, BaseModel) or _is_default(value, known.get(key)) for key, value in data.items()
    ):
        return made_of(model, data)
    return model.model_validate(data)


def _is_default(value: object, key: Key | None) -> bool:
    """Whether a text is the default of a key. Of other types, what is equal may be wrong: 0 is, for false."""
    return isinstance(value, str) and key is not None and key.field is not None and value == key.field.default


def with_profile(model: type[BaseModel], layered: Layered) -> dict[str, Any]:
    """The data of values, with typed sections where the profile alone says something, which is known to be right."""
    known = keys(model) or {}
    profile = merge([source for source in layered.layers if source.is_profile]).data
    return {
        key: made_of(section, value)
        if key in profile and value == profile[key] and key in known and (section := model_of(known[key].type))
        else value
        for key, value in layered.data.items()
    }

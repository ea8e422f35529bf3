"""What only the profile says, in the place of what a validator would make of it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from constructs_st2.values.layers import Layered, merge
from constructs_st2.values.model.deferred import made_of, model_of
from constructs_st2.values.shape import keys


def with_profile(model: type[BaseModel], layered: Layered) -> dict[str, Any]:
    """The data of values, with typed sections where the profile alone says something, which is known to be right."""
    known = keys(model) or {}
    profile = merge([source for source in layered.layers if source.is_profile]).data
    return {
        key: made_of(section, value)
        if key in profile and value == profile[key] and (section := model_of(known[key].type))
        else value
        for key, value in layered.data.items()
    }

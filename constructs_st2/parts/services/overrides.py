"""Settings of one among several, laid over those that all of them share."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from constructs_st2.values.model.base import StrictModel
from constructs_st2.values.model.services import Service

S = TypeVar("S", bound=Service)


def laid_over(own: StrictModel, shared: S, *, besides: Collection[str]) -> S:
    """The shared settings with those of ``own`` that are given in their place.

    Args:
        own: the settings of one of them. What is None was not given.
        shared: the settings of all.
        besides: fields of ``own`` that are no such settings.
    """
    fields = {name: getattr(own, name) for name in type(own).model_fields if name not in besides}
    return shared.model_copy(update={name: value for name, value in fields.items() if value is not None})

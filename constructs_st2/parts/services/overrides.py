"""Settings of one among several, laid over those that all of them share."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from constructs_st2.values.model.services import Service

S = TypeVar("S", bound=Service)


def laid_over(own: Service, shared: S, *, always: Collection[str] = ()) -> S:
    """The shared settings with those of ``own`` that are given in their place.

    Args:
        own: the settings of one of them.
        shared: the settings of all.
        always: fields that count also where they are not given.
    """
    given = {*own.model_fields_set, *always} & type(shared).model_fields.keys()
    return shared.model_copy(update={name: getattr(own, name) for name in given})

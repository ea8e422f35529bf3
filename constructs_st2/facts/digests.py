"""Digests for the images that users name in their settings of pods; those of ours have theirs in `images`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from constructs_st2.facts.images import pinned
from constructs_st2.values.model import Values
from constructs_st2.values.model.content import PacksImage
from constructs_st2.values.model.pods import PodTemplate

_CONTAINERS = ("init_containers", "sidecars")


def with_digests(values: Values) -> Values:
    """The values with the digests of `image.digests` in all containers, and in the images of packs."""
    digests = values.image.digests
    changed: Values = _pinned(values, digests) if digests else values
    return changed


def without_digests(values: Values) -> Values:
    """The values with images by their tags, where no digest is given at the image itself."""
    return values.model_copy(update={"image": values.image.model_copy(update={"digests": {}})})


def _pinned(value: Any, digests: Mapping[str, str]) -> Any:
    """A part of the values with digests in all descriptions of pods that it is or has, at any depth."""
    if isinstance(value, list):
        changed = [_pinned(each, digests) for each in value]
        return changed if any(new is not old for new, old in zip(changed, value, strict=True)) else value
    if not isinstance(value, BaseModel):
        return value
    update: dict[str, Any] = {}
    for field in type(value).model_fields:
        inner = getattr(value, field)
        if isinstance(value, PodTemplate) and field in _CONTAINERS:
            update |= {field: [{**each, "image": pinned(each["image"], digests)} for each in inner]} if inner else {}
        elif (new := _pinned(inner, digests)) is not inner:
            update[field] = new
    if isinstance(value, PacksImage) and value.digest is None and (digest := digests.get(value.reference)):
        update["digest"] = digest
    # What did not change stays the same object: a copy would not know which of its keys the user has set.
    return value.model_copy(update=update) if update else value

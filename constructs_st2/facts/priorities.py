"""Priority classes: what keeps its place where there is no room for all pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from constructs_st2.facts.release import Release
from constructs_st2.values.model import Values
from constructs_st2.values.model.backends import Members
from constructs_st2.values.model.pods import PodTemplate

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Priority:
    """A class of pods. ``displaces``: whether it may take the place of pods with a lower value."""

    name: str
    value: int
    purpose: str
    displaces: bool = True


DATA = Priority("data", 3000, "Backends of StackStorm: the others are of no use without them")
CONTROL = Priority("control", 2000, "Services of StackStorm")
WORK = Priority("work", 1000, "Runners, sensors and Jobs of StackStorm, which wait for room", displaces=False)

_WORKING = ("st2actionrunner", "st2sensorcontainer", "st2client", "docker_registry", "jobs", "backup")
"""Sections of the values whose pods do the work, or serve those who look after the cluster."""


def with_priorities(values: Values, release: Release) -> Values:
    """The values with a priority class wherever pods are described and none is given."""
    sections: Mapping[str, object] = {name: getattr(values, name) for name in type(values).model_fields}
    changed = {
        name: _with_class(section, release.named((WORK if name in _WORKING else CONTROL).name), release)
        for name, section in sections.items()
        if isinstance(section, BaseModel)
    }
    return values.model_copy(update=changed)


def _with_class(section: M, name: str, release: Release) -> M:
    """A section with the class in all descriptions of pods that it is or has, at any depth."""
    update: dict[str, Any] = {}
    for field in type(section).model_fields:
        inner = getattr(section, field)
        if isinstance(inner, BaseModel) and (changed := _with_class(inner, name, release)) is not inner:
            update[field] = changed
    if isinstance(section, PodTemplate) and section.priority_class_name is None:
        update["priority_class_name"] = release.named(DATA.name) if isinstance(section, Members) else name
    # What did not change stays the same object: a copy would not know which of its keys the user has set.
    return section.model_copy(update=update) if update else section

"""Priority classes: what keeps its place where there is no room for all pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from constructs_st2.facts.release import Release
from constructs_st2.values.model import Values
from constructs_st2.values.model.backends import Members
from constructs_st2.values.model.pods import PodTemplate

M = TypeVar("M", bound=BaseModel)

CREATE = "scheduling.priorityClasses.create"
"""The key that makes classes, and uses them."""


class Priority(NamedTuple):
    """A class of pods. ``may_displace``: whether the user can let it take the place of pods with a lower value."""

    name: str
    value: int
    purpose: str
    may_displace: bool = True


DATA = Priority("data", 3000, "Backends of StackStorm: the others are of no use without them")
CONTROL = Priority("control", 2000, "Services of StackStorm")
WORK = Priority("work", 1000, "Runners, sensors and Jobs of StackStorm, which wait for room", may_displace=False)
PRIORITIES = (DATA, CONTROL, WORK)

_WORKING = ("st2actionrunner", "st2sensorcontainer", "st2client", "docker_registry", "jobs", "backup")
"""Sections of the values whose pods do the work, or serve those who look after the cluster."""


def class_name(priority: Priority, release: Release) -> str:
    """The name of the PriorityClass of a release, which belongs to the whole cluster of Kubernetes."""
    name = release.cluster_wide(priority.name)
    # Kubernetes keeps names that begin so for classes of its own (ValidatePriorityClass), but not those of namespaces.
    return f"namespace-{name}" if name.startswith("system-") else name


def class_names(values: Values, release: Release) -> list[str]:
    """The names of all PriorityClasses of a release; none where it makes none."""
    return [class_name(each, release) for each in PRIORITIES] if values.scheduling.priority_classes.create else []


def with_priorities(values: Values, release: Release) -> Values:
    """The values with a priority class wherever pods are described and none is given."""
    sections: Mapping[str, object] = {name: getattr(values, name) for name in type(values).model_fields}
    changed = {
        name: _with_class(section, class_name(WORK if name in _WORKING else CONTROL, release), release)
        for name, section in sections.items()
        if isinstance(section, BaseModel)
    }
    return values.model_copy(update=changed)


def _with_class(section: M, name: str, release: Release) -> M:
    """A section with the class in all descriptions of pods that it is or has, at any depth."""
    update: dict[str, Any] = {}
    for field, inner in vars(section).items():
        if isinstance(inner, BaseModel) and (changed := _with_class(inner, name, release)) is not inner:
            update[field] = changed
    if isinstance(section, PodTemplate) and section.priority_class_name is None:
        update["priority_class_name"] = class_name(DATA, release) if isinstance(section, Members) else name
    # What did not change stays the same object: a copy would not know which of its keys the user has set.
    return section.model_copy(update=update) if update else section

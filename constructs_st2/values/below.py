"""What lies below all values of the user: the profile, and the files of folders that the values name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from constructs_st2.kube.quantity import parsed
from constructs_st2.values.folders import sources_of_folders
from constructs_st2.values.layers import Layered
from constructs_st2.values.yaml_source import Source, read

_PROFILES = ("ha", "dev")


def below(given: Layered) -> list[Source]:
    """The sources below some values, the weakest first.

    Raises:
        UserError: a folder or a file cannot be read.
    """
    return [*_profile_of(given), *sources_of_folders(given)]


def _profile_of(given: Layered) -> list[Source]:
    name = given.data.get("profile", _PROFILES[0])
    # An unknown profile is reported with all other problems, by the model.
    return [_fitted(_profile(name), given.data)] if name in _PROFILES else []


def _fitted(profile: Source, given: Mapping[str, Any]) -> Source:
    """The profile with resources that go together with those given.

    In Kubernetes, requests follow limits where they are left out. Those of the profile are there, so they have to give
    way: to a lower limit, and in the same way its limits to a higher request.
    """
    sections = {name: section for name, section in profile.data.items() if _resources_of(given.get(name))}
    fitted = {
        name: {**section, "resources": _between(section["resources"], _resources_of(given[name]))}
        for name, section in sections.items()
        if _resources_of(section)
    }
    return replace(profile, data={**profile.data, **fitted}) if fitted else profile


def _resources_of(section: object) -> Mapping[str, Any]:
    found = section.get("resources") if isinstance(section, dict) else None
    return found if isinstance(found, dict) else {}


def _between(resources: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Requests that are no higher than limits, and limits that are no lower than requests, of which some are given."""
    requests, limits = (_amounts(given, kind) for kind in ("requests", "limits"))
    fitted = {
        "requests": {
            name: _chosen(own, limits.get(name), min) for name, own in _amounts(resources, "requests").items()
        },
        "limits": {name: _chosen(own, requests.get(name), max) for name, own in _amounts(resources, "limits").items()},
    }
    return {kind: amounts for kind, amounts in fitted.items() if kind in resources}


def _amounts(resources: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = resources.get(kind)
    return found if isinstance(found, dict) else {}


def _chosen(own: object, given: object, choose: Callable[[Decimal, Decimal], Decimal]) -> object:
    # What is no quantity is told later.
    ours, users = parsed(own), parsed(given)
    return own if ours is None or users is None or choose(ours, users) == ours else given


@cache
def _profile(name: str) -> Source:
    return replace(read(Path(__file__).parent / "profiles" / f"{name}.yaml"), name=f"profile {name}", is_profile=True)

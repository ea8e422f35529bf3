"""What lies below all values of the user: the profile, and the files of folders that the values name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from constructs_st2.values.fitting import fitted
from constructs_st2.values.folders import sources_of_folders
from constructs_st2.values.layers import Layered
from constructs_st2.values.yaml_source import Source, read

_PROFILES = ("ha", "dev")
_COMMON = "common"
"""What all profiles have."""


def below(given: Layered) -> list[Source]:
    """The sources below some values, the weakest first.

    Raises:
        UserError: a folder or a file cannot be read.
    """
    return [*_profile_of(given), *sources_of_folders(given)]


def _profile_of(given: Layered) -> list[Source]:
    name = given.data.get("profile", _PROFILES[0])
    if name not in _PROFILES:
        # It is reported with all other problems, by the model.
        return []
    profiles = (_profile(_COMMON), _profile(name))
    return [profile._replace(data=fitted(profile.data, given.data)) for profile in profiles]


@cache
def _profile(name: str) -> Source:
    return read(Path(__file__).parent / "profiles" / f"{name}.yaml")._replace(name=f"profile {name}", is_profile=True)

"""The profiles: what lies below all values of the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from constructs_st2.values.yaml_source import Source, read

_NAMES = ("ha", "dev")


def profile_of(values: Mapping[str, Any]) -> list[Source]:
    """The profile that some values choose. An unknown one is reported with all other problems, by the model."""
    name = values.get("profile", _NAMES[0])
    return [_profile(name)] if name in _NAMES else []


@cache
def _profile(name: str) -> Source:
    return replace(read(Path(__file__).parent / f"{name}.yaml"), name=f"profile {name}")

"""Values: what users set, read from files and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from constructs_st2.values import chart
from constructs_st2.values.folders import sources_of_folders
from constructs_st2.values.layers import Layered, merge
from constructs_st2.values.loading import Loaded
from constructs_st2.values.loading import load as load_model
from constructs_st2.values.model import Values
from constructs_st2.values.model.base import MEANINGS
from constructs_st2.values.model.images import DEFAULT_TAG
from constructs_st2.values.yaml_source import Source, read

_PROFILES = ("ha", "dev")


def load(files: Sequence[Path], sets: Sequence[str], *, release_name: str, release_namespace: str) -> Loaded[Values]:
    """Read values files, the last one on top, and lay ``--set`` assignments over them.

    Raises:
        UserError: with all problems, each with its file and line.
    """
    return load_model(
        Values,
        files,
        sets,
        release_name=release_name,
        release_namespace=release_namespace,
        app_version=DEFAULT_TAG,
        raw_paths=chart.RAW_PATHS,
        retired=chart.RETIRED,
        meanings=MEANINGS,
        base=_below,
    )


def from_mapping(values: Mapping[str, Any]) -> Values:
    """Typed values from plain data, for programs that use this package as a library.

    Raises:
        pydantic.ValidationError: the data does not fit.
    """
    given = merge([Source("values", values)])
    return Values.model_validate(merge([*_below(given), Source("values", values)]).data)


def _below(given: Layered) -> list[Source]:
    """What lies below the files of the user: the profile, and the files of folders that they name."""
    return [*_profile(given), *sources_of_folders(given)]


def _profile(given: Layered) -> list[Source]:
    name = given.data.get("profile", _PROFILES[0])
    # An unknown profile is reported with all other problems, by the model.
    if name not in _PROFILES:
        return []
    return [replace(read(Path(__file__).parent / "profiles" / f"{name}.yaml"), name=f"profile {name}")]


__all__ = ["Loaded", "Values", "from_mapping", "load"]

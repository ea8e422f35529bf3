"""What was left out of a recipe of docs/contributing.md, and what to do: tests tell only of what follows from that."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import yaml

from constructs_st2 import parts, values
from constructs_st2.facts.catalogue import CATALOGUE
from constructs_st2.parts.optional import OPTIONAL_PARTS
from constructs_st2.values.model import Values

_PROFILES = Path(values.__file__).parent / "profiles"


def left_out() -> list[str]:
    """A sentence for each thing that is still to be done."""
    return [*_of_services(), *_of_profiles()] or [*_of_optional_parts()]


def _keys() -> set[str]:
    """The sections of values, as files name them."""
    return {field.alias or name for name, field in Values.model_fields.items()}


def _of_services() -> Iterator[str]:
    services = {entry.name for entry in CATALOGUE}
    sections = {key for key in _keys() if key.startswith("st2") and key != "st2"}
    for name in sorted(services - sections):
        yield f"{name} is in facts/catalogue.py: give it a section in values/model/, named in Values"
    for name in sorted(sections - services):
        yield f"{name} is a section of Values: give it an entry in facts/catalogue.py, listed in CATALOGUE"


def _of_profiles() -> Iterator[str]:
    services = [entry.name for entry in CATALOGUE]
    for file in sorted(_PROFILES.glob("*.yaml")):
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
        for key in sorted(said.keys() - _keys()):
            yield f"{key} is in values/profiles/{file.name}: give it a section in values/model/, named in Values"
        for name in services:
            if name not in said:
                yield f"{name} is in facts/catalogue.py: give it its size in values/profiles/{file.name}"


def _of_optional_parts() -> Iterator[str]:
    for part in OPTIONAL_PARTS:
        if find_spec(f"{parts.__name__}.{part.package}") is None:
            yield f"{part.package} is in parts/optional.py: make its folder in parts/, whose __init__.py offers PART"
        try:
            part.is_on(Values())
        except AttributeError as error:
            yield f"{part.package} is in parts/optional.py: give it {error.name} in values/model/, named in Values"

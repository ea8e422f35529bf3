"""Whether what a recipe of docs/contributing.md names was done."""

from __future__ import annotations

from pathlib import Path

import pytest
import recipes

from constructs_st2.facts.catalogue import CATALOGUE, ST2API
from constructs_st2.parts.optional import OptionalPart


def test_nothing_is_left_out() -> None:
    assert recipes.left_out() == []


def test_a_service_without_its_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "CATALOGUE", [*CATALOGUE, ST2API._replace(name="st2foo")])
    section, *sizes = recipes.left_out()
    assert section == "st2foo is in facts/catalogue.py: give it a section in values/model/, named in Values"
    assert sizes == [
        f"st2foo is in facts/catalogue.py: give it its size in values/profiles/{name}.yaml"
        for name in ("common", "dev", "ha")
    ]


def test_a_section_without_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "CATALOGUE", [entry for entry in CATALOGUE if entry is not ST2API])
    assert recipes.left_out() == [
        "st2api is a section of Values: give it an entry in facts/catalogue.py, listed in CATALOGUE"
    ]


def test_a_profile_that_says_more_than_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for file in recipes._PROFILES.glob("*.yaml"):
        (tmp_path / file.name).write_text(f"{file.read_text()}\nfoo: {{}}\n")
    monkeypatch.setattr(recipes, "_PROFILES", tmp_path)
    assert recipes.left_out()[0] == (
        "foo is in values/profiles/common.yaml: give it a section in values/model/, named in Values"
    )


def test_a_part_without_its_folder_and_section(monkeypatch: pytest.MonkeyPatch) -> None:
    part = OptionalPart("foo", "operations", lambda values: values.foo.enabled)  # type: ignore[attr-defined]
    monkeypatch.setattr(recipes, "OPTIONAL_PARTS", [part])
    assert recipes.left_out() == [
        "foo is in parts/optional.py: make its folder in parts/, whose __init__.py offers PART",
        "foo is in parts/optional.py: give it foo in values/model/, named in Values",
    ]

"""Whatever a values file holds, a synth ends with a proper error or with objects that Kubernetes takes."""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes_versions import validate
from support import examples
from values_strategies import SCHEMA

from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.kube.documents import Document
from constructs_st2.values import load

FILES = SCHEMA.files()

PINNED = json.loads((Path(__file__).parents[1] / "tools/kubernetes_types/pin.json").read_text())["version"]
DESCRIBED = ".".join(PINNED.removeprefix("v").split(".")[:2])
"""The version of Kubernetes whose fields values may have."""

LOCATED = re.compile(r"(profile \w+|values\.yaml)(:\d+)?: ")
"""How a problem of the values begins."""

ABOUT_AN_OBJECT = re.compile(r"[A-Z]\w*/\S+: \S.* \[[a-z-]+\]$", re.DOTALL)
"""How a problem of the objects looks."""


def outcome(path: Path) -> list[Document] | Sequence[str]:
    """The objects of a values file, or its problems."""
    try:
        loaded = load([path], [], release_name="st2", release_namespace="stackstorm")
        try:
            return build(cluster_of(loaded.values)).objects
        except InvalidValues as error:
            return tuple(loaded.report(error.problems))
    except UserError as error:
        return error.problems


def assert_proper(outcome: list[Document] | Sequence[str], folder: Path) -> None:
    if isinstance(outcome, list):
        for document in outcome:
            assert_valid(json.dumps(document))
    else:
        assert outcome
        for problem in outcome:
            text = problem.removeprefix(f"{folder}/")
            assert "\n" not in text
            assert LOCATED.match(text) or ABOUT_AN_OBJECT.match(text), text


@cache
def assert_valid(document: str) -> None:
    # The user's own objects may be of kinds that only the user's cluster knows.
    with contextlib.suppress(kubernetes_validate.SchemaNotFoundError):
        validate(json.loads(document), DESCRIBED)


def written(values: Any, folder: Path) -> Path:
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    return path


thorough = settings(
    max_examples=examples(60),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("values")


@thorough
@given(FILES)
def test_values_that_the_schema_allows(folder: Path, values: dict[str, Any]) -> None:
    assert_proper(outcome(written(values, folder)), folder)


@thorough
@given(FILES, st.data())
def test_values_with_a_mistake(folder: Path, values: dict[str, Any], data: st.DataObject) -> None:
    assert_proper(outcome(written(mistaken(values, data), folder)), folder)


def mistaken(values: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """The values with one key misspelled, or one value of another kind."""
    values = copy.deepcopy(values)
    places = list(mappings(values))
    place = data.draw(st.sampled_from(places))
    if place and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(place)))
        place[key] = data.draw(st.sampled_from([None, -1, 0.5, True, "", "x", [], {}, ["x"], {"x": "y"}]))
    else:
        place[data.draw(st.sampled_from(["replica", "x", "image", "resources"]))] = data.draw(st.integers(0, 3))
    return values


def mappings(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from mappings(item)
    elif isinstance(value, list):
        for item in value:
            yield from mappings(item)

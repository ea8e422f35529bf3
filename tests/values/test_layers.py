"""Laying sources over each other, `--set`, and where values come from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import each_of, examples

from constructs_st2.errors import UserError
from constructs_st2.values.layers import Finding, Layered, apply_set, merge, overlay, without_nulls
from constructs_st2.values.paths import dotted, resolve
from constructs_st2.values.yaml_source import Source


def source(name: str, data: dict[str, Any], positions: dict[tuple[str | int, ...], int] | None = None) -> Source:
    return Source(name, data, {(): None, **(positions or {})})


def with_set(text: str, data: dict[str, Any] | None = None) -> Any:
    return without_nulls(apply_set(Layered(data or {}), text)).data


@each_of(
    ("layers", "merged"),
    [
        ([{"a": {"x": 1, "y": 1}}, {"a": {"y": 2}, "b": 3}], {"a": {"x": 1, "y": 2}, "b": 3}),
        ([{"a": [1, 2, 3]}, {"a": [4]}], {"a": [4]}),
        ([{"a": {"x": 1}}, {"a": 5}], {"a": 5}),
        ([{"a": 5}, {"a": {"x": 1}}], {"a": {"x": 1}}),
        ([{"a": {"x": 1, "y": 2}}, {"a": {"x": None}}], {"a": {"y": 2}}),
        ([{"a": {"x": 1}}, {"a": None}], {}),
        ([{"a": {"x": 1}}, {"a": None}, {"a": {"y": 2}}], {"a": {"y": 2}}),
        ([{"a": None, "b": {"c": None}}], {"b": {}}),
        ([{"a": [None, {"x": None}]}], {"a": [None, {"x": None}]}),
        ([{"a": {"x": 1}}, {"a": {}}], {"a": {"x": 1}}),
        ([], {}),
    ],
)
def test_merging_follows_helm(layers: list[dict[str, Any]], merged: dict[str, Any]) -> None:
    assert merge([source("f", layer) for layer in layers]).data == merged


def test_merging_changes_no_source() -> None:
    lower, upper = {"a": {"x": 1}}, {"a": {"y": 2}}
    merge([source("f", lower), source("g", upper)])
    assert (lower, upper) == ({"a": {"x": 1}}, {"a": {"y": 2}})


# Values whose kind follows from their key: only then is a mapping never replaced as a whole.
leaves = st.integers() | st.lists(st.integers(), max_size=2)
documents = st.recursive(
    st.dictionaries(st.sampled_from("abc"), leaves | st.none(), max_size=3),
    lambda inner: st.builds(
        lambda values, mappings: {**values, **mappings},
        st.dictionaries(st.sampled_from("abc"), leaves | st.none(), max_size=3),
        st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(documents, documents, documents)
@settings(max_examples=examples(100), deadline=None)
def test_merging_is_associative(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    assert overlay(overlay(a, b), c) == overlay(a, overlay(b, c))


anything = st.recursive(
    st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), anything, max_size=3), max_size=4))
@settings(max_examples=examples(150), deadline=None)
def test_the_source_named_for_a_value_holds_that_value(layers: list[dict[str, Any]]) -> None:
    sources = [Source(str(number), data, dict.fromkeys(_paths(data), 1)) for number, data in enumerate(layers)]
    layered = merge(sources)
    for path in _paths(layered.data):
        value = _get(layered.data, path)
        position = layered.position(path)
        written = _get(layers[position.layer], path)
        # A mapping may hold keys of several sources, and lack those that are null.
        assert isinstance(written, dict) if isinstance(value, dict) else written == value
        assert not any(path in later.positions for later in sources[position.layer + 1 :])


def _paths(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items: list[Any] = list(
        data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else []
    )
    return [found for key, value in items for found in [(*path, key), *_paths(value, (*path, key))]]


def _get(data: Any, path: tuple[str | int, ...]) -> Any:
    for segment in path:
        data = data[segment]
    return data


def test_where_names_the_file_that_won() -> None:
    layered = merge(
        [
            source(
                "a.yaml",
                {"x": {"p": 1, "q": 1}, "l": [1, 2]},
                {("x",): 1, ("x", "p"): 2, ("x", "q"): 3, ("l",): 4, ("l", 1): 6},
            ),
            source("b.yaml", {"x": {"q": 2}, "l": [3]}, {("x",): 10, ("x", "q"): 11, ("l",): 12, ("l", 0): 13}),
        ]
    )
    assert layered.where(("x", "p")) == "a.yaml:2"
    assert layered.where(("x", "q")) == "b.yaml:11"
    assert layered.where(("l", 0)) == "b.yaml:13"
    assert layered.where(("l", 1)) == "b.yaml:12"  # gone with the list of a.yaml
    assert layered.where(("x", "new", "deeper")) == "b.yaml:10"
    assert layered.where(("nowhere",)) == "b.yaml"
    assert Layered({}).where(("a",)) == "values"


def test_where_counts_lines_only_in_literal_blocks() -> None:
    text = Source("v.yaml", {"a": "1\n2\n", "b": "1\n2\n"}, {(): None, ("a",): 5, ("b",): 9}, {("a",): 5})
    layered = merge([text])
    assert layered.where(("a",), 2) == "v.yaml:7"
    assert layered.where(("b",), 2) == "v.yaml:9"
    assert layered.report([Finding(("b",), "is wrong", 2), Finding(("a",), "is wrong", 2)]) == [
        "v.yaml:7: a: is wrong",
        "v.yaml:9: b: line 2: is wrong",
    ]


def test_reports_follow_the_order_of_the_sources_and_name_nothing_twice() -> None:
    layered = apply_set(
        merge([source("b.yaml", {"x": 1, "y": 1}, {("x",): 10, ("y",): 9}), source("a.yaml", {"z": 1}, {("z",): 1})]),
        "w=1",
    )
    findings = [Finding((key,), "is wrong") for key in "wzxyx"]
    assert layered.report(findings) == [
        "b.yaml:9: y: is wrong",
        "b.yaml:10: x: is wrong",
        "a.yaml:1: z: is wrong",
        "--set w=1: w: is wrong",
    ]


@each_of(
    ("text", "data"),
    [
        ("a=1", {"a": 1}),
        ("a.b.c=x", {"a": {"b": {"c": "x"}}}),
        ("a=-5", {"a": -5}),
        ("a=0", {"a": 0}),
        ("a=007", {"a": "007"}),
        ("a=1.5", {"a": "1.5"}),
        ("a=true,b=False", {"a": True, "b": False}),
        ("a=", {"a": ""}),
        ('a="5"', {"a": "5"}),
        ("a='true',b=1", {"a": "true", "b": 1}),
        ('a="x,y",b=1', {"a": "x,y", "b": 1}),
        ('a="x', {"a": '"x'}),
        ("a=x\\,y", {"a": "x,y"}),
        ("a=b=c", {"a": "b=c"}),
        ("a={x,2,true}", {"a": ["x", 2, True]}),
        ("a={x},b=1", {"a": ["x"], "b": 1}),
        ("a={}", {"a": []}),
        ("a\\.b.c=1", {"a.b": {"c": 1}}),
        ("a[0].b=1,a[1].b=2", {"a": [{"b": 1}, {"b": 2}]}),
        ("a[0][0]=x", {"a": [["x"]]}),
        ("a.b=null", {"a": {}}),
        ("a=two words", {"a": "two words"}),
    ],
)
def test_set_reads_values_as_helm(text: str, data: dict[str, Any]) -> None:
    assert with_set(text) == data


def test_set_lies_over_files() -> None:
    below = {"a": {"x": 1, "l": [{"n": 1, "m": 1}, 2]}, "b": {"y": 1}}
    assert with_set("a.l[0].n=5,b=null,a.z=1", below) == {"a": {"x": 1, "l": [{"n": 5, "m": 1}, 2], "z": 1}}
    assert below == {"a": {"x": 1, "l": [{"n": 1, "m": 1}, 2]}, "b": {"y": 1}}


def test_where_names_the_set() -> None:
    layered = apply_set(merge([source("v.yaml", {"a": {"x": 1}}, {("a",): 1, ("a", "x"): 2})]), "a.y={p,q}")
    assert layered.where(("a", "x")) == "v.yaml:2"
    assert layered.where(("a", "y", 1)) == "--set a.y={p,q}"


@each_of(
    ("text", "message"),
    [
        ("a", '--set a: "a" has no value; write a=VALUE'),
        ("a.b,c=1", '--set a.b,c=1: "a.b" has no value; write a.b=VALUE'),
        ("", "--set : a key is missing; write --set path=value, e.g. --set st2api.replicas=3"),
        ("=1", "--set =1: a key is missing; write --set path=value, e.g. --set st2api.replicas=3"),
        ("a..b=1", "--set a..b=1: a key is missing; write --set path=value, e.g. --set st2api.replicas=3"),
        ("a[x]=1", '--set a[x]=1: "[" cannot be part of a key; write list items as name[0], other signs as \\['),
        ("a={x", '--set a={x: the list has no closing "}"'),
        ("a={x}y", '--set a={x}y: unexpected "y" after the value; put a comma between assignments'),
        ("n.x=1", "--set n.x=1: n is a single value, so it has no keys"),
        ("l.x=1", "--set l.x=1: l is a list, so it has no keys"),
        ("m[0]=1", "--set m[0]=1: m is a mapping, so it has no items"),
        ("l[3]=1", "--set l[3]=1: l has 1 items, so the next one is [1]"),
        ("new[1]=1", "--set new[1]=1: new has 0 items, so the next one is [0]"),
    ],
)
def test_set_explains_what_it_cannot_do(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        with_set(text, {"n": 1, "l": [1], "m": {}})
    assert caught.value.problems == (message,)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a", "b", 0, "c"), "a.b[0].c"),
        (("st2", "packs", "configs", "core.yaml"), 'st2.packs.configs["core.yaml"]'),
        (("external-dns",), "external-dns"),
        ((), ""),
    ],
)
def test_paths_are_written_with_dots_and_read_back(path: tuple[str | int, ...], text: str) -> None:
    assert dotted(path) == text
    assert resolve({}, text) == path


def test_dotted_keys_find_keys_with_dots_in_the_data() -> None:
    assert resolve({"configs": {"core.yaml": {"x": 1}}}, "configs.core.yaml.x") == ("configs", "core.yaml", "x")
    assert resolve({"configs": {}}, "configs.core.x[2].y") == ("configs", "core", "x", 2, "y")

"""Reading one values file: data, positions, and messages about what is no usable YAML."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import each_of, examples

from constructs_st2.errors import UserError
from constructs_st2.values.yaml_source import Source, read


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def reading(text: str | bytes) -> Source:
    Path("values.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    return read(Path("values.yaml"))


def problems(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        reading(text)
    return caught.value.problems


def test_every_key_and_item_has_its_line() -> None:
    source = reading("# first\na:\n  b: 1\n  c:\n  - x\n  - y: 2\n    z: 3\nd: [1,\n  2]\n")
    assert source.data == {"a": {"b": 1, "c": ["x", {"y": 2, "z": 3}]}, "d": [1, 2]}
    assert source.positions == {
        (): None,
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 4,
        ("a", "c", 0): 5,
        ("a", "c", 1): 6,
        ("a", "c", 1, "y"): 6,
        ("a", "c", 1, "z"): 7,
        ("d",): 8,
        ("d", 0): 8,
        ("d", 1): 9,
    }


def test_literal_blocks_know_where_their_text_begins() -> None:
    source = reading('a: |\n  one\n  two\nb:\n  |-\n  x\nc: >\n  folded\nd: "x"\n')
    assert source.text_lines == {("a",): 1, ("b",): 5}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~\n", "\ufeff"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    assert reading(text).data == {}


@each_of(
    ("text", "value"),
    [
        ("0755", 0o755),
        ("0x1F", 31),
        ("1_000", 1000),
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("1.50", 1.5),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
        ("22:30", "22:30"),
        ("22:30.5", "22:30.5"),
        ("=", "="),
        ("<<", "<<"),
        ('"5"', "5"),
        ("!!str 5", "5"),
        ('!!int "5"', 5),
    ],
)
def test_scalars_mean_what_they_mean_in_helm(text: str, value: object) -> None:
    assert reading(f"a: {text}\n").data == {"a": value}


def test_anchors_and_merge_keys() -> None:
    source = reading("base: &base\n  x: 1\n  y: |\n    text\nuser:\n  <<: *base\n  x: 2\nlist: [*base]\n")
    assert source.data["user"] == {"x": 2, "y": "text\n"}
    assert source.data["list"] == [{"x": 1, "y": "text\n"}]
    assert source.positions[("user", "x")] == 7
    assert source.positions[("user", "y")] == 3
    assert source.text_lines[("user", "y")] == 3


def test_of_several_merged_mappings_the_first_wins() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc:\n  <<: [*a, *b]\n"
    assert reading(text).data == yaml.safe_load(text)


@each_of(
    ("text", "message"),
    [
        ("a:\n\tb: 1\n", "values.yaml:2: the line is indented with a tab; use spaces"),
        ("a:\n  b: 1\n\tc: 2\n", "values.yaml:3: the line is indented with a tab; use spaces"),
        ("a: b: c\n", 'values.yaml:1: text that holds ": " must be in quotes'),
        (
            "a: x\n  b: c\n",
            'values.yaml:2: unexpected ":"; check the indentation of this line and the space after ":" '
            "in the line before",
        ),
        ("a: 1\nb\nc: 2\n", 'values.yaml:2: expected "key: value", but there is no ":"'),
        ('a: 1\nb: "x\nc: 1\n', "values.yaml:2: the quote that opens here is never closed"),
        ("a: [1, 2\nb: 1\n", 'values.yaml:1: the "[" that opens here is not closed, or a "," is missing'),
        ("a: {x: 1\nb: 1\n", 'values.yaml:1: the "{" that opens here is not closed, or a "," is missing'),
        ("a: @x\n", 'values.yaml:1: text cannot begin with "@"; put it in quotes'),
        (
            "a:\n    b: 1\n  c: 2\n",
            "values.yaml:3: the indentation does not fit the lines above, or text follows a closing quote or bracket",
        ),
        ("- a\nb: 1\n", 'values.yaml:2: the lines above are a list, but this one does not begin with "- "'),
        (
            "a: *x\n",
            'values.yaml:1: "*x" refers to an anchor that is not defined above; put it in quotes if it is text',
        ),
        (
            'a: "\\d"\n',
            "values.yaml:1: unknown escape after the backslash; put the text in single quotes, or double the backslash",
        ),
        (
            "a: 1\n---\nb: 2\n",
            'values.yaml:2: holds more than one document; remove the "---", or make it a file of its own',
        ),
        ("a: 1\nb: \x07\n", "values.yaml:2: holds the control character U+0007; remove it"),
        ("- 1\n", "values.yaml:1: must be a mapping of keys to values, not a list"),
        ("# x\nhello\n", "values.yaml:2: must be a mapping of keys to values, not text"),
        ("a:\n  x: 1\n  y: 2\n  x: 3\n", "values.yaml:4: a.x: duplicate key; it is already in line 2"),
        ("a:\n  on: 1\n", 'values.yaml:2: a: the key on means true in YAML; write "on"'),
        ("No: 1\n", 'values.yaml:1: the key No means false in YAML; write "No"'),
        ("a:\n  8080: x\n", 'values.yaml:2: a: the key 8080 means a number in YAML; write "8080"'),
        ("~: 1\n", 'values.yaml:1: the key ~ means nothing in YAML; write "~"'),
        ("?\n: 1\n", 'values.yaml:1: there is no key before ":"'),
        ("[a]: 1\n", "values.yaml:1: a key must be text, not a list"),
        ("t: {{ .Release.Name }}\n", 'values.yaml:1: t: a value that begins with "{{" must be in quotes: "{{ … }}"'),
        ("t: {{ .Release.Name }}-x\n", 'values.yaml:1: a value that begins with "{{" must be in quotes: "{{ … }}"'),
        ("a: .inf\n", "values.yaml:1: a: .inf is not a number that can be used here"),
        ("a: [.nan]\n", "values.yaml:1: a[0]: .nan is not a number that can be used here"),
        ("a: !!binary aGk=\n", "values.yaml:1: a: the tag !!binary is not supported; remove it"),
        ("a: !env X\n", "values.yaml:1: a: the tag !env is not supported; remove it"),
        ("a: !!set {x}\n", "values.yaml:1: a: the tag !!set is not supported; remove it"),
        ('a: !!int "x"\n', 'values.yaml:1: a: "x" does not fit the tag !!int'),
        (
            "a:\n  <<: 5\n",
            'values.yaml:2: a: the value of "<<" must be an alias (*) of a mapping, or a list of those',
        ),
        (
            "a: &a\n  b: *a\n",
            "values.yaml:2: a.b: the alias (*) refers to a mapping or list that it is itself part of",
        ),
        (b"a: 1\nb: \xff\n", "values.yaml:2: is not UTF-8 text; save the file as UTF-8"),
        ("a: 1\n".encode("utf-16"), "values.yaml:1: is not UTF-8 text; save the file as UTF-8"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(text: str | bytes, message: str) -> None:
    assert problems(text) == (message,)


def test_all_problems_of_the_content_are_named_at_once() -> None:
    assert problems("a: .nan\n1: x\nb: 1\nb: 2\n") == (
        "values.yaml:1: a: .nan is not a number that can be used here",
        'values.yaml:2: the key 1 means a number in YAML; write "1"',
        "values.yaml:4: b: duplicate key; it is already in line 3",
    )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^sub/none\.yaml: no such file$"):
        read(Path("sub/none.yaml"))
    with pytest.raises(UserError, match=r": is a directory, not a values file$"):
        read(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 300 + "]" * 300,
        "a: " + "[" * 200_000 + "]" * 200_000,
        "- " * 200_000 + "a",
    ],
    ids=["deep", "flow", "block"],
)
def test_deep_nesting_is_refused_and_does_not_overflow_the_stack(text: str) -> None:
    [problem] = problems(text)
    assert problem.endswith("mappings and lists are nested too deeply")


def _doubling(line: str) -> str:
    names = "abcdefghijklmnop"
    return "a: &a {x: 1}\n" + "".join(line.format(name=name, below=below) for below, name in pairwise(names))


def test_aliases_cannot_blow_up_memory() -> None:
    begun = time.monotonic()
    [problem] = problems(_doubling("{name}: &{name} [*{below}, *{below}, *{below}, *{below}]\n"))
    assert problem.endswith(": more than 100000 values after aliases (*) are expanded")
    assert len(reading(_doubling("{name}: &{name}\n  <<: [*{below}, *{below}, *{below}, *{below}]\n")).data) == 16
    assert time.monotonic() - begun < 5


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(st.text(), trees, max_size=4), st.sampled_from([None, False, True]))
@settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reads_what_pyyaml_reads(data: dict[str, Any], flow: bool | None) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True)
    source = reading(text)
    assert source.data == yaml.safe_load(text)
    assert set(source.positions) == {(), *_paths(source.data)}


def _paths(data: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items: list[tuple[str | int, Any]] = []
    if isinstance(data, dict):
        items = list(data.items())
    elif isinstance(data, list):
        items = list(enumerate(data))
    return [found for key, value in items for found in [(*path, key), *_paths(value, (*path, key))]]

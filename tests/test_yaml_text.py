"""Objects as YAML: read back as they were, by parsers that differ about what a number is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support import each_of, examples

from constructs_st2 import node
from constructs_st2.kube import yaml_text as module
from constructs_st2.kube.reading import read_text
from constructs_st2.kube.yaml_text import emitted, yaml_text

TEXTS = """
= ~ - : ? ! % @ ` , . .. .5 -.5 +.5 5. 1. 0 00 0755 0o17 0x1F 0b11 1_000 1e3 1E3 1e+3 -1e-3 1.5e3 .inf -.INF .nan
y Y n N yes No on OFF true False null Null NULL << 1:30 190:20:30 2001-12-14 2001-12-14T21:59:43Z 1.2.3 12e 1e
#x x# [a] {a} &a *a |a >a 'a "a a: :a a:b
""".split()  # noqa: SIM905
BLANKS = ["", " ", "a b", " a", "a ", "a\n", "\na", "a\nb", "a\n\n", " a\n b", "a \nb", "\ta", "a\tb", "é"]
CONTROLS = ["\u2028", "\x07", "a\r\nb"]


@each_of("text", [*TEXTS, *BLANKS, *CONTROLS])
def test_a_text_stays_a_text(text: str) -> None:
    document = {"a": text, "list": [text], "map": {"b": {text or "x": text}}}
    assert list(yaml.safe_load_all(yaml_text([document, document]))) == [document, document]


def test_another_parser_reads_the_same(tmp_path: Path) -> None:
    node.start()
    import cdk8s

    document: dict[str, Any] = {"texts": [*TEXTS, *BLANKS], "keys": dict.fromkeys(filter(None, TEXTS), 1)}
    # What JavaScript sorts to the front.
    del document["keys"]["0"]
    path = tmp_path / "a.yaml"
    path.write_text(yaml_text([document]), encoding="utf-8")
    assert cdk8s.Yaml.load(str(path)) == [document]


GO_NUMBER = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?0[xobXOB][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*"
)
"""What kubectl takes for a number: https://github.com/go-yaml/yaml/blob/v2.4.0/resolve.go"""


@given(st.from_regex(GO_NUMBER, fullmatch=True))
def test_what_kubectl_takes_for_a_number_is_in_quotes(text: str) -> None:
    assert yaml_text([{"a": text}]).startswith('a: "')


def test_texts_of_several_lines_are_blocks() -> None:
    assert yaml_text([{"a": "#!/bin/sh\nset -eu\n"}]) == "a: |\n  #!/bin/sh\n  set -eu\n"


def test_shared_parts_are_written_twice_and_lines_are_not_folded() -> None:
    shared = {"x": "word " * 100 + "end"}
    text = yaml_text([{"b": shared, "a": shared}])
    assert "&" not in text
    assert text.splitlines() == ["b:", f"  x: {shared['x']}", "a:", f"  x: {shared['x']}"]


@each_of("text", [*TEXTS, *BLANKS, *CONTROLS, "a\nb\n", "a\n\nb", "x" * 128, "x" * 129])
def test_a_text_is_written_as_the_emitter_writes_it(text: str) -> None:
    document = {"a": text, "list": [text, [text, [text]], {"b": text, "c": text}], "map": {text or "x": {"d": text}}}
    assert yaml_text([document, document]) == emitted([document, document])


AWKWARD = st.text(st.sampled_from("ab01 \n\t-:#?'\"\\&*!|>%@`,[]{}<=.~yné\u2028\x07"), max_size=6)
SHAPES: st.SearchStrategy[Any] = st.recursive(
    AWKWARD | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(AWKWARD, inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=examples(300))
@given(st.lists(st.dictionaries(AWKWARD, SHAPES, max_size=3), max_size=3))
def test_objects_are_written_as_the_emitter_writes_them(documents: list[dict[str, Any]]) -> None:
    assert yaml_text(documents) == emitted(documents)


def test_what_is_usual_does_not_need_the_emitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "emitted", lambda _: pytest.fail("asked the emitter"))
    for path in (Path(__file__).parent.parent / "dist").iterdir():
        text = path.read_text(encoding="utf-8")
        assert yaml_text(read_text(text, path.name)) == text


PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(st.dictionaries(st.text(), PLAIN, min_size=1), max_size=3))
def test_anything_is_read_back(documents: list[dict[str, Any]]) -> None:
    assert list(yaml.safe_load_all(yaml_text(documents))) == documents

"""Our reading and writing of st2's dialect of INI, side by side with oslo.config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from config import oslo
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_config import cfg
from support import examples

from constructs_st2.facts.ini import ConfValue, IniError, parse, render
from constructs_st2.facts.st2_options import Option

VALUES: list[ConfValue] = [
    "",
    "plain",
    "$literal ${braces} $$ costs 5$",
    "100 % %(name)s",
    'it\'s "quoted"',
    '"quoted"',
    "'",
    " blanks around ",
    "ünïcödé ☃ 漢字",
    "# no comment ; none either",
    "a = b: c",
    "[no section]",
    "first line\nsecond line\n= third",
    r"C:\path\n",
    "tab\tinside",
]


def file_of(folder: Path, text: str) -> Path:
    path = folder / "st2.conf"
    path.write_bytes(text.encode())
    return path


def as_read(folder: Path, value: ConfValue, kind: str) -> object:
    path = file_of(folder, render({"section": {"option": value}}))
    known = {"section": {"option": Option(type=kind)}}  # type: ignore[arg-type]
    return oslo.read([path], known)["section"]["option"]


@pytest.mark.parametrize("value", VALUES)
def test_a_text_is_read_as_it_was_given(value: str, tmp_path: Path) -> None:
    assert as_read(tmp_path, value, "str") == value


@pytest.mark.parametrize("value", [True, False])
def test_booleans_are_read_as_booleans(value: bool, tmp_path: Path) -> None:
    assert as_read(tmp_path, value, "bool") is value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", -3),
        ("float", 0.5),
        ("list", ["one", "two $three"]),
        ("list", []),
        ("dict", {"key": "value:with colon", "other": "$x"}),
    ],
)
def test_numbers_lists_and_mappings_are_read_as_given(kind: str, value: ConfValue, tmp_path: Path) -> None:
    assert as_read(tmp_path, value, kind) == value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ini")


@given(value=st.text(alphabet=st.one_of(st.sampled_from("$%{}\\\"' =:#;[]\n\tax"), st.characters(codec="utf-8"))))
@settings(max_examples=examples(300), deadline=None, derandomize=True)
def test_any_text_is_refused_or_read_as_given(value: str, folder: Path) -> None:
    try:
        text = render({"section": {"option": value, "next": "x"}})
    except ValueError:
        return
    known = {"section": {"option": Option(type="str"), "next": Option(type="str")}}
    section = oslo.read([file_of(folder, text)], known)["section"]
    assert (section["option"], section["next"]) == (value, "x")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("bell\a", "has control characters, which st2.conf cannot hold"),
        ("carriage\rreturn", "has control characters, which st2.conf cannot hold"),
        (r"\$", r'has "\$", which st2.conf cannot hold: oslo.config reads it as "$"'),
        ("a\n\nb", "has an empty line, or one with blanks around it, which st2.conf cannot hold"),
        ("a\n  b", "has an empty line, or one with blanks around it, which st2.conf cannot hold"),
        (["a,b"], '"a,b" cannot be an item: it is empty, has blanks around it, or holds ","'),
        ([""], '"" cannot be an item: it is empty, has blanks around it, or holds ","'),
        ({"a:b": "c"}, '"a:b" cannot be an item: it is empty, has blanks around it, or holds "," or ":"'),
    ],
)
def test_what_cannot_be_written_is_refused(value: ConfValue, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(f'[auth] backend: {message}')}$"):
        render({"auth": {"backend": value}})


@pytest.mark.parametrize("sections", [{"a]\n[b": {}}, {"": {}}, {"a": {"x = 1\ny": "z"}}, {"a": {"": "x"}}])
def test_names_cannot_smuggle_in_other_options(sections: Mapping[str, Mapping[str, ConfValue]]) -> None:
    with pytest.raises(ValueError, match=r"cannot be a name in st2\.conf"):
        render(sections)


READ_ALIKE = {
    "a comment, an empty line, a value": "# c\n; d\n\n[a]\nx = 1\n",
    "colon before equals sign": "[a]\nx: 1 = 2\n",
    "quotes around, and one alone": '[a]\nx = "q"\ny = \'q\'\nz = "\nw = "q\'\n',
    "a value goes on": "[a]\nx = 1,\n    2,\n\t3\ny = 4\n",
    "an empty line ends a value": "[a]\nx = 1\n\ny = 2\n",
    "a section twice, in other letters": "[A]\nx = 1\n[a]\nx = 2\n",
    "default in two spellings": "[DEFAULT]\nx = 1\n[default]\nx = 2\n",
    "blanks in an option's name": "[a]\nx y = 1\n",
    "no value": "[a]\nx =\n",
    "no line break at the end": "[a]\nx = 1",
    "line breaks of all systems": "[a]\r\nx = 1\ry = 2\n",
    "separators of unicode are no line breaks": "[a]\nx = 1\u2028y = 2\n",
    "blanks in a section's name": "[ a b ]\nx = 1\n",
    "nothing": "",
}


@pytest.mark.parametrize("text", READ_ALIKE.values(), ids=READ_ALIKE)
def test_files_are_cut_up_as_oslo_config_does(text: str, tmp_path: Path) -> None:
    ours = {(entry.section, entry.option): entry.value for entry in parse(text)}
    assert ours == oslo.entries(file_of(tmp_path, text))


LINES = st.sampled_from(
    ["[a]", "[B]", "[", "[]", "x = 1", "y: 2", "x", "= 3", ": 4", "    5", "\t= 6", "", "  ", "# z", "  # z", 'x = "7"']
)


@given(lines=st.lists(LINES, max_size=8))
@settings(max_examples=examples(300), deadline=None, derandomize=True)
def test_any_file_is_refused_or_cut_up_as_oslo_config_does(lines: list[str], folder: Path) -> None:
    text = "\n".join(lines)
    try:
        theirs = oslo.entries(file_of(folder, text))
    except cfg.ParseError:
        with pytest.raises(IniError):
            parse(text)
    else:
        assert {(entry.section, entry.option): entry.value for entry in parse(text)} == theirs


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[a]\nx = 1\n\n  y", 4, "is indented, but continues no option"),
        ("x = 1", 1, "x stands before any [section]"),
        ("[a\n", 1, "a section must end with ]"),
        ("\n[]", 2, "a section must have a name"),
        ("[a]\nword", 2, "is neither an assignment (option = value) nor a [section]"),
        ("[a]\n= x", 2, "has a value, but no option"),
    ],
)
def test_errors_name_the_line(text: str, line: int, message: str) -> None:
    with pytest.raises(IniError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.message) == (line, message)


def test_an_entry_tells_the_line_where_it_begins() -> None:
    lines = [(entry.option, entry.line) for entry in parse("# c\n[a]\nx = 1\n    2\n\ny = 3\n")]
    assert lines == [("x", 3), ("y", 6)]

"""YAML files of the user: what they hold, the lines of it, and what cannot be used."""

from __future__ import annotations

import pytest
from support import each_of

from constructs_st2.facts.content import present
from constructs_st2.facts.content.texts import TextError, YamlText, file_key, name_problems
from constructs_st2.values.model.base import StrictModel, key


class Thing(StrictModel):
    """Something with a name."""

    name: str = key("Its name.", ...)
    sizes: list[int] = key("Its sizes.", [])


def problems(text: str, *, as_items: bool = False) -> list[str]:
    try:
        parsed = YamlText.parse(text)
        _ = parsed.as_items(Thing) if as_items else parsed.as_model(Thing)
    except TextError as error:
        return [f"{line} {message}" for line, message in error.problems]
    return []


def test_values_are_those_that_st2_reads() -> None:
    text = "# comment\n---\na: yes\nb: 22:30\nc: 010\nd: {<<: {x: 1}, y: ~}\ne: |\n  {{ x }}\n"
    assert YamlText.parse(text).data == {
        "a": True,
        "b": 1350,
        "c": 8,
        "d": {"x": 1, "y": None},
        "e": "{{ x }}\n",
    }


def test_dates_stay_text() -> None:
    assert YamlText.parse("- 2020-01-01\n- a: 2001-12-14 21:59:43.10\n").data == [
        "2020-01-01",
        {"a": "2001-12-14 21:59:43.10"},
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~"])
def test_a_text_without_content_is_none(text: str) -> None:
    assert YamlText.parse(text).data is None


def test_every_key_and_item_has_its_line_and_what_is_unknown_that_of_its_parent() -> None:
    parsed = YamlText.parse("---\na:\n  - x: 1\n    y: 2\n  -\n    z: 3\nb: 4\n")
    places = [(), ("a",), ("a", 0), ("a", 0, "y"), ("a", 1, "z"), ("b",), ("a", 0, "missing", 5), ("missing",)]
    assert [parsed.line_of(place) for place in places] == [2, 2, 3, 4, 6, 7, 3, 2]


@each_of(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "4 b.c: duplicate key; it is already in line 3"),
        ("a: 1\n---\nb: 2\n", '2 holds more than one document; remove the "---", or make it a file of its own'),
        ("name: {{ x }}\n", '1 a value that begins with "{{" must be in quotes: "{{ … }}"'),
        ("name: x\n\ty: 1\n", "2 the line is indented with a tab; use spaces"),
        ("name: \x01\n", "1 holds the control character U+0001; remove it"),
        ("name: !foo x\n", "1 is not YAML: could not determine a constructor for the tag '!foo'"),
        ("name: !!int x\n", "1 holds a value that does not fit its tag: invalid literal for int() with base 10: 'x'"),
        ("a: &a [*a]\n", "1 mappings and lists are nested too deeply"),
        ("[" * 50_000, "1 mappings and lists are nested too deeply"),
    ],
)
def test_what_is_no_usable_yaml_is_explained(text: str, message: str) -> None:
    assert problems(text) == [message]


def test_many_aliases_end_in_an_error() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    (message,) = problems(bomb)
    assert message.endswith("more than 100000 values after aliases (*)")


def test_what_does_not_fit_a_model_is_told_with_its_line() -> None:
    assert problems("nmae: x\nsizes:\n  - 1\n  - two\n") == [
        "1 name: is required",
        '4 sizes[1]: must be a whole number, not the text "two"',
        '1 nmae: unknown key; did you mean "name"?',
    ]


@pytest.mark.parametrize(("text", "found"), [("", "empty"), ("- name: x\n", "a list"), ("x\n", "a single value")])
def test_what_is_no_mapping_is_told_which_keys_there_are(text: str, found: str) -> None:
    assert problems(text) == [f"1 must be a mapping with keys such as name, sizes, but is {found}"]


def test_items_are_a_list_in_which_null_means_left_out() -> None:
    assert YamlText.parse("- {name: a, sizes: null}\n- {name: b, sizes: [1]}\n").as_items(Thing) == [
        Thing(name="a"),
        Thing(name="b", sizes=[1]),
    ]
    assert YamlText.parse("# none\n").as_items(Thing) == []
    assert problems("- {name: a}\n- {sizes: [x]}\n- 5\n", as_items=True) == [
        "2 [1].name: is required",
        '2 [1].sizes[0]: must be a whole number, not the text "x"',
        "3 [2]: must be a mapping, not the number 5",
    ]
    assert problems("name: a\n", as_items=True) == ['1 must be a list of items, each of which begins with "- "']


def test_a_file_is_named_as_messages_name_it() -> None:
    assert file_key("st2.rbac.roles", "a.yaml") == 'st2.rbac.roles["a.yaml"]'
    assert file_key("st2.rbac.roles", "a") == "st2.rbac.roles.a"


def test_an_empty_text_takes_a_file_away() -> None:
    assert present({"a.yaml": "", "b.yaml": "x"}) == {"b.yaml": "x"}


@pytest.mark.parametrize(
    ("name", "right"),
    [("a.yml", "a.yaml"), ("a", "a.yaml"), ("a.b.txt", "a.b.yaml"), (".a.yaml", "a.yaml"), ("A.YAML", "A.yaml")],
)
def test_a_name_that_st2_does_not_look_for_is_an_error(name: str, right: str) -> None:
    (problem,) = name_problems("st2.rbac.roles", {name: "x", "good.yaml": "x", "gone.yml": ""})
    assert (problem.key, problem.message) == (
        file_key("st2.rbac.roles", name),
        f"would be ignored by st2; name it {right}",
    )

"""What tests share does what they rely on."""

from __future__ import annotations

import inspect

import pytest
from support import each_of


def test_each_of_tries_all_rows_and_tells_those_that_fail() -> None:
    tried: list[int] = []

    @each_of(("number", "doubled"), [(1, 2), (2, 3), (3, 6), (4, "x")])
    def doubles(factor: int, number: int, doubled: int) -> None:
        tried.append(number)
        assert number * factor == doubled, f"not {doubled}"

    assert list(inspect.signature(doubles).parameters) == ["factor"], "what is left are fixtures"
    with pytest.raises(AssertionError) as caught:
        doubles(factor=2)
    assert tried == [1, 2, 3, 4]
    first, *rows = str(caught.value).splitlines()
    assert first == "2 of 4 rows:"
    assert [row for row in rows if row.startswith("number=")] == [
        "number=2, doubled=3: AssertionError: not 3",
        "number=4, doubled='x': AssertionError: not x",
    ]


def test_a_table_without_rows_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="tests nothing"):
        each_of("number", [])

"""The walk through the site finds what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import Require
from website.browser import Browser
from website.walk import walk

PAGE = '<!doctype html><html><head><title>x</title><link rel="icon" href="data:,"></head><body>{}</body></html>'


@pytest.fixture(scope="module")
def browser(require: Require) -> Iterator[Browser]:
    with Browser(require("chromium")) as started:
        yield started


PAGES = {
    "": '<a href="good/#here">x</a> <a href="good/#gone">x</a> <a href="bad/">x</a> <a href="/other/">x</a>',
    "good": '<p id="here">x</p>',
    "bad": '<img src="missing.png"><script>console.error("ouch"); throw new Error("thrown")</script>'
    '<img src="http://localhost:9/tracker.png"><div style="width: 1000px">x</div>',
    "orphan": "x",
}


@pytest.fixture(scope="module")
def problems(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    site = tmp_path_factory.mktemp("site")
    for name, body in PAGES.items():
        folder = site / name
        folder.mkdir(exist_ok=True)
        (folder / "index.html").write_text(PAGE.format(body))
    return walk(browser, site).problems


@pytest.mark.parametrize(
    "expected",
    [
        "front page: no #gone in good/",
        "bad/: console: ['ouch']",
        "bad/: exception: Error: thrown",
        "missing.png gives 404",
        "bad/: asks another server: http://localhost:9/tracker.png",
        "pixels too wide for a screen of 390",
        "orphan/: no link leads there",
        "/other/ leads out of the version",
        "search: ",
        "dark mode: ",
    ],
)
def test_a_fault_is_found(problems: list[str], expected: str) -> None:
    assert any(expected in problem for problem in problems), problems


def test_nothing_else_is_found(problems: list[str]) -> None:
    assert not [problem for problem in problems if problem.startswith("good/")]

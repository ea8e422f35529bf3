"""The site of docs/ is built, says what GitHub shows, and has what pages link to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from support import each_of
from website import hooks

runs_mkdocs = pytest.mark.servers

ROOT = Path(__file__).parents[2]
COUNTED = ("h1", "h2", "h3", "li", "pre", "table", "tr")
ALONE = {"reference/api.md"}
"""Pages that are filled when the site is built."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


class Tags(HTMLParser):
    """How often each kind of element is there, in the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found = dict.fromkeys(COUNTED, 0)

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag in self.found:
            self.found[tag] += 1


def tags(html: str) -> dict[str, int]:
    parser = Tags()
    parser.feed(html)
    return parser.found


@runs_mkdocs
def test_pages_are_on_the_site_what_they_are_on_github(site: Path) -> None:
    """The two read Markdown differently: lists, and what is in them, above all."""
    github = MarkdownIt("commonmark").enable("table")
    for page in sorted((ROOT / "docs").rglob("*.md")):
        name = page.relative_to(ROOT / "docs")
        if name.as_posix() in ALONE:
            continue
        folder = name.parent if name.stem == "index" else name.with_suffix("")
        html = (site / folder / "index.html").read_text(encoding="utf-8")
        article = html.partition('<article class="md-content__inner md-typeset">')[2].partition("</article>")[0]
        article = article.partition('<aside class="md-source-file')[0]
        assert tags(article) == tags(github.render(page.read_text(encoding="utf-8"))), name


@runs_mkdocs
def test_nothing_is_asked_of_other_servers(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?:[^"]*)"', page.read_text(encoding="utf-8"))
        assert not loaded, page


@runs_mkdocs
def test_what_pages_link_to_is_a_page(site: Path) -> None:
    assert "constructs_st2" in (site / "files/main.py/index.html").read_text(encoding="utf-8")
    assert "Unreleased" in (site / "files/CHANGELOG/index.html").read_text(encoding="utf-8")


@runs_mkdocs
def test_the_schema_stays_at_its_address(site: Path) -> None:
    assert (site / "values.schema.json").read_bytes() == (ROOT / "docs/values.schema.json").read_bytes()


def test_links_to_files_lead_to_their_pages() -> None:
    assert hooks.relinked("[a](../../main.py#x)", "how-to/library.md") == "[a](../files/main.py.md#x)"
    assert hooks.relinked("[a](backup.md)", "how-to/library.md") == "[a](backup.md)"
    assert hooks.relinked("[a](docs/how-to/backup.md)", "files/CHANGELOG.md") == "[a](../how-to/backup.md)"
    assert hooks.relinked("[a](https://example.org)", "index.md") == "[a](https://example.org)"


def test_the_house_has_the_floors_that_the_linter_holds() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.findall(
        r'^    "constructs_st2\.(\w+)",$', text.partition("layers = [")[2].partition("]")[0], re.MULTILINE
    )
    house = (ROOT / "docs/house.svg").read_text(encoding="utf-8")
    assert re.findall(r'class="name"[^>]*>(\w+)<', house) == [name for name in layers if name != "errors"]


@pytest.mark.parametrize(
    ("wanted", "page", "anchor"),
    [
        ("change a password", "how-to/secrets.md", "change-a-password"),
        ("restore a backup", "how-to/backup.md", "restore-a-backup"),
        ("add a user", "how-to/access.md", "more-users"),
        ("upgrade", "how-to/day-two.md", "upgrade"),
        ("add a sidecar", "how-to/sidecars.md", ""),
        ("use it as a library", "tutorials/library.md", ""),
        ("what an alert means", "how-to/runbooks.md", ""),
    ],
)
@each_of("front", ["docs/index.md", "README.md"])
def test_what_people_look_for_is_one_step_from_the_front_page(front: str, wanted: str, page: str, anchor: str) -> None:
    target = page if front.startswith("docs/") else f"docs/{page}"
    text = (ROOT / front).read_text(encoding="utf-8")
    link = re.escape(f"({target}{'#' * bool(anchor)}{anchor})")
    assert re.search(rf"\[{wanted}\]{link}", text, re.IGNORECASE)


@runs_mkdocs
def test_the_search_knows_every_section_of_the_values(site: Path) -> None:
    index = (site / "search/search_index.json").read_text(encoding="utf-8")
    page = (ROOT / "docs/reference/values.md").read_text(encoding="utf-8")
    assert all(
        f'"reference/values/#{anchor}"' in index for anchor in re.findall(r"^\* \[.*\]\(#(.*)\)$", page, re.MULTILINE)
    )

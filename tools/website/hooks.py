"""What the site has besides docs/: the files of the repository that its pages link to, each as a page.

In the repository, a link such as ``../../examples/dev.yaml`` leads to the file itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CHANGELOG = ROOT / "CHANGELOG.md"
FOLDER = "files"
"""Where they are in the site."""

_LINK = re.compile(r"\]\((?P<target>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")
_LANGUAGES = {"": "text", ".py": "python", ".yaml": "yaml", ".sh": "sh"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Offer other versions where there are any: in what mike publishes."""
    if os.environ.get("MIKE_DOCS_VERSION"):
        config.extra["version"] = {"provider": "mike", "default": "latest"}
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the files that pages link to."""
    from mkdocs.structure.files import File, InclusionLevel

    for path in linked_files():
        inclusion = InclusionLevel.INCLUDED if path == CHANGELOG else InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, address(path), content=page_of(path), inclusion=inclusion))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Lead links to files of the repository to their pages."""
    return relinked(markdown, page.file.src_uri)


def linked_files() -> list[Path]:
    """The files outside docs/ to which pages lead, straight or by each other."""
    found: dict[Path, None] = {CHANGELOG: None}
    waiting = [CHANGELOG, *sorted(DOCS.rglob("*.md"))]
    while waiting:
        page = waiting.pop()
        for target in _targets(page):
            if not target.is_relative_to(DOCS) and target not in found:
                found[target] = None
                waiting += [target] * (target.suffix == ".md")
    return list(found)


def _targets(page: Path) -> Iterator[Path]:
    for match in _LINK.finditer(page.read_text(encoding="utf-8")):
        target = (page.parent / match["target"]).resolve()
        if target.is_file():
            yield target


def address(path: Path) -> str:
    """Where a file is among the sources of the site."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    page = path if path.suffix == ".md" else path.with_name(f"{path.name}.md")
    return f"{FOLDER}/{page.relative_to(ROOT).as_posix()}"


def source(address: str) -> Path:
    """The file of a page: the reverse of `address`."""
    if not address.startswith(f"{FOLDER}/"):
        return DOCS / address
    page = ROOT / address.removeprefix(f"{FOLDER}/")
    return page if page.exists() else page.with_suffix("")


def page_of(path: Path) -> str:
    """A file as a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    fence = max(re.findall(r"^`{3,}", text, re.MULTILINE), default="``") + "`"
    return f"# {path.relative_to(ROOT)}\n\n{fence}{_LANGUAGES.get(path.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"


def relinked(markdown: str, page: str) -> str:
    """The text of a page, with links that hold in the site."""
    folder, place = source(page).parent, Path(page).parent

    def lead(match: re.Match[str]) -> str:
        target = (folder / match["target"]).resolve()
        if not target.is_file():
            return match[0]
        return f"]({os.path.relpath(address(target), place)}{match['anchor'] or ''})"

    return _LINK.sub(lead, markdown)

"""A walk through the site, from its front page along all links, with the eyes of a browser."""

from __future__ import annotations

import contextlib
import functools
import http.server
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

from website.browser import Browser, BrowserError, Event

VERSION = "latest"
"""The site is served in a folder of this name, as mike publishes it: an absolute link would lead astray."""
WIDE, NARROW = (1366, 900), (390, 844)
PICTURES = (
    "",
    "tutorials/laptop/",
    "how-to/backup/",
    "how-to/runbooks/",
    "reference/values/",
    "reference/api/",
    "reference/commands/",
    "explanation/architecture/",
)
"""Pages of which pictures are taken: one of each kind."""

_PAGE = """({
  links: [...document.querySelectorAll("a[href]")].map(link => link.href),
  ids: [...document.querySelectorAll("[id], a[name]")].map(each => each.id || each.name),
  title: document.title,
})"""
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Walk:
    """What was seen: the ids of each page, who leads there, and what is wrong."""

    root: str
    ids: dict[str, frozenset[str]] = field(default_factory=dict)
    links: dict[str, set[str]] = field(default_factory=dict)
    """Addresses with anchors, each with the pages that lead there."""
    problems: list[str] = field(default_factory=list)

    def dead_anchors(self) -> Iterator[str]:
        """Links to a place of a page that is not there."""
        for address, pages in self.links.items():
            page, anchor = urldefrag(address)
            if anchor and page in self.ids and unquote(anchor) not in self.ids[page]:
                yield f"{', '.join(sorted(map(self.short, pages)))}: no #{anchor} in {self.short(page)}"

    def short(self, address: str) -> str:
        """An address as people say it."""
        return address.removeprefix(self.root) or "front page"


def walk(browser: Browser, site: Path) -> Walk:
    """Walk through all pages of a site in a folder, and try search and dark mode."""
    with serving(site) as root:
        found = Walk(root)
        _every_page(browser, found)
        found.problems += found.dead_anchors()
        found.problems += _not_reached(site, found)
        for trial in (_search, _dark_mode):
            try:
                trial(browser, root)
            except BrowserError as error:
                found.problems.append(f"{trial.__name__.strip('_').replace('_', ' ')}: {error}")
    return found


def pictures(browser: Browser, site: Path, folder: Path) -> None:
    """Write pictures of some pages: wide and narrow, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    with serving(site) as root:
        for page in PICTURES:
            name = page.strip("/").replace("/", "-") or "front"
            for scheme in ("light", "dark"):
                for size, (width, height) in {"wide": WIDE, "narrow": NARROW}.items():
                    browser.resize(width, height)
                    browser.prefer(scheme)
                    browser.open(root + page)
                    # The site remembers what it has shown first.
                    browser.run("localStorage.clear()")
                    browser.open(f"{root}{page}")
                    browser.picture(folder / f"{name}-{size}-{scheme}.png")


@contextlib.contextmanager
def serving(site: Path) -> Iterator[str]:
    """Serve a site, and give the address of its front page."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, VERSION).symlink_to(site.resolve())
        handler = functools.partial(_Quiet, directory=folder)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}/{VERSION}/"
            server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nobody reads along."""


def _every_page(browser: Browser, found: Walk) -> None:
    waiting, seen = [found.root], {found.root}
    while waiting:
        page = waiting.pop()
        browser.resize(*WIDE)
        browser.open(page)
        here = browser.run(_PAGE)
        found.ids[page] = frozenset(here["ids"])
        found.problems += (f"{found.short(page)}: {problem}" for problem in _told(browser.events, found.root))
        for size in (WIDE, NARROW):
            browser.resize(*size)
            if (pixels := browser.run(_TOO_WIDE)) > 0:
                found.problems.append(f"{found.short(page)}: {pixels} pixels too wide for a screen of {size[0]}")
        for link in here["links"]:
            target = urldefrag(link).url
            if target.startswith(found.root):
                found.links.setdefault(link, set()).add(page)
                if target not in seen and target.endswith("/"):
                    seen.add(target)
                    waiting.append(target)
            elif target.startswith(found.root.removesuffix(f"{VERSION}/")):
                found.problems.append(f"{found.short(page)}: {link} leads out of the version")


def _told(events: Iterable[Event], root: str) -> Iterator[str]:
    """What the browser complains of, and requests to anybody else."""
    for name, told in events:
        match name:
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                yield f"{told['entry']['text']} {told['entry'].get('url', '')}"
            case "Runtime.exceptionThrown":
                yield f"exception: {told['exceptionDetails'].get('exception', {}).get('description', '')}"
            case "Runtime.consoleAPICalled" if told["type"] == "error":
                yield f"console: {[each.get('value', each.get('description')) for each in told['args']]}"
            case "Network.responseReceived" if told["response"]["status"] >= 400:
                yield f"{told['response']['url']} gives {told['response']['status']}"
            case "Network.requestWillBeSent":
                url = told["request"]["url"]
                if not url.startswith((root, "data:", "blob:")):
                    yield f"asks another server: {url}"


def _not_reached(site: Path, found: Walk) -> Iterator[str]:
    for page in sorted(site.rglob("index.html")):
        folder = page.parent.relative_to(site).as_posix()
        if found.root + (f"{folder}/" if folder != "." else "") not in found.ids:
            yield f"{folder}/: no link leads there"


def _search(browser: Browser, root: str) -> None:
    browser.resize(*WIDE)
    browser.open(root)
    browser.run('document.querySelector("label[for=__search]").click()')
    browser.run('document.querySelector(".md-search__input").focus()')
    browser.ask("Input.insertText", text="datastore_crypto_key")
    browser.ask("Input.dispatchKeyEvent", type="keyUp", key="y")
    browser.wait('document.querySelectorAll(".md-search-result__item").length > 0', "result of the search")


def _dark_mode(browser: Browser, root: str) -> None:
    browser.prefer("light")
    browser.open(root)
    browser.run('document.querySelector("label[for=__palette_1]").click()')
    browser.wait('document.body.getAttribute("data-md-color-scheme") === "slate"', "dark page")
    browser.run('document.querySelector("label[for=__palette_0]").click()')
    browser.wait('document.body.getAttribute("data-md-color-scheme") === "default"', "light page")

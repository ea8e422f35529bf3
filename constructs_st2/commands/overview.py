"""A picture of the cluster at a glance, for the front page: who there is, how often, and who stands on whom.

`constructs-st2 diagram` draws every connection; here, everything can be read on a narrow page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape

from constructs_st2.facts import catalogue
from constructs_st2.kube.documents import Document


class _Band(NamedTuple):
    """A floor of the picture, and its boxes: a name and what it is for."""

    title: str
    boxes: tuple[tuple[str, str], ...]
    columns: int
    holds_data: bool = False


_BANDS = (
    _Band("Outside", (("browsers, programs, chat", "HTTPS"),), 1),
    _Band("Front", ((catalogue.ST2WEB.name, "web UI, and the door to the APIs"),), 1),
    _Band(
        "APIs",
        (
            (catalogue.ST2AUTH.name, "logins, tokens"),
            (catalogue.ST2API.name, "REST API, webhooks"),
            (catalogue.ST2STREAM.name, "events, as they come"),
        ),
        3,
    ),
    _Band(
        "Engines",
        (
            (catalogue.ST2RULESENGINE.name, "triggers meet rules"),
            (catalogue.ST2WORKFLOWENGINE.name, "workflows"),
            (catalogue.ST2SCHEDULER.name, "what runs next"),
            (catalogue.ST2TIMERSENGINE.name, "timers"),
            (catalogue.ST2NOTIFIER.name, "tells of what is done"),
            (catalogue.ST2GARBAGECOLLECTOR.name, "old executions"),
        ),
        3,
    ),
    _Band(
        "Runners",
        (
            (catalogue.ST2SENSORCONTAINER.name, "watch the world"),
            (catalogue.ST2ACTIONRUNNER.name, "run actions"),
        ),
        2,
    ),
    _Band(
        "Backends",
        (("mongodb", "everything that lasts"), ("rabbitmq", "messages"), ("redis", "locks, registry")),
        3,
        True,
    ),
)
_WIDTH, _LEFT, _MARGIN, _GAP = 800, 100, 16, 14
_BOX, _PAD, _BETWEEN = 50, 12, 26
_STYLE = """\
text { font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; font-size: 13px; }
text { fill: #1f2328; }
.page { fill: #ffffff; }
.band { fill: #f6f8fa; stroke: none; }
.box { fill: #ffffff; stroke: #8c959f; }
.data .box { stroke: #1a7f37; }
.title { fill: #59636e; font-size: 14px; }
.name { font-weight: 600; font-size: 15px; }
.what { fill: #59636e; }
.arrow { stroke: #59636e; stroke-width: 1.5; }
.head { fill: #59636e; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.page { fill: #0d1117; }
.band { fill: #161b22; }
.box { fill: #0d1117; stroke: #6e7681; }
.data .box { stroke: #3fb950; }
.title, .what { fill: #9198a1; }
.arrow { stroke: #9198a1; }
.head { fill: #9198a1; }
}"""


def overview(objects: Iterable[Document], release: str) -> str:
    """The picture of a cluster as SVG.

    Args:
        objects: all of its objects.
        release: its name.
    """
    replicas = _replicas(objects, release)
    body: list[str] = []
    y = _MARGIN
    for number, band in enumerate(_BANDS):
        if number:
            body += _arrow(y)
            y += _BETWEEN
        height = _height(band)
        body += _band(band, y, replicas)
        y += height
    height = y + _MARGIN
    described = "; ".join(f"{band.title}: {', '.join(name for name, _ in band.boxes)}" for band in _BANDS)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description"'
            f' width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">',
            '<title id="title">StackStorm on Kubernetes, highly available</title>',
            f'<desc id="description">{escape(described)}.</desc>',
            f"<style>\n{_STYLE}\n</style>",
            f'<rect class="page" width="{_WIDTH}" height="{height}"/>',
            *body,
            "</svg>\n",
        ]
    )


def _replicas(objects: Iterable[Document], release: str) -> Mapping[str, int]:
    return {
        document["metadata"]["name"].removeprefix(f"{release}-"): document["spec"].get("replicas", 1)
        for document in objects
        if document["kind"] in ("Deployment", "StatefulSet")
    }


def _height(band: _Band) -> int:
    rows = -(-len(band.boxes) // band.columns)
    return rows * _BOX + (rows - 1) * _GAP + 2 * _PAD


def _band(band: _Band, y: int, replicas: Mapping[str, int]) -> Iterator[str]:
    height, right = _height(band), _WIDTH - _MARGIN
    yield '<g class="data">' if band.holds_data else "<g>"
    yield f'<rect class="band" x="{_MARGIN}" y="{y}" width="{right - _MARGIN}" height="{height}" rx="6"/>'
    yield f'<text class="title" x="{_MARGIN + _PAD}" y="{y + height // 2 + 5}">{band.title}</text>'
    width = (right - _PAD - _LEFT - (band.columns - 1) * _GAP) / band.columns
    for number, (name, what) in enumerate(band.boxes):
        row, column = divmod(number, band.columns)
        x, top = _LEFT + column * (width + _GAP), y + _PAD + row * (_BOX + _GAP)
        count = f" \N{MULTIPLICATION SIGN}{replicas[name]}" if name in replicas else ""
        yield f'<rect class="box" x="{x:g}" y="{top}" width="{width:g}" height="{_BOX}" rx="4"/>'
        middle = f'x="{x + width / 2:g}" text-anchor="middle"'
        yield f'<text class="name" {middle} y="{top + 21}">{escape(name)}{count}</text>'
        yield f'<text class="what" {middle} y="{top + 39}">{escape(what)}</text>'
    yield "</g>"


def _arrow(y: int) -> Iterator[str]:
    x = (_LEFT + _WIDTH - _MARGIN - _PAD) / 2
    yield f'<path class="arrow" d="M{x:g} {y + 2} V{y + _BETWEEN - 8}"/>'
    yield f'<path class="head" d="M{x - 5:g} {y + _BETWEEN - 9} h10 l-5 8 z"/>'

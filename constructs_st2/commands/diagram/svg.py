"""The picture as SVG text."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from constructs_st2.commands.diagram.layout import (
    LEADING,
    LINE,
    NOTE,
    PADDING,
    TITLE,
    Box,
    Layout,
    PlacedExchange,
    PlacedRail,
    Vertical,
)
from constructs_st2.commands.diagram.parts import Cell, Parts, ports_in_words
from constructs_st2.parts.flows import End, Flow, Place

_LIGHT = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#cf222e", "#0a7c86", "#7d6a00")
_DARK = ("#58a6ff", "#f0883e", "#3fb950", "#bc8cff", "#ff7b72", "#39c5cf", "#d29922")
"""Colours of rails, which only help the eye: every rail has a name."""

_STYLE = """\
text {{ font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; fill: {text}; }}
.page {{ fill: {page}; }}
.cell, .bar {{ fill: {cell}; stroke: {border}; }}
.bar {{ stroke-dasharray: 5 3; }}
.title, .note {{ fill: {muted}; }}
.line {{ fill: none; stroke-width: 1.5; }}
.outside.line {{ stroke: {muted}; }}
.outside.end {{ fill: {muted}; }}"""
_THEMES = (
    (_LIGHT, {"page": "#ffffff", "cell": "#f6f8fa", "border": "#8c959f", "text": "#1f2328", "muted": "#59636e"}),
    (_DARK, {"page": "#0d1117", "cell": "#161b22", "border": "#6e7681", "text": "#e6edf3", "muted": "#9198a1"}),
)
_ARROW, _HALF = 7, 3.5


def drawing(parts: Parts, layout: Layout) -> str:
    """The whole picture."""
    width, height = _number(layout.width), _number(layout.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description"'
        f' width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<title id="title">{escape(f"StackStorm: {parts.name}")}</title>',
        f'<desc id="description">{escape(_description(parts))}</desc>',
        f"<style>\n{_style()}\n</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        *(line for number, rail in enumerate(layout.rails) for line in _rail(rail, number, layout)),
        *(line for exchange in layout.exchanges for line in _exchange(exchange)),
        *(_bar(layout.bar) if layout.bar else ()),
        *(line for exchange in layout.exchanges for line in _text_of(exchange)),
        *(line for cell, box in layout.cells.items() for line in _cell(cell, box)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _description(parts: Parts) -> str:
    """The table of flows as text."""
    servers: dict[End, dict[End, list[Flow]]] = {}
    for flow in parts.flows:
        servers.setdefault(flow.client, {}).setdefault(flow.server, []).append(flow)
    return " ".join(
        f"{_name(client)} connects to "
        f"{', '.join(f'{_name(server)} ({ports_in_words(some)})' for server, some in of_client.items())}."
        for client, of_client in servers.items()
    )


def _name(end: End) -> str:
    return end.value if isinstance(end, Place) else end


def _style() -> str:
    light, dark = (
        "\n".join(
            [
                _STYLE.format(**theme),
                *(f".r{number}.line {{ stroke: {colour}; }}" for number, colour in enumerate(colours)),
                *(f".r{number}.end, .r{number}.label {{ fill: {colour}; }}" for number, colour in enumerate(colours)),
            ]
        )
        for colours, theme in _THEMES
    )
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


def _rail(placed: PlacedRail, number: int, layout: Layout) -> Iterator[str]:
    colour = f"r{number % len(_LIGHT)}"
    y = _number(placed.y)
    server = placed.rail.label
    yield _group(server)
    yield f'<path class="{colour} line" d="M{_number(layout.left)} {y}H{_number(placed.end)}"/>'
    yield from _arrow(placed.server, colour)
    yield _text(server, layout.left - PADDING, placed.y + LINE / 3, LINE, f"{colour} label", anchor="end")
    yield "</g>"
    for link, line in zip(placed.rail.links, placed.clients, strict=True):
        yield _group(f"{', '.join(link.client.names)} → {', '.join(placed.rail.server.names)} {link.ports}")
        yield f'<path class="{colour} line" d="M{_number(line.x)} {_number(line.end)}V{y}"/>'
        yield f'<circle class="{colour} end" cx="{_number(line.x)}" cy="{y}" r="3"/></g>'


def _arrow(line: Vertical, colour: str) -> Iterator[str]:
    x, end = line.x, line.end
    back = end - _ARROW if end > line.start else end + _ARROW
    yield f'<path class="{colour} line" d="M{_number(x)} {_number(line.start)}V{_number(back)}"/>'
    yield (
        f'<path class="{colour} end" d="M{_number(x)} {_number(end)}'
        f'L{_number(x - _HALF)} {_number(back)}H{_number(x + _HALF)}Z"/>'
    )


def _exchange(placed: PlacedExchange) -> Iterator[str]:
    exchange = placed.exchange
    names, outside = ", ".join(exchange.cell.names), f"{exchange.what} {exchange.ports}"
    ends = (f"outside: {outside}", names) if exchange.incoming else (names, f"outside: {outside}")
    yield _group(" → ".join(ends))
    yield from _arrow(placed.line, "outside")
    yield "</g>"


def _bar(box: Box) -> Iterator[str]:
    yield _rectangle(box, "bar")
    yield _text("Outside", box.x - PADDING, box.y + box.height / 2 + LINE / 3, LINE, "title", anchor="end")


def _text_of(placed: PlacedExchange) -> Iterator[str]:
    for number, text in enumerate((placed.exchange.what, placed.exchange.ports)):
        y = placed.text_y + number * NOTE * LEADING + NOTE
        yield _text(text, placed.text_x, y, NOTE, "note" if number else "what", anchor="middle")


def _cell(cell: Cell, box: Box) -> Iterator[str]:
    yield _group(f"{cell.title}: {', '.join(cell.names)}")
    yield _rectangle(box, "cell")
    y = box.y + PADDING
    texts = [
        (cell.title, TITLE, "title"),
        *((line, LINE, "name") for line in cell.lines),
        *((note, NOTE, "note") for note in cell.notes),
    ]
    for text, size, kind in texts:
        yield _text(text, box.middle, y + size, size, kind, anchor="middle")
        y += size * LEADING
    yield "</g>"


def _group(title: str) -> str:
    """Begins a group, of which browsers show the title under the pointer."""
    return f"<g><title>{escape(title)}</title>"


def _rectangle(box: Box, kind: str) -> str:
    x, y, width, height = map(_number, box)
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="5"/>'


def _text(text: str, x: float, y: float, size: float, kind: str, *, anchor: str) -> str:
    return (
        f'<text class="{kind}" x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}"'
        f' text-anchor="{anchor}">{escape(text)}</text>'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

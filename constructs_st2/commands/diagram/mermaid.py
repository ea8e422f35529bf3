"""The picture as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html), for pages that draw these."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.commands.diagram.parts import Band, Cell, Parts

_BANDS: tuple[Band, ...] = ("front", "middle", "back")


def flowchart(parts: Parts) -> str:
    """The cells of a cluster and who connects to whom, with the same words as the picture."""
    return "\n".join(["flowchart TB", *_lines(parts)]) + "\n"


def _lines(parts: Parts) -> Iterator[str]:
    names = {cell: f"c{number}" for number, cell in enumerate(cell for band in _BANDS for cell in parts.band(band))}
    for cell, name in names.items():
        yield f'    {name}["{_text(cell)}"]'
    yield '    outside(["Outside"])'
    for rail in parts.rails:
        for link in rail.links:
            yield f'    {names[link.client]} -->|"{_escaped(link.ports)}"| {names[rail.server]}'
    for exchange in parts.exchanges:
        ends = ("outside", names[exchange.cell])
        first, second = ends if exchange.incoming else reversed(ends)
        yield f'    {first} -.->|"{_escaped(f"{exchange.what} {exchange.ports}")}"| {second}'


def _text(cell: Cell) -> str:
    return "<br/>".join([f"<b>{_escaped(cell.title)}</b>", *map(_escaped, (*cell.lines, *cell.notes))])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")

"""Where everything goes: rows of cells, with a horizontal rail for each server between them.

A client's line goes straight up or down to the rail of the server, a line with an arrow from there to the server. Texts
stand in cells, in the bar at the top and left of the rails, where no line comes: nothing can overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from constructs_st2.commands.diagram.parts import Cell, Exchange, Parts, Rail

TITLE, LINE, NOTE = 10, 12, 10
"""Sizes of texts, in pixels."""
LEADING = 1.45
"""Height of a line of text, as a part of its size."""
MARGIN = 12
PADDING = 9

_EM = 0.6
"""Width of a character as a part of its size, at most, on average over a name."""
_GAP = 14
_PITCH = 18
_CLEAR = 16
_APART = 7
"""Pixels between two vertical lines, at least."""


class Box(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower side."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Half its width."""
        return self.x + self.width / 2


class Vertical(NamedTuple):
    """A straight line up or down, to where the arrow is if there is one."""

    x: float
    start: float
    end: float


@dataclass(frozen=True)
class PlacedRail:
    """A rail, its height, its right end, and the lines that meet there: that of the server, and those of clients."""

    rail: Rail
    y: float
    end: float
    server: Vertical
    clients: tuple[Vertical, ...]


@dataclass(frozen=True)
class PlacedExchange:
    """A line between a cell and the bar at the top, and where its text stands."""

    exchange: Exchange
    line: Vertical
    text_x: float
    text_y: float


@dataclass(frozen=True)
class Layout:
    """Everything in its place."""

    width: float
    height: float
    bar: Box | None
    left: float
    cells: Mapping[Cell, Box]
    rails: tuple[PlacedRail, ...]
    exchanges: tuple[PlacedExchange, ...]


def text_width(text: str, size: float) -> float:
    """How wide a text is, rather more than less: which font there is, is not known."""
    return len(text) * size * _EM


def layout(parts: Parts) -> Layout:
    """Put the parts in their places."""
    grid = _grid(parts)
    wanted = _wanted(parts, grid.boxes)
    above, below = _Taken(), _Taken()
    # First: lines take their places in the order in which they are placed.
    exchanges = tuple(_exchanges(parts, grid, wanted, above))
    rails = [
        *_placed_rails(_upper(parts), grid.upper_rails, grid.boxes, wanted, above),
        *_placed_rails(_lower(parts), grid.lower_rails, grid.boxes, wanted, below),
    ]
    return Layout(
        width=grid.right + PADDING + MARGIN,
        height=grid.bottom + MARGIN,
        bar=grid.bar,
        left=grid.left,
        cells=grid.boxes,
        rails=tuple(rails),
        exchanges=exchanges,
    )


def _upper(parts: Parts) -> list[Rail]:
    """The rails between the first row and the middle one."""
    return [rail for rail in parts.rails if rail.server.band != "back"]


def _lower(parts: Parts) -> list[Rail]:
    """Those between the middle row and the last one."""
    return [rail for rail in parts.rails if rail.server.band == "back"]


@dataclass(frozen=True)
class _Grid:
    """Where the cells are, and where the rails between their rows begin."""

    columns: Sequence[Sequence[Cell]]
    spans: Mapping[Cell, tuple[float, float]]
    boxes: Mapping[Cell, Box]
    bar: Box | None
    left: float
    right: float
    upper_rails: float
    lower_rails: float
    bottom: float


def _grid(parts: Parts) -> _Grid:
    columns, back = _columns(parts), parts.band("back")
    left = MARGIN + max((text_width(rail.label, LINE) for rail in parts.rails), default=0) + PADDING
    spans = _spans(columns, parts, left)
    right = max((x + width for x, width in spans.values()), default=left)
    right = max(right, left + sum(_size(cell)[0] + _GAP for cell in back))
    y: float = MARGIN
    bar = None
    if parts.exchanges:
        bar = Box(left - PADDING, y, right - left + 2 * PADDING, _bar_height(parts, columns))
        y = bar.bottom + 2 * _CLEAR
    boxes: dict[Cell, Box] = {}
    upper = _place_row(parts.band("front"), spans, y, boxes) + _CLEAR
    middle = upper + len(_upper(parts)) * _PITCH + _CLEAR
    lower = _place_row(parts.band("middle"), spans, middle, boxes) + _CLEAR
    last = lower + len(_lower(parts)) * _PITCH + _CLEAR
    _place_back(back, left, right, last, boxes)
    bottom = max((box.bottom for box in boxes.values()), default=last)
    return _Grid(columns, spans, boxes, bar, left, right, upper, lower, bottom)


def _size(cell: Cell) -> tuple[float, float]:
    texts = [(cell.title, TITLE), *((line, LINE) for line in cell.lines), *((note, NOTE) for note in cell.notes)]
    width = max(text_width(text, size) for text, size in texts) + 2 * PADDING
    height = sum(size * LEADING for _, size in texts) + 2 * PADDING
    return width, height


def _columns(parts: Parts) -> list[list[Cell]]:
    """Columns of cells: one for each cell of the middle row, and above it one of the front row.

    A column whose lower cell has to do with the outside has no upper one, which would be in the way of the line.
    """
    columns = [[cell] for cell in parts.band("middle")]
    outgoing = {exchange.cell for exchange in parts.exchanges}
    free = [column for column in columns if outgoing.isdisjoint(column)]
    for number, cell in enumerate(parts.band("front")):
        if number < len(free):
            free[number].append(cell)
        else:
            columns.append([cell])
    return columns


def _spans(columns: Sequence[Sequence[Cell]], parts: Parts, left: float) -> dict[Cell, tuple[float, float]]:
    """Where each cell begins, and how wide its column is."""
    spans = {}
    x = left
    for column in columns:
        labels = [text_width(text, NOTE) for text in _labels(column, parts)]
        lines = max(_verticals(cell, parts) for cell in column)
        width = max(*(_size(cell)[0] for cell in column), *labels, (lines + 1) * _APART * 2)
        for cell in column:
            spans[cell] = (x, width)
        x += width + _GAP
    return spans


def _verticals(cell: Cell, parts: Parts) -> int:
    """The lines that can meet one side of a cell, at most."""
    of_rails = sum(rail.server is cell or any(link.client is cell for link in rail.links) for rail in parts.rails)
    return of_rails + sum(exchange.cell is cell for exchange in parts.exchanges)


def _labels(column: Iterable[Cell], parts: Parts) -> list[str]:
    """The texts in the bar above a column."""
    cells = list(column)
    found = [exchange for exchange in parts.exchanges if exchange.cell in cells]
    return [text for exchange in found for text in (exchange.what, exchange.ports)]


def _bar_height(parts: Parts, columns: Iterable[Sequence[Cell]]) -> float:
    lines = max(len(_labels(column, parts)) for column in columns)
    return lines * NOTE * LEADING + 2 * PADDING


def _place_row(
    cells: Iterable[Cell], spans: Mapping[Cell, tuple[float, float]], y: float, boxes: dict[Cell, Box]
) -> float:
    """Place a row, and return where it ends."""
    bottom = y
    for cell in cells:
        x, width = spans[cell]
        boxes[cell] = Box(x, y, width, _size(cell)[1])
        bottom = max(bottom, boxes[cell].bottom)
    return bottom


def _place_back(cells: Sequence[Cell], left: float, right: float, y: float, boxes: dict[Cell, Box]) -> None:
    """The last row has the whole width for itself."""
    share = (right - left) / max(len(cells), 1)
    for number, cell in enumerate(cells):
        width, height = _size(cell)
        boxes[cell] = Box(left + share * (number + 0.5) - width / 2, y, width, height)


class _Side(NamedTuple):
    """The upper or lower side of a cell."""

    cell: Cell
    above: bool


def _wanted(parts: Parts, boxes: Mapping[Cell, Box]) -> dict[tuple[_Side, object], float]:
    """Where lines meet the sides of cells if nothing is in the way: evenly spread over each side."""
    order: dict[_Side, list[object]] = {}
    for rail in (*_upper(parts), *_lower(parts)):
        for cell in (rail.server, *(link.client for link in rail.links)):
            order.setdefault(_Side(cell, _is_above(rail, cell)), []).append(rail)
    for exchange in parts.exchanges:
        order.setdefault(_Side(exchange.cell, True), []).append(exchange)
    return {
        (side, each): boxes[side.cell].x + boxes[side.cell].width * (number + 1) / (len(lines) + 1)
        for side, lines in order.items()
        for number, each in enumerate(lines)
    }


def _is_above(rail: Rail, cell: Cell) -> bool:
    """Whether a rail is above a cell which it meets."""
    return cell.band == "back" or (cell.band == "middle" and rail.server.band != "back")


class _Taken:
    """Where vertical lines are already."""

    def __init__(self) -> None:
        self._places: list[float] = []

    def nearest(self, wanted: float, box: Box) -> float:
        """A free place as near as possible to the wanted one, within a cell's width."""
        candidates = sorted(
            (place for step in range(int(box.width)) if box.x + 3 < (place := box.x + step) < box.right - 3),
            key=lambda place: (abs(place - wanted), place),
        )
        free = (place for place in candidates if all(abs(place - other) >= _APART for other in self._places))
        place = next(free, wanted)
        self._places.append(place)
        return place


def _placed_rails(
    rails: Iterable[Rail],
    top: float,
    boxes: Mapping[Cell, Box],
    wanted: Mapping[tuple[_Side, object], float],
    taken: _Taken,
) -> Iterator[PlacedRail]:
    for number, rail in enumerate(rails):
        yield _placed(rail, top + _PITCH * (number + 0.5), boxes, wanted, taken)


def _placed(
    rail: Rail,
    y: float,
    boxes: Mapping[Cell, Box],
    wanted: Mapping[tuple[_Side, object], float],
    taken: _Taken,
) -> PlacedRail:
    def vertical(cell: Cell) -> Vertical:
        above = _is_above(rail, cell)
        box = boxes[cell]
        x = taken.nearest(wanted[_Side(cell, above), rail], box)
        return Vertical(x, y, box.y if above else box.bottom)

    server = vertical(rail.server)
    clients = tuple(vertical(link.client) for link in rail.links)
    return PlacedRail(rail, y, max(line.x for line in (server, *clients)), server, clients)


def _exchanges(
    parts: Parts, grid: _Grid, wanted: Mapping[tuple[_Side, object], float], taken: _Taken
) -> Iterator[PlacedExchange]:
    if grid.bar is None:
        return
    for column in grid.columns:
        of_column = [exchange for exchange in parts.exchanges if exchange.cell in column]
        for number, exchange in enumerate(of_column):
            box = grid.boxes[exchange.cell]
            x = taken.nearest(wanted[_Side(exchange.cell, True), exchange], box)
            ends = (grid.bar.bottom, box.y) if exchange.incoming else (box.y, grid.bar.bottom)
            start, width = grid.spans[exchange.cell]
            half = max(text_width(text, NOTE) for text in (exchange.what, exchange.ports)) / 2
            text_x = min(max(x, start + half), start + width - half)
            y = grid.bar.y + PADDING + number * 2 * NOTE * LEADING
            yield PlacedExchange(exchange, Vertical(x, *ends), text_x, y)

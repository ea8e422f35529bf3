"""Commands in a terminal, and a picture of it in which the lines appear one after the other."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

COLUMNS = 114
_SGR = re.compile(r"\x1b\[([\d;]*)m")
_OTHER = re.compile(r"\x1b\[[\d;?]*[A-Za-ln-z]|\r")

_SIZE, _LEADING, _CHARACTER, _MARGIN, _BAR = 13, 18, 7.83, 16, 30
_STYLE = """\
text { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
text { fill: #d4d7dd; white-space: pre; }
.window { fill: #161b22; stroke: #30363d; }
.command { font-weight: 600; fill: #ffffff; }
.left-out { fill: #8b949e; font-style: italic; }
.bold { font-weight: 600; }
.c31 { fill: #ff7b72; } .c32 { fill: #7ee787; } .c33 { fill: #e3b341; } .c34 { fill: #79c0ff; }
.c35 { fill: #d2a8ff; } .c36 { fill: #76e3ea; }
@media (prefers-reduced-motion: no-preference) {
text { animation: appear 0s step-end both; }
@keyframes appear { from { visibility: hidden; } to { visibility: visible; } }
}"""
_CLASSES = {"1": "bold", **{str(number): f"c{number}" for number in range(31, 37)}}
_PLAIN = {"", "0"}
_TYPING, _READING, _LINE = 0.04, 1.5, 0.03
"""Seconds: for a character that is typed, between commands, and for a line that is printed."""


@dataclass(frozen=True)
class Shown:
    """A command, what it has printed, and how long it took."""

    command: str
    lines: tuple[str, ...]
    seconds: float


def run(command: str, folder: Path, environment: Mapping[str, str]) -> Shown:
    """Run a command in a terminal of its own."""
    ours, theirs = pty.openpty()
    size = {"COLUMNS": str(COLUMNS), "LINES": "50", "TERM": "xterm-256color"}
    begin = time.monotonic()
    with subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env={**environment, **size},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    ) as process:
        os.close(theirs)
        output = b"".join(_chunks(ours))
    os.close(ours)
    if process.returncode not in (0, 2):
        raise RuntimeError(f"{command} has ended with status {process.returncode}: {output.decode()}")
    lines = _OTHER.sub("", output.decode()).rstrip("\n").split("\n")
    return Shown(command, tuple(lines), time.monotonic() - begin)


def _chunks(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # So Linux tells that nobody has the other end any more.
            return
        if not chunk:
            return
        yield chunk


def shortened(shown: Shown, first: int, last: int) -> Shown:
    """With the first and last lines only; how many are left out is said in their place."""
    left_out = len(shown.lines) - first - last
    if left_out < 2:
        return shown
    lines = (*shown.lines[:first], f"… {left_out} more lines", *shown.lines[len(shown.lines) - last :])
    return Shown(shown.command, lines, shown.seconds)


def picture(session: Sequence[Shown], title: str) -> str:
    """A session as SVG. Where nothing may move, all lines are there from the beginning."""
    rows: list[str] = []
    y, now = _BAR + _MARGIN + _SIZE, 0.5
    for number, shown in enumerate(session):
        if number:
            y, now = y + _LEADING, now + _READING
        for prompt, part in _typed(shown.command):
            content = f'<tspan class="c32">{prompt}</tspan><tspan class="command">{escape(part)}</tspan>'
            rows.append(_row(y, now, content))
            y, now = y + _LEADING, now + len(part) * _TYPING
        y, now = y - _LEADING, now + min(shown.seconds, 2)
        for line in shown.lines:
            y, now = y + _LEADING, now + _LINE
            rows.append(_row(y, now, _coloured(line)))
        y += _LEADING
    width = round(COLUMNS * _CHARACTER) + 2 * _MARGIN
    commands = "; ".join(shown.command for shown in session)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description"'
            f' width="{width}" height="{y}" viewBox="0 0 {width} {y}">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(commands)}</desc>',
            f"<style>\n{_STYLE}\n</style>",
            f'<rect class="window" x="0.5" y="0.5" width="{width - 1}" height="{y - 1}" rx="8"/>',
            *(
                f'<circle cx="{20 + 18 * place}" cy="{_BAR / 2 + 3:g}" r="5.5" fill="{colour}"/>'
                for place, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
            ),
            *rows,
            "</svg>\n",
        ]
    )


def _typed(command: str) -> Iterator[tuple[str, str]]:
    """The lines of a command, each with its prompt."""
    lines = textwrap.wrap(command, COLUMNS - 4, break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines):
        yield ("> " if number else "$ "), line + (" \\" if number + 1 < len(lines) else "")


def _row(y: int, seconds: float, content: str) -> str:
    return f'<text x="{_MARGIN}" y="{y}" style="animation-delay: {seconds:.2f}s">{content}</text>'


def _coloured(line: str) -> str:
    """A line with its colours; what is too long is cut off."""
    if line.startswith("…"):
        return f'<tspan class="left-out">{escape(line)}</tspan>'
    parts: list[str] = []
    classes: list[str] = []
    room = COLUMNS
    for text, code in _runs(line):
        if text and room > 0:
            cut = escape(text[:room])
            parts.append(f'<tspan class="{" ".join(classes)}">{cut}</tspan>' if classes else cut)
            room -= len(text)
        if code is not None:
            numbers = code.split(";")
            known = [_CLASSES[number] for number in numbers if number in _CLASSES]
            classes = known if set(numbers) & _PLAIN else [*classes, *known]
    return "".join(parts)


def _runs(line: str) -> Iterator[tuple[str, str | None]]:
    """The texts of a line, each with the escape code behind it."""
    place = 0
    for match in _SGR.finditer(line):
        yield line[place : match.start()], match[1]
        place = match.end()
    yield line[place:], None

"""Rows of text for a terminal: a subject, what is said of it, and the commands that follow."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

_WIDEST = 140


def has_colours() -> bool:
    """Whether the standard output shows colours, and nobody has asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def terminal_width() -> int:
    """How wide lines may be."""
    return min(shutil.get_terminal_size((120, 24)).columns, _WIDEST)


def row(subject: str, text: str, steps: Sequence[str], *, subjects: int, columns: int) -> Iterator[str]:
    """The lines of a row.

    Args:
        subject: what it is about.
        text: what is said of it.
        steps: commands, which stay in one line each, to be copied.
        subjects: the width of subjects. A longer one has a line of its own.
        columns: the width of a line.
    """
    indent = " " * (subjects + 4)
    if len(subject) > subjects:
        yield f"  {subject}"
    yield from textwrap.wrap(
        text,
        columns,
        initial_indent=indent if len(subject) > subjects else f"  {subject:{subjects}}  ",
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    numbered = len(steps) > 1
    for number, step in enumerate(steps, start=1):
        yield f"{indent}{f'{number}. ' if numbered else ''}{step}"

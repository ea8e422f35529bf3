"""Commands whose output need not be read to its end: `… | head` is no failure, and nothing to complain about."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click


class Command(click.Command):
    """A program without commands."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read the arguments, and print the help."""
        with until_nobody_reads():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with until_nobody_reads():
            return super().invoke(ctx)


class Program(click.Group):
    """A program with commands."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read the arguments, and print the help."""
        with until_nobody_reads():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with until_nobody_reads():
            return super().invoke(ctx)


@contextmanager
def until_nobody_reads(status: int = 0) -> Iterator[None]:
    """End the program quietly when nobody reads its output any more.

    Args:
        status: its exit status then.
    """
    try:
        yield
    except BrokenPipeError:
        closed = [stream for stream in (sys.stdout, sys.stderr) if _is_closed(stream)]
        # It could also be the pipe to Node.js.
        if not closed:
            raise
        for stream in closed:
            # Else Python complains when it writes the rest at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.exit(status)


def _is_closed(stream: TextIO) -> bool:
    output = select.poll()
    output.register(stream.fileno(), select.POLLOUT)
    return any(event & select.POLLERR for _, event in output.poll(0))

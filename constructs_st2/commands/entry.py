"""The program `constructs-st2`. Nothing is imported before an interrupt ends it without a traceback."""

from __future__ import annotations

from constructs_st2.commands.program import end_at_once, open_streams, run_and_leave


def main() -> None:
    """The program `constructs-st2`."""
    end_at_once()
    open_streams()
    from constructs_st2 import interrupts

    interrupts.prepare()
    from constructs_st2.commands.cli import cli

    run_and_leave(cli)

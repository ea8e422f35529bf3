"""The program `constructs-st2`. Nothing is imported before signals are caught."""

from __future__ import annotations

from constructs_st2 import interrupts
from constructs_st2.commands.program import run_and_leave


def main() -> None:
    """The program `constructs-st2`."""
    interrupts.prepare()
    from constructs_st2.commands.cli import cli

    run_and_leave(cli)

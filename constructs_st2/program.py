"""What surrounds the work of every program of this package: interrupts, arguments, and errors in one line each.

Little is imported before signals are caught, so that an interrupt ends the program at any time without a traceback.
"""

from __future__ import annotations

from constructs_st2 import interrupts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs_st2.options import Arguments
    from constructs_st2.stackstorm import StackStorm


def program(make: Callable[[Arguments], StackStorm]) -> Callable[[], None]:
    """Make a program of a function that is told of the command line, and writes a cluster.

    The program has the options of ``constructs-st2 synth``. At its end it prints a summary of the cluster that the
    function returns.
    """

    def main() -> None:
        interrupts.prepare()
        from constructs_st2.cli import run
        from constructs_st2.options import synth_command

        run(synth_command(make))

    return main


def main() -> None:
    """The program `constructs-st2`."""
    interrupts.prepare()
    from constructs_st2.cli import main

    main()

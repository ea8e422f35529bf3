"""What surrounds the work of every program of this package: interrupts, arguments, and errors in one line each.

Nothing is imported before an interrupt ends the program without a traceback, and little before signals are caught.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn

    from click import Command

    from constructs_st2.commands.synth import Arguments
    from constructs_st2.construct.stackstorm import StackStorm


def program(make: Callable[[Arguments], StackStorm]) -> Callable[[], None]:
    """Make a program of a function that is told of the command line, and writes a cluster.

    The program has the options of ``constructs-st2 synth``. At its end it prints the warnings of all clusters of the
    app, what was written, and the first steps with the cluster that the function returns.
    """
    if make.__module__ == "__main__":
        end_at_once()

    def main() -> None:
        end_at_once()
        open_streams()
        from constructs_st2 import interrupts

        interrupts.prepare()
        from constructs_st2.commands.synth import synth_command

        run_and_leave(synth_command(make))

    return main


def end_at_once() -> None:
    """Let an interrupt end the program as it ends any other, while there is nothing to tidy up: Python would print
    where it was.
    """
    # What the module signal is made of. That one imports others first, which takes as long as Python's own start.
    import _signal  # type: ignore[import-not-found, unused-ignore]

    if _signal.getsignal(_signal.SIGINT) is not _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def run(command: Command) -> None:
    """Run a command; what the user can put right is printed without a traceback, with exit status 1."""
    import errno
    import gc
    import os

    from constructs_st2.errors import UserError

    # Looking for garbage takes a tenth of the time of a program that ends before there is any; looking for plugins of
    # pydantic, a fiftieth.
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        command.main(standalone_mode=True)
    except UserError as error:
        _fail(error.problems)
    except OSError as error:
        # What can go wrong wherever something is written, and is no fault of the program.
        full, refused = {errno.ENOSPC, errno.EDQUOT}, {errno.EROFS, errno.EACCES, errno.EPERM}
        no_place = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}
        if error.errno not in full | refused | no_place:
            raise
        _fail([f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)])


def open_streams() -> None:
    """Let what is written to a closed stream be lost, as it is with any other program: Python has None in its place,
    and the next file that is opened would take its number.
    """
    import os
    import sys

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - it stays open, and pathlib costs time


def run_and_leave(command: Command) -> NoReturn:
    """Run a command, and end the program."""
    from constructs_st2 import interrupts

    try:
        run(command)
    except SystemExit as end:
        interrupts.leave(end.code if isinstance(end.code, int) else int(end.code is not None))
    interrupts.leave(0)


def _fail(problems: Iterable[str]) -> NoReturn:
    import sys

    from constructs_st2.commands.pipes import until_nobody_reads

    with until_nobody_reads(1):
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
    sys.exit(1)

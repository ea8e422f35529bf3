"""Ending at once when a signal says so, without a traceback, and leaving nothing behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_scratch: set[str] = set()
_holding = 0
_waiting: list[int] = []


def prepare() -> None:
    """Let the signals that ask a program to end do it at once. For programs, not for libraries.

    Temporary files go to a folder of this process and of those that it starts: Node.js leaves its own behind when it
    is ended.
    """
    for number in SIGNALS:
        signal.signal(number, _end)
    import atexit
    import tempfile

    # Where there is no place for a folder, whoever needs one says so.
    with suppress(OSError), held():
        folder = tempfile.mkdtemp(prefix="constructs-st2-")
        _scratch.add(folder)
        # Registered before Node.js starts, so it happens after Node.js has ended.
        atexit.register(_remove, folder)
        tempfile.tempdir = os.environ["TMPDIR"] = folder


@contextmanager
def held() -> Iterator[None]:
    """Do something as a whole: a signal waits for the end of the block."""
    global _holding
    _holding += 1
    try:
        yield
    finally:
        _holding -= 1
        if _waiting and not _holding:
            _end(_waiting[0], None)


@contextmanager
def scratch_folder(prefix: str, parent: str | None = None) -> Iterator[str]:
    """A new folder that goes away with the block, or with the program."""
    import tempfile

    with held():
        folder = tempfile.mkdtemp(prefix=prefix, dir=parent)
        _scratch.add(folder)
    try:
        yield folder
    finally:
        with held():
            _remove(folder)
            _scratch.discard(folder)


def leave(status: int) -> NoReturn:
    """End the program. Python itself would first take apart all that it has loaded: a tenth of the time of a synth."""
    import atexit
    import sys

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


def _end(number: int, _: FrameType | None) -> None:
    if _holding:
        _waiting.append(number)
        return
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    # Node.js first: it writes to the folder for temporary files.
    _kill(_descendants(os.getpid()))
    for folder in _scratch:
        _remove(folder)
    # The shell learns by what the program was ended.
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _descendants(process: int) -> list[int]:
    """The processes that one has started, and so on. Known on Linux; elsewhere Node.js ends when its input does."""
    found: list[int] = []
    # No pathlib: nothing may be imported here, because a signal may come in the midst of an import.
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208
            with open(f"/proc/{process}/task/{thread}/children", encoding="ascii") as children:  # noqa: PTH123
                found += map(int, children.read().split())
    return found + [further for child in found for further in _descendants(child)]


def _kill(processes: list[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for process in processes:
        with suppress(ChildProcessError):
            os.waitpid(process, 0)


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)

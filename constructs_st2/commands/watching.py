"""`synth --watch`: write again whenever a file changes, and tell what an apply would do then."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from constructs_st2.changes import states
from constructs_st2.changes.plan import plan_of
from constructs_st2.changes.states import Files
from constructs_st2.commands.plan.text import terminal
from constructs_st2.commands.rows import has_colours

_SECONDS = 0.3
_LEFT_OUT = frozenset({"__pycache__", "node_modules"})

Stamps = Mapping[str, tuple[int, int]]
"""When files were changed, and their sizes."""


def watch(files: Sequence[Path], output: Path) -> NoReturn:
    """Run this program again, without ``--watch``, whenever a file near the values or the program changes.

    What is told each time is the plan to go on from what the folder held at the beginning.
    """
    command = [sys.executable, *(word for word in sys.orig_argv[1:] if word != "--watch"), "--quiet"]
    near = {Path.cwd(), *(file.absolute().parent for file in files)}
    before = states.files_of_folder(output)
    seen: Stamps | None = None
    while True:
        found = stamps(near, output.absolute())
        if found != seen:
            # What changes while it is written is seen the next time.
            seen = found
            _write(command, before, output)
        time.sleep(_SECONDS)


def stamps(folders: Iterable[Path], output: Path) -> Stamps:
    """When the files in some folders were changed: not what is hidden, and not what a synth writes."""
    found = {}
    for entry in (entry for folder in folders for entry in _in(folder, output)):
        # An editor may take away what was there a moment ago.
        with suppress(FileNotFoundError):
            found[entry.path] = (entry.stat().st_mtime_ns, entry.stat().st_size)
    return found


def _in(folder: Path | str, output: Path) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _LEFT_OUT or Path(entry.path) == output:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _in(entry.path, output)
            elif entry.is_file():
                yield entry


def _write(command: Sequence[str], before: Files, output: Path) -> None:
    click.secho(time.strftime("%H:%M:%S"), bold=True)
    # It tells itself what is wrong.
    if subprocess.run(command, check=False).returncode:
        return
    old, new = states.concerned(before, states.files_of_folder(output))
    plan = plan_of(states.documents(old), states.documents(new), folder=str(output))
    colours = has_colours()
    click.echo(terminal(plan, "what was there", colours=colours), color=colours)

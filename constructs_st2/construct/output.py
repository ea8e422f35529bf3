"""Writing the folder of manifests as a whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from constructs_st2.errors import UserError
from constructs_st2.interrupts import held, scratch_folder

MANIFEST_SUFFIX = ".k8s.yaml"
ACCEPT_VARIABLE = "ST2_ACCEPT"
"""The environment variable with the names of refused steps that are to be taken all the same."""


@contextlib.contextmanager
def replacing(destination: Path) -> Iterator[Path]:
    """Give a new folder to write to; when the block ends well, it takes the place of ``destination``.

    When the block fails, ``destination`` stays as it was. Files of an earlier run never stay behind.

    Raises:
        UserError: the folder cannot be written, or holds files that are not manifests and would be lost.
    """
    _refuse_foreign(destination)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(f".{destination.name}-", str(destination.parent)) as folder:
            # A folder in the private one, because manifests are not private.
            staged = Path(folder, "new")
            staged.mkdir()
            yield staged
            with held():
                _swap(staged, destination)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(f"cannot write {destination}: {error.filename} is not a folder") from error
    except OSError as error:
        raise _cannot_write(destination, error) from error


def _swap(staged: Path, destination: Path) -> None:
    if not destination.exists():
        staged.rename(destination)
        return
    old = staged.with_name("old")
    destination.rename(old)
    try:
        staged.rename(destination)
    except OSError:
        old.rename(destination)
        raise


def _refuse_foreign(destination: Path) -> None:
    if not destination.exists():
        return
    if not destination.is_dir():
        raise UserError(f"cannot write {destination}: it is not a folder")
    try:
        foreign = sorted(entry.name for entry in destination.iterdir() if not entry.name.endswith(MANIFEST_SUFFIX))
    except OSError as error:
        raise _cannot_write(destination, error) from error
    if foreign:
        raise UserError(
            f"cannot write {destination}: it holds {foreign[0]}, which is no manifest and would be lost; "
            "choose a folder of its own for manifests"
        )


def _cannot_write(destination: Path, error: OSError) -> UserError:
    return UserError(f"cannot write {destination}: {os.strerror(error.errno) if error.errno else error}")

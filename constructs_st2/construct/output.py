"""Writing the folder of manifests as a whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from constructs_st2.errors import UserError
from constructs_st2.interrupts import held, scratch_folder

MANIFEST_SUFFIX = ".k8s.yaml"
METADATA = "construct-metadata.json"
"""What the program `cdk8s` wants to know for its validations, by the name that it has for it."""
ACCEPT_VARIABLE = "ST2_ACCEPT"
"""The environment variable with the names of refused steps that are to be taken all the same."""
_STAGED = ".constructs-st2-"
"""How the folders begin in which files are made ready within the output. One stays when a program is killed."""


@contextlib.contextmanager
def replacing(destination: Path) -> Iterator[Path]:
    """Give a new folder to write to; when the block ends well, it takes the place of ``destination``.

    When the block fails, ``destination`` stays as it was. Files of an earlier run never stay behind. A link stays, and
    what it points to is replaced.

    Raises:
        UserError: the folder cannot be written, or holds files that are not manifests and would be lost.
    """
    _refuse_foreign(destination)
    try:
        place = _itself(destination)
        stays = _has_to_stay(place)
        beside = place if stays else place.parent
        beside.mkdir(parents=True, exist_ok=True)
        with scratch_folder(_STAGED if stays else f".{place.name}-", str(beside)) as folder:
            # A folder in the private one, because manifests are not private.
            staged = Path(folder, "new")
            staged.mkdir()
            yield staged
            with held():
                (_exchange_files if stays else _swap)(staged, place)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(f"cannot write {destination}: {error.filename} is not a folder") from error
    except OSError as error:
        raise _cannot_write(destination, error) from error


def _itself(folder: Path) -> Path:
    """A folder by its own name, where it is given as a link, or as the current one."""
    return Path(os.path.realpath(folder)) if folder.is_symlink() or folder.name in ("", "..") else folder


def _has_to_stay(folder: Path) -> bool:
    """Whether a folder cannot be renamed: a volume of a container, the folder that somebody is in, one in a folder that
    only others may write."""
    return folder.is_dir() and (
        folder.is_mount() or folder.samefile(os.curdir) or not os.access(folder.parent, os.W_OK | os.X_OK)
    )


def _exchange_files(staged: Path, destination: Path) -> None:
    """Replace the files of a folder one by one, all of which have been written by now."""
    names = {each.name for each in staged.iterdir()}
    for name in names:
        (staged / name).replace(destination / name)
    for each in destination.iterdir():
        if each.name.startswith(_STAGED):
            shutil.rmtree(each, ignore_errors=True)
        elif each.name not in names and _is_ours(each.name):
            each.unlink()


def _is_ours(name: str) -> bool:
    return name.endswith(MANIFEST_SUFFIX) or name == METADATA or name.startswith(_STAGED)


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
        foreign = sorted(entry.name for entry in destination.iterdir() if not _is_ours(entry.name))
    except OSError as error:
        raise _cannot_write(destination, error) from error
    if foreign:
        raise UserError(
            f"cannot write {destination}: it holds {foreign[0]}, which is no manifest and would be lost; "
            "choose a folder of its own for manifests"
        )


def _cannot_write(destination: Path, error: OSError) -> UserError:
    return UserError(f"cannot write {destination}: {os.strerror(error.errno) if error.errno else error}")

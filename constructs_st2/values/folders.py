"""Folders that a values file names: their files become values, below what stands in the values file itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from constructs_st2.errors import UserError
from constructs_st2.values.layers import Layered
from constructs_st2.values.paths import KeyPath, dotted, get
from constructs_st2.values.yaml_source import Source, text_of

FOLDERS: Mapping[tuple[str, ...], Mapping[str, tuple[str, ...]]] = {
    ("st2", "packs", "configsFrom"): {"": ("st2", "packs", "configs")},
    ("st2", "overridesFrom"): {"": ("st2", "overrides")},
    ("st2", "rbac", "from"): {kind: ("st2", "rbac", kind) for kind in ("roles", "assignments", "mappings")},
    ("st2", "keyvalueFrom"): {"": ("st2", "keyvalueFiles")},
    ("st2", "apikeysFrom"): {"": ("st2", "apikeysFiles")},
}
"""The keys that name a folder; and for each of its parts (a folder in it, or itself) the key that its files go to."""

_ENDINGS = (".yaml", ".yml")
_MAY_BE_EMPTY = (("st2", "rbac", "assignments"),)
"""Keys in whose folders a file without content says something: it takes the place of one that is made otherwise."""


def sources_of_folders(layered: Layered) -> list[Source]:
    """One source per file of the folders that the values name, in the order of their names.

    Raises:
        UserError: a folder or a file cannot be read, or there is something that nobody would read.
    """
    problems: list[str] = []
    found: list[Source] = []
    for key, parts in FOLDERS.items():
        if isinstance(given := _given(layered, key), str):
            try:
                found += _sources(layered, key, given, parts)
            except UserError as error:
                problems += error.problems
    if problems:
        raise UserError(problems)
    return found


def _given(layered: Layered, key: KeyPath) -> object:
    try:
        return get(layered.data, key)
    except KeyError:
        return None


def _sources(layered: Layered, key: KeyPath, given: str, parts: Mapping[str, tuple[str, ...]]) -> list[Source]:
    """The sources of a folder, and of those in it."""
    # Relative to the file that names it; with --set, to the current folder.
    folder = Path(layered.position(key).name).parent / given if layered.is_file(key) else Path(given)
    where = f"{layered.where(key)}: {dotted(key)}"
    if "" in parts:
        return _with_content(where, [(path, parts[""]) for path in _files(where, folder)])
    folders = _entries(where, folder)
    misplaced = [f"{where}: {_misplaced(path, list(parts))}" for path in folders if path.name not in parts]
    if misplaced:
        raise UserError(misplaced)
    if not folders:
        raise UserError(f"{where}: {folder} has none of the folders {', '.join(parts)}")
    return _with_content(where, [(path, parts[inner.name]) for inner in folders for path in _files(where, inner)])


def _with_content(where: str, files: Sequence[tuple[Path, tuple[str, ...]]]) -> list[Source]:
    """The sources of files, by where they go to, none of which is empty for nothing."""
    problems = [
        f"{where}: {path} is empty, and would not be read; fill or remove it"
        for path, target in files
        if target not in _MAY_BE_EMPTY and path.stat().st_size == 0
    ]
    if problems:
        raise UserError(problems)
    return [_source(path, target) for path, target in files]


def _files(where: str, folder: Path) -> list[Path]:
    """The files of a folder, if there is nothing else in it."""
    paths = _entries(where, folder)
    problems = [f"{where}: {problem}" for path in paths if (problem := _unread(path))]
    if problems:
        raise UserError(problems)
    return paths


def _entries(where: str, folder: Path) -> list[Path]:
    """What is in a folder, but for hidden files and such as tell people about it."""
    try:
        if not folder.is_dir():
            raise UserError(f"{where}: there is no folder {folder}")
        paths = sorted(folder.iterdir())
    except (OSError, RuntimeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise UserError(f"{where}: {folder} cannot be read: {reason}") from None
    return [path for path in paths if not path.name.startswith(".") and path.stem.upper() != "README"]


def _unread(path: Path) -> str | None:
    """Why nobody would read what lies in a folder for files."""
    if _is(path.is_dir):
        return f"{path} is a folder, and no folder is looked into here; move its files up"
    if not _is(path.is_file):
        return f"{path} is no file that can be read: a link that leads nowhere or to itself, or something special"
    if path.suffix not in _ENDINGS:
        return f"{path} would not be read: only files that end with .yaml are; rename or remove it"
    return None


def _misplaced(path: Path, parts: list[str]) -> str:
    """What to do with what lies in a folder for folders."""
    from constructs_st2.values.problems import nearest

    near = nearest(path.name, parts)
    hint = f'; did you mean "{near}"?' if near else f"; only the folders {', '.join(parts)} are"
    return f"{path} would not be read{hint}"


def _is(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except (OSError, RuntimeError):
        # A loop of links, in some versions of Python.
        return False


def _source(path: Path, target: tuple[str, ...]) -> Source:
    name, text = str(path), text_of(path)
    place = (*target, path.name)
    data: dict[str, Any] = {path.name: text}
    for segment in reversed(target):
        data = {segment: data}
    # The text is the file, so its first line is that of the file.
    return Source(name, data, positions={place: 1}, text_lines={place: 0})

"""Folders that a values file names: their files become values, below what stands in the values file itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def sources_of_folders(layered: Layered) -> list[Source]:
    """One source per file of the folders that the values name, in the order of their names.

    Raises:
        UserError: a folder or a file cannot be read.
    """
    return [
        source
        for key, parts in FOLDERS.items()
        if isinstance(given := _given(layered, key), str)
        for part, target in parts.items()
        for source in _sources(layered, key, Path(given) / part, target, optional=bool(part))
    ]


def _given(layered: Layered, key: KeyPath) -> object:
    try:
        return get(layered.data, key)
    except KeyError:
        return None


def _sources(
    layered: Layered, key: KeyPath, folder: Path, target: tuple[str, ...], *, optional: bool
) -> Iterator[Source]:
    where = layered.where(key)
    # Relative to the file that names it; with --set, to the current folder.
    folder = Path(layered.position(key).name).parent / folder if layered.is_file(key) else folder
    if not folder.is_dir():
        if optional and folder.parent.is_dir():
            return
        raise UserError(f"{where}: {dotted(key)}: there is no folder {folder}")
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{where}: {dotted(key)}: {folder} cannot be read: {error.strerror or error}") from None
    for path in paths:
        if path.suffix in _ENDINGS and path.is_file() and not path.name.startswith("."):
            yield _source(path, target)


def _source(path: Path, target: tuple[str, ...]) -> Source:
    name, text = str(path), text_of(path)
    place = (*target, path.name)
    data: dict[str, Any] = {path.name: text}
    for segment in reversed(target):
        data = {segment: data}
    # The text is the file, so its first line is that of the file.
    return Source(name, data, positions={place: 1}, text_lines={place: 0})

"""Places in a values file, and how messages write them: ``st2.packs.sensors[0].ref``."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys of mappings and indices of lists, from the top of the file."""

_PLAIN_KEY = re.compile(r"[^.\[\]\s\"]+")
_SEGMENT = re.compile(r'\[(\d+)\]|\["([^"]*)"\]|([^.\[\]"]+)')


def dotted(path: Sequence[str | int]) -> str:
    """The path as messages show it; a key that is more than a word is quoted: ``env["a.b"]``."""
    text = ""
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
        elif _PLAIN_KEY.fullmatch(segment):
            text += f".{segment}" if text else segment
        else:
            text += f'["{segment}"]'
    return text


_PATH = re.compile(rf"(?:\.*(?:{_SEGMENT.pattern}))*\.*")


def is_dotted(text: str) -> bool:
    """Whether a text is a path as messages show it, with all brackets and quotes closed."""
    return _PATH.fullmatch(text) is not None


def resolve(data: object, key: str) -> KeyPath:
    """The path that a dotted key means in ``data``, where keys may hold dots themselves.

    What ``data`` does not hold is split at every dot.
    """
    segments = [int(index) if index else quoted or plain for index, quoted, plain in _SEGMENT.findall(key)]
    path: list[str | int] = []
    while segments:
        length = next((n for n in range(1, len(segments) + 1) if _holds(data, _joined(segments[:n]))), 1)
        segment = _joined(segments[:length])
        data = data[segment] if _holds(data, segment) else None  # type: ignore[index]
        path.append(segment)
        del segments[:length]
    return tuple(path)


def _joined(segments: list[str | int]) -> str | int:
    return segments[0] if len(segments) == 1 else ".".join(map(str, segments))


def _holds(data: object, segment: str | int) -> bool:
    if isinstance(segment, int):
        return isinstance(data, list) and segment < len(data)
    return isinstance(data, dict) and segment in data


def get(data: object, path: KeyPath) -> Any:
    """The value at a path.

    Raises:
        KeyError: there is none.
    """
    for segment in path:
        if not _holds(data, segment):
            raise KeyError(path)
        data = data[segment]  # type: ignore[index]
    return data


def begins_with(path: KeyPath, patterns: Collection[tuple[str, ...]]) -> bool:
    """Whether the path is, or lies below, one of the patterns. ``*`` stands for any key or index."""
    return any(len(path) >= len(pattern) and _agree(path, pattern) for pattern in patterns)


def matches(path: KeyPath, pattern: tuple[str, ...]) -> bool:
    """Whether the path is exactly the pattern. ``*`` stands for any key or index."""
    return len(path) == len(pattern) and _agree(path, pattern)


def _agree(path: KeyPath, pattern: tuple[str, ...]) -> bool:
    return all(wanted in ("*", str(segment)) for wanted, segment in zip(pattern, path, strict=False))

"""Files that are too many for one ConfigMap, in several."""

from __future__ import annotations

import json
from collections.abc import Mapping

FILES_LIMIT = 240_000
"""Bytes that the files of a ConfigMap may have together, as `kubectl apply` counts them.

It puts the whole object into an annotation, and those of an object may have 256 KiB; the rest is for names, labels and
annotations.
"""


def applied_size(content: object) -> int:
    """Bytes of plain data in kubectl's annotation: Go's JSON, which writes ``<``, ``>`` and ``&`` as six characters."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
    return (len(text) if text.isascii() else len(text.encode(errors="replace"))) + 5 * sum(map(text.count, "<>&"))


def parted(name: str, files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The files by the name of the ConfigMap that holds them: ``name``, ``name-2``, …, as few as will do.

    A file that is too large by itself is alone in one, which whoever checks the objects refuses.
    """
    found: list[dict[str, str]] = [{}]
    room = FILES_LIMIT
    for file, text in files.items():
        size = applied_size({file: text})
        if found[-1] and size > room:
            found.append({})
            room = FILES_LIMIT
        found[-1][file] = text
        room -= size
    return {name if index == 1 else f"{name}-{index}": part for index, part in enumerate(found, start=1) if part}

"""Walking an object along its types, past what nothing is said about.

Paths are built from the end, as nested pairs, because most of them are never looked at. What pods are made of, such as
resources, mounts and security contexts, is the same over and over: what was sound once is not walked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from constructs_st2.checks.data import content_of
from constructs_st2.kube.documents import Document

Path: TypeAlias = tuple[str | int, ...]
Form: TypeAlias = Callable[[Any], str | None]
"""Tells what is wrong with a value, if anything is."""
Below: TypeAlias = str | Path
"""A field of what is judged, or the path to one; the empty path is the whole."""
Faults: TypeAlias = Iterable[tuple[Below, str]]


class Judge(NamedTuple):
    """Tells what is wrong with the fields of a mapping together, and at which of them.

    It finds nothing where the field ``given`` is not there; if that is empty, it may find something in any mapping.
    """

    faults: Callable[[Document], Faults]
    given: str = ""


ONE, LIST = "", "[]"
"""How many of a type are in a field."""


class Known(NamedTuple):
    """What is known of a field: its forms, who judges it together with others, the type of what is in it."""

    forms: list[Form]
    judges: list[Callable[[Document], Faults]]
    type: Type | None = None
    many: str = ONE


class Type:
    """What is known of a type: of its fields, and who judges all of them together.

    ``repeats`` tells whether the same is there in many objects. ``sound`` is then the content of parts of this type in
    which nothing was wrong. That depends on nothing but the content.
    """

    def __init__(self, *, repeats: bool = False) -> None:
        self.repeats = repeats
        self.judges: list[Callable[[Document], Faults]] = []
        self.fields: dict[str, Known] = {}
        self.sound: set[bytes] = set()

    def remember(self, content: bytes) -> None:
        """Remember a part in which nothing is wrong."""
        if len(content) <= LONGEST_SOUND:
            if len(self.sound) >= MOST_SOUND:
                self.sound.clear()
            self.sound.add(content)


MOST_SOUND, LONGEST_SOUND = 1000, 4096
"""How many parts of a type are remembered, and how many bytes one may have: they are to save time, not to take room."""


def walk(document: Document, root: Type) -> list[tuple[Path, str]]:
    """What is wrong with an object, with the path of each fault."""
    found: list[tuple[Path, str]] = []
    _walk(document, root, None, found)
    return found


def _walk(node: Document, type_: Type, at: Any, found: list[tuple[Path, str]]) -> None:
    fields, asked = type_.fields, type_.judges
    for key, value in node.items():
        known = fields.get(key)
        # What is null is not there.
        if known is None or value is None:
            continue
        forms, judges, child, many = known
        if judges:
            asked = [*asked, *judges]
        for form in forms:
            message = form(value)
            if message is not None:
                found.append((_path((at, key)), message))
        if child is None:
            continue
        if many == ONE:
            _walk_part(value, child, (at, key), found)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                _walk_part(item, child, ((at, key), position), found)
        else:
            found.append((_path((at, key)), "must be a list"))
    for faults in asked:
        for below, message in faults(node):
            path = (below,) if isinstance(below, str) else below
            found.append(((*_path(at), *path), message))


def _walk_part(value: Any, type_: Type, at: Any, found: list[tuple[Path, str]]) -> None:
    if not isinstance(value, dict):
        found.append((_path(at), "must be a mapping"))
        return
    content = content_of(value) if type_.repeats else None
    if content not in type_.sound:
        before = len(found)
        _walk(value, type_, at, found)
        if content is not None and len(found) == before:
            type_.remember(content)


def _path(chain: Any) -> Path:
    steps: list[str | int] = []
    while chain is not None:
        chain, step = chain
        steps.append(step)
    return tuple(reversed(steps))


_NAMED = frozenset({"containers", "initContainers", "volumes", "env", "volumeClaimTemplates"})
"""Lists whose items messages call by their names."""


def shown(document: Mapping[str, Any], path: Path) -> str:
    """A path as messages show it: ``spec.template.spec.containers[st2api].env[A].valueFrom``."""
    text, value, parent = "", document, ""
    for step in path:
        value = _item(value, step)
        if isinstance(step, int):
            name = _item(value, "name") or _item(_item(value, "metadata"), "name") if parent in _NAMED else None
            text += f"[{name if isinstance(name, str) and name else step}]"
        elif any(character in step for character in "./[] "):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
        parent = step if isinstance(step, str) else ""
    return text


def _item(value: Any, step: str | int) -> Any:
    if isinstance(value, list) and isinstance(step, int):
        return value[step] if step < len(value) else None
    return value.get(step) if isinstance(value, dict) else None

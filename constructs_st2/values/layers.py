"""Several sources of values laid over each other, as Helm does it, and where each value came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from constructs_st2.errors import UserError
from constructs_st2.values import secret_looks
from constructs_st2.values.assignments import Assignment, AssignmentError, assign, parse
from constructs_st2.values.paths import KeyPath, dotted
from constructs_st2.values.yaml_source import Source


class Position(NamedTuple):
    """Where a value was written. Positions sort in the order of the sources and their lines."""

    layer: int
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.name}:{self.line}" if self.line else self.name


class Finding(NamedTuple):
    """Something that is wrong with the value at a path, in the given line (from 1) of a text of several lines."""

    path: KeyPath
    message: str
    text_line: int | None = None


class Layered(NamedTuple):
    """Merged values, and the sources that they were merged from, the weakest first."""

    data: Mapping[str, Any]
    layers: tuple[Source, ...] = ()

    def where(self, path: KeyPath, offset: int | None = None) -> str:
        """``values.yaml:12`` or the ``--set`` that a value came from; for what is not set, that of its parent.

        ``offset`` asks for a line (from 1) within a text; it is that line of the file if the text is a literal block.
        """
        return str(self.position(path, offset))

    def is_file(self, path: KeyPath) -> bool:
        """Whether a value was written in a file, and not in a ``--set``."""
        found = self._origin(path)
        return found is not None and () in self.layers[found[0]].positions

    def is_given(self, path: KeyPath) -> bool:
        """Whether the user has set the value at a path, and not the profile below all that the user has set."""
        found = self._origin(path)
        return found is not None and found[1] == path and not self.layers[found[0]].is_profile

    def position(self, path: KeyPath, offset: int | None = None) -> Position:
        """What `where` writes, in a form that sorts."""
        found = self._origin(path)
        if found is None:
            return Position(-1, 0, "values")
        index, known = found
        source = self.layers[index]
        if offset is not None and known == path and path in source.text_lines:
            return Position(index, source.text_lines[path] + offset, source.name)
        return Position(index, source.positions[known] or 0, source.name)

    def _origin(self, path: KeyPath) -> tuple[int, KeyPath] | None:
        """The source that set the value at a path, or at its nearest parent that is set."""
        for length in range(len(path), -1, -1):
            known = path[:length]
            if not _is_set(self.data, known):
                continue
            # The last source that knows a path set it: had a later one taken it away, it would not be in the data.
            for index in reversed(range(len(self.layers))):
                if known in self.layers[index].positions:
                    return index, known
        return None

    def _knows_text_lines(self, path: KeyPath) -> bool:
        found = self._origin(path)
        return found is not None and found[1] == path and path in self.layers[found[0]].text_lines

    def report(self, findings: Iterable[Finding]) -> list[str]:
        """One line per finding, in the order of the sources: ``values.yaml:12: st2api.replicas: must be …``."""
        lines = {(self.position(finding.path, finding.text_line), self.describe(finding)) for finding in findings}
        return [text for _, text in sorted(lines)]

    def describe(self, finding: Finding) -> str:
        """One finding as a line of text."""
        path, message, text_line = finding
        if text_line is not None and not self._knows_text_lines(path):
            message = f"line {text_line}: {message}"
        parts = [self.where(path, text_line), dotted(path), message]
        return ": ".join(part for part in parts if part)


def _is_set(data: object, path: KeyPath) -> bool:
    for segment in path:
        try:
            data = data[segment]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def merge(sources: Sequence[Source]) -> Layered:
    """Lay sources over each other, the last one on top.

    Mappings merge key by key; anything else replaces what is below. A key whose value is null is taken away, so that
    its default counts. Lists are taken as they are, with any null in them.
    """
    return without_nulls(merge_with_nulls(sources))


def merge_with_nulls(sources: Sequence[Source]) -> Layered:
    """As `merge`, but keys whose value is null are still there: what is laid below is taken away by them, too."""
    data: dict[str, Any] = {}
    for source in sources:
        data = overlay(data, source.data)
    return Layered(data, tuple(sources))


def lay_over(lower: Layered, upper: Layered) -> Layered:
    """Values over others, of whose sources the weakest come first. Nulls of both are kept."""
    return Layered(overlay(lower.data, upper.data), (*lower.layers, *upper.layers))


def without_nulls(layered: Layered) -> Layered:
    """The same values without the keys whose value is null."""
    return layered._replace(data=_without_nulls(layered.data))


def overlay(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """``upper`` laid over ``lower``; nulls of both are kept."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        merged[key] = overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in data.items()
        if value is not None
    }


def apply_set(layered: Layered, text: str) -> Layered:
    """Lay the assignments of one ``--set`` over values: ``a.b=1``, ``list[0].name=x``, ``names={a,b}``, ``a=1,b=2``.

    Values are typed as in Helm: true, false, null and whole numbers are what they look like, all else is text, and so
    is what stands in quotes.

    Raises:
        UserError: the text is no assignment, or it sets a key below a value that has none.
    """
    name = f"--set {_without_secrets(text)}"
    data = dict(layered.data)
    positions: dict[KeyPath, int | None] = {}
    try:
        for assignment in parse(text):
            positions |= dict.fromkeys(_paths_set_by(assignment, data))
            data = assign(data, assignment)
    except AssignmentError as error:
        raise UserError(f"{name}: {error}") from None
    return Layered(data, (*layered.layers, Source(name, {}, positions)))


def _without_secrets(text: str) -> str:
    """The text for messages; of one with a secret, the first path alone."""
    path, _, value = text.partition("=")
    name = re.split(r"[.\]]", path)[-1]
    has_secret = secret_looks.in_value(value, name) or secret_looks.in_settings(text.replace(",", "\n"))
    return f"{path}=…" if has_secret else text


def _paths_set_by(assignment: Assignment, data: Mapping[str, Any]) -> list[KeyPath]:
    path, value = assignment
    made = [path[:length] for length in range(1, len(path)) if not _is_set(data, path[:length])]
    items = range(len(value)) if isinstance(value, list) else ()
    return [*made, path, *((*path, index) for index in items)]

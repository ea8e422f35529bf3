"""A values file of the Helm chart with keys of ours in the place of the chart's, and all else as it was.

The text is edited, not written anew: comments, order and style stay. What goes is commented out, with the reason.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from constructs_st2.errors import UserError
from constructs_st2.values.chart import RULES, Note, translate
from constructs_st2.values.chart.translation import with_value
from constructs_st2.values.layers import merge, overlay
from constructs_st2.values.model import Values
from constructs_st2.values.paths import KeyPath, dotted, get
from constructs_st2.values.yaml_source import Source

WIDTH = 100
"""Columns of a comment."""
_MARK = "#: "
"""Before the reason for a change, by which a change is told from the user's own comments."""

Drop = Callable[[KeyPath, Any], str | None]
"""The reason to leave out a value that is none of the chart's own, such as a password; None to keep it."""


@dataclass(frozen=True)
class Converted:
    """The text with keys of ours, what has changed and why, and what people have to change."""

    text: str
    notes: Sequence[Note]
    problems: Sequence[str]


def convert(
    text: str, source: Source, *, sets: Mapping[KeyPath, tuple[Any, str]] | None = None, drop: Drop = lambda _, __: None
) -> Converted:
    """Convert a values file.

    Args:
        text: the file.
        source: the same, as it was read.
        sets: further values with the reason for each; those that are in the file already stay as they are.
        drop: see `Drop`.

    Raises:
        UserError: the file cannot be edited: its changes lie within mappings that it merges in.
    """
    translated = translate(merge([source]), rules=RULES, model=Values)
    refused = [finding.path for finding in translated.findings]
    # A mapping of which something cannot be had stays, for people to look at.
    notes = [note for note in translated.notes if not any(path[: len(note.path)] == note.path for path in refused)]
    dropped = {path: why for path, value in _leaves(translated.layered.data) if (why := drop(path, value))}
    moved = {target for note in notes for target in note.sets}
    # What has moved is in the text by the chart's key, and is left out there.
    notes += [Note(path, why) for path, why in dropped.items() if path not in moved]
    meant = translated.layered.data
    for path in dropped:
        meant = with_value(meant, path, None)
    edits = _Edits(text, meant, frozenset(dropped))
    edits.replace_all(notes)
    for path, (value, why) in (sets or {}).items():
        if _get(meant, path) is None:
            edits.add(path, value, why)
    written = translated.layered._replace(data=overlay(source.data, translated.layered.data))
    return Converted(edits.text(), notes, written.report(translated.findings))


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, value


def _get(data: object, path: KeyPath) -> Any:
    try:
        return get(data, path)
    except KeyError:
        return None


class _Place(NamedTuple):
    key: yaml.Node
    value: yaml.Node


@dataclass
class _Edits:
    """Changes of a text, by its lines.

    ``meant`` is what the text shall say in the end, ``hidden`` the places of secrets, which comments do not show.
    """

    original: str
    meant: Mapping[str, Any]
    hidden: frozenset[KeyPath]
    _gone: dict[int, str] = field(default_factory=dict)
    _columns: dict[int, int] = field(default_factory=dict)
    _secret: set[int] = field(default_factory=set)
    _after: dict[int, list[str]] = field(default_factory=dict)
    _rewritten: set[KeyPath] = field(default_factory=set)
    _end: dict[str, Any] = field(default_factory=dict)
    _why: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lines = self.original.splitlines()
        self._places: dict[KeyPath, _Place] = {}
        root = yaml.compose(self.original, Loader=yaml.SafeLoader)
        if root is not None:
            self._find(root, ())

    def _find(self, node: yaml.Node, path: KeyPath) -> None:
        if isinstance(node, yaml.MappingNode) and not node.flow_style:
            for key, value in node.value:
                place = (*path, str(key.value))
                self._places[place] = _Place(key, value)
                self._find(value, place)

    def replace_all(self, notes: Sequence[Note]) -> None:
        """Comment keys out, and write what they mean in their place."""
        for note in notes:
            unit = self._unit(note.path)
            if not unit:
                message = "cannot be edited where it is merged in; write it out, and try again"
                raise UserError(f"{dotted(note.path)}: {message}")
            if unit != note.path or note.keeps is not None:
                self._rewritten.add(unit)
            # A mapping in one line, or a list, takes nothing in: it is written anew.
            inside = [self._unit(target) for target in note.sets]
            self._rewritten |= {unit for unit in inside if unit and unit != note.path and not self._is_open(unit)}
        for note in notes:
            self._comment_out(self._unit(note.path), note)
        for unit in self._rewritten:
            place = self._places[unit]
            self._comment_out(unit, None)
            if (value := _get(self.meant, unit)) is not None:
                self._insert(_last_line(place.value, self._lines), place.key.start_mark.column, {str(unit[-1]): value})
        for note in notes:
            for target, value in note.sets.items():
                if target not in self.hidden:
                    self.add(target, value, None, beside=note.path)

    def _unit(self, path: KeyPath) -> KeyPath:
        """The nearest key at or above a path that has lines of its own."""
        while path and path not in self._places:
            path = path[:-1]
        return path

    def _comment_out(self, unit: KeyPath, note: Note | None) -> None:
        place = self._places[unit]
        first = place.key.start_mark.line
        for number in range(first, _last_line(place.value, self._lines) + 1):
            self._gone.setdefault(number, "")
            self._columns.setdefault(number, place.key.start_mark.column)
            if self._holds_a_secret(unit, note):
                self._secret.add(number)
        if note is not None:
            self._gone[first] = "; ".join(filter(None, [self._gone[first], f"{dotted(note.path)}: {note.message}"]))

    def _holds_a_secret(self, unit: KeyPath, note: Note | None) -> bool:
        moved = set(note.sets) if note else set()
        return bool(self.hidden & moved) or any(path[: len(unit)] == unit for path in self.hidden)

    def add(self, path: KeyPath, value: Any, why: str | None, beside: KeyPath = ()) -> None:
        """Set a key that is not there, in the nearest mapping that is."""
        if any(path[: len(unit)] == unit for unit in self._rewritten):
            return
        if path in self._places and self._places[path].key.start_mark.line not in self._gone:
            if not isinstance(value, dict):
                return
            for name, item in value.items():
                self.add((*path, name), item, why)
            return
        parent = path[:-1]
        data: Any = {str(path[-1]): value}
        while parent and not self._is_open(parent):
            data = {str(parent[-1]): data}
            parent = parent[:-1]
        if not parent:
            self._end = overlay(self._end, data)
            if why:
                self._why.setdefault(str(next(iter(data))), []).append(f"{dotted(path)}: {why}")
            return
        place = self._places[parent]
        inner = place.value
        column = inner.value[0][0].start_mark.column if isinstance(inner, yaml.MappingNode) and inner.value else 2
        at = self._places[beside] if beside and beside[:-1] == parent else None
        line = _last_line(at.value, self._lines) if at else place.key.start_mark.line
        self._insert(line, column, data, f"{dotted(path)}: {why}" if why else None)

    def _is_open(self, path: KeyPath) -> bool:
        place = self._places.get(path)
        if place is None or place.key.start_mark.line in self._gone:
            return False
        return isinstance(place.value, yaml.MappingNode) and not place.value.flow_style

    def _insert(self, line: int, column: int, data: Any, why: str | None = None) -> None:
        indent = " " * column
        made = [*(_comment(why) if why else []), *_dumped(data)]
        self._after.setdefault(line, []).extend(f"{indent}{text}".rstrip() for text in made)

    def text(self) -> str:
        """The edited text."""
        made: list[str] = []
        for number, line in enumerate(self._lines):
            if number in self._gone:
                column = self._columns[number]
                indent = " " * column
                if why := self._gone[number]:
                    made += [f"{indent}{text}" for text in _comment(why)]
                if number not in self._secret:
                    made.append(f"{indent}# {line[column:]}".rstrip())
            else:
                made.append(line)
            made += self._after.get(number, [])
        for name, value in self._end.items():
            for why in self._why.get(name, []):
                made += _comment(why)
            made += _dumped({name: value})
        return "".join(f"{line}\n" for line in made)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent)


def _dumped(data: Any) -> list[str]:
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return text.splitlines()


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=_MARK, subsequent_indent=_MARK)


def _last_line(node: yaml.Node, lines: Sequence[str]) -> int:
    """The last line of a value. The parser puts the end of a block behind the comments that follow it."""
    end = node.end_mark.line if node.end_mark.column else node.end_mark.line - 1
    last = max(node.start_mark.line, min(end, len(lines) - 1))
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        item = node.value[-1]
        return _last_line(item[1] if isinstance(item, tuple) else item, lines)
    while last > node.start_mark.line and not lines[last].strip():
        last -= 1
    return last

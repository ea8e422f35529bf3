"""How keys of the chart become keys of ours.

A rule says what a value at a place means: nothing that is not so anyway, other keys of ours, or something that cannot
be had. It is asked only about keys that ours do not have, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from constructs_st2.values.layers import Finding, Layered
from constructs_st2.values.paths import KeyPath, dotted, get
from constructs_st2.values.shape import keys_at
from constructs_st2.values.yaml_source import Source


class Meaning(NamedTuple):
    """What a value of the chart means here.

    ``sets`` are keys of ours, from the top, ``keeps`` what stays at the place itself; ``note`` says why to whoever
    asks. With a ``problem`` it cannot be had.
    """

    note: str = ""
    sets: Mapping[KeyPath, Any] = {}
    keeps: Any = None
    problem: str | None = None


Rule = Callable[[Any, KeyPath], Meaning | None]
"""What a value at a place means; None if the rule has nothing to say of this value."""


class ChartKey(NamedTuple):
    """A key of the chart and what it means. ``*`` in the pattern stands for any key or index.

    With ``known`` it is a key of ours, too, with values that mean something else in the chart; not so if one of the
    keys of ``unless`` is set.
    """

    pattern: tuple[str, ...]
    rule: Rule
    known: bool = False
    unless: tuple[KeyPath, ...] = ()


class Note(NamedTuple):
    """What was made of a value of the chart, and why."""

    path: KeyPath
    message: str
    sets: Mapping[KeyPath, Any] = {}
    keeps: Any = None


class Translated(NamedTuple):
    """Values with keys of ours only, as far as that is possible."""

    layered: Layered
    notes: Sequence[Note] = ()
    findings: Sequence[Finding] = ()


def agrees(*values: Any, note: str, otherwise: str) -> Rule:
    """Some values ask for what is so anyway, others for what cannot be had."""

    def rule(value: Any, _: KeyPath) -> Meaning | None:
        # True is 1 to Python.
        if any(value == one and type(value) is type(one) for one in values):
            return Meaning(note)
        return refusal(otherwise)

    return rule


def means_nothing(note: str) -> Rule:
    """Whatever the value, it asks for nothing that would be different here."""
    return lambda _, __: Meaning(note)


def off(note: str, otherwise: str) -> Rule:
    """A mapping with ``enabled: false`` asks for nothing."""

    def rule(value: Any, _: KeyPath) -> Meaning | None:
        is_off = value is False or (isinstance(value, dict) and value.get("enabled") is False)
        return Meaning(note) if is_off else refusal(otherwise)

    return rule


def refused(why: str) -> Rule:
    """No value can be had."""
    return lambda _, __: refusal(why)


def refusal(why: str) -> Meaning:
    """That a value cannot be had; why, or what to use instead."""
    return Meaning(problem=f"is not supported here; {why}")


def moved(*target: str, by: Callable[[Any], Any] = lambda value: value, note: str = "") -> Rule:
    """The same by another key. The target is that of the whole file, or begins with ``.`` beside the key."""

    def rule(value: Any, path: KeyPath) -> Meaning | None:
        place = (*path[:-1], *target[1:]) if target[0] == "." else target
        return Meaning(note or f"it is {dotted(place)} here", {place: by(value)})

    return rule


def translate(layered: Layered, rules: Sequence[ChartKey], model: Any) -> Translated:
    """Put keys of ours in the place of the chart's."""
    translation = _Translation(layered)
    for key in rules:
        if any(_value(translation.layered.data, place) is not None for place in key.unless):
            continue
        for path in list(_matching(translation.layered.data, key.pattern)):
            if key.known or not _is_ours(model, path):
                translation.apply(key.rule, path)
    return Translated(translation.layered, translation.notes, translation.findings)


class _Translation:
    def __init__(self, layered: Layered) -> None:
        self.layered = layered
        self.notes: list[Note] = []
        self.findings: list[Finding] = []

    def apply(self, rule: Rule, path: KeyPath) -> None:
        value = _value(self.layered.data, path)
        meaning = None if value is None else rule(value, path)
        if meaning is None:
            return
        if meaning.problem is not None:
            self.findings.append(Finding(path, meaning.problem))
        else:
            self.notes.append(Note(path, meaning.note, meaning.sets, meaning.keeps))
        data = with_value(self.layered.data, path, meaning.keeps)
        for target, given in meaning.sets.items():
            there = _value(data, target)
            if isinstance(there, dict) and isinstance(given, dict):
                # What is said by our own key wins.
                given = {**given, **there}
            elif there is not None and there != given:
                self.findings.append(Finding(path, f"says otherwise than {dotted(target)}, which is the same here"))
                given = there
            self.layered = _with_positions(self.layered, path, target)
            data = with_value(data, target, given)
        self.layered = self.layered._replace(data=data)


def _is_ours(model: Any, path: KeyPath) -> bool:
    return str(path[-1]) in keys_at(model, path[:-1])


def _value(data: object, path: KeyPath) -> Any:
    try:
        return get(data, path)
    except KeyError:
        return None


def _matching(value: Any, pattern: tuple[str, ...], path: KeyPath = ()) -> Iterator[KeyPath]:
    """The places in data that a pattern means."""
    if not pattern:
        yield path
        return
    wanted, *rest = pattern
    if isinstance(value, dict):
        for key, item in value.items():
            if wanted in ("*", key):
                yield from _matching(item, tuple(rest), (*path, key))
    elif isinstance(value, list) and wanted == "*":
        for index, item in enumerate(value):
            yield from _matching(item, tuple(rest), (*path, index))


def with_value(data: Any, path: KeyPath, value: Any) -> Any:
    """A copy of data in which a place has a value, or, with None, is not set."""
    first, *rest = path
    if isinstance(data, list) and isinstance(first, int):
        return [with_value(item, tuple(rest), value) if n == first and rest else item for n, item in enumerate(data)]
    mapping = dict(data) if isinstance(data, dict) else {}
    if rest:
        if value is not None or first in mapping:
            mapping[str(first)] = with_value(mapping.get(str(first)), tuple(rest), value)
    elif value is None:
        mapping.pop(str(first), None)
    else:
        mapping[str(first)] = value
    return mapping


def _with_positions(layered: Layered, path: KeyPath, target: KeyPath) -> Layered:
    """Messages about the target tell where the chart's key was written."""
    return layered._replace(layers=tuple(_moved(source, path, target) for source in layered.layers))


def _moved(source: Source, path: KeyPath, target: KeyPath) -> Source:
    if path not in source.positions:
        return source
    line = source.positions[path]
    made = {target[:length]: line for length in range(1, len(target) + 1)}
    below = {
        (*target, *place[len(path) :]): number
        for place, number in source.positions.items()
        if len(place) > len(path) and place[: len(path)] == path
    }
    return source._replace(positions={**made, **source.positions, target: line, **below})

"""All that is wrong with values at once: what is wrong is left out, to see what else is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from constructs_st2.values.chart.translation import Note, with_value
from constructs_st2.values.layers import Finding, Layered
from constructs_st2.values.paths import KeyPath, get
from constructs_st2.values.profiled import validated
from constructs_st2.values.shape import keys_at

M = TypeVar("M", bound=BaseModel)

_ROUNDS = 5
"""How often what is wrong is left out, to see what else is. What becomes of a mapping may be wrong, too."""


@dataclass
class Valid(Generic[M]):
    """What fits a model of some values, and what is wrong with the rest.

    ``values`` are typed, if what fits is enough for that. ``left_out`` are the paths of what does not fit; ``notes``
    tell of what says nothing.
    """

    layered: Layered
    values: M | None = None
    findings: list[Finding] = field(default_factory=list)
    left_out: set[KeyPath] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)


def valid_part(model: type[M], layered: Layered, meanings: Mapping[str, str]) -> Valid[M]:
    """What of values fits a model, and all that does not. ``meanings``: what patterns stand for ("a DNS label")."""
    valid: Valid[M] = Valid(layered)
    for _ in range(_ROUNDS):
        try:
            valid.values = validated(model, valid.layered)
            return valid
        except ValidationError as error:
            from constructs_st2.values.problems import findings_from

            new = findings_from(error, valid.layered, model, meanings=meanings)
        empty = [_empty(finding.path, valid.layered.data, model) for finding in new]
        said = [finding for finding, place in zip(new, empty, strict=True) if place is None]
        silent = {place for place in empty if place is not None}
        valid.notes += [Note(place, "it is empty, which sets nothing") for place in sorted(silent, key=str)]
        # What is wrong above or below of what was left out may follow from that.
        known = {finding.path for finding in valid.findings}
        valid.findings += [each for each in said if not any(_related(each.path, path) for path in known)]
        wrong = {_present(finding.path, valid.layered.data) for finding in said}
        valid.left_out |= wrong
        for path in wrong | silent:
            data = dict(with_value(valid.layered.data, path, None)) if path else {}
            valid.layered = valid.layered._replace(data=data)
    return valid


def _empty(path: KeyPath, data: Mapping[str, Any], model: type[BaseModel]) -> KeyPath | None:
    """The place at or above one that says nothing, and need not: an empty text, mapping or list."""
    from constructs_st2.values.problems import nearest

    for place in (path, path[:-1]):
        if not place or not isinstance(place[-1], str):
            continue
        known = keys_at(model, place[:-1]).get(place[-1])
        is_unknown = known is None and place == path and nearest(place[-1], keys_at(model, place[:-1])) is None
        try:
            value = get(data, place)
        except KeyError:
            continue
        of_model = known is not None and known.field is not None and not known.field.is_required()
        if (of_model and value in ("", {})) or (is_unknown and value in ("", {}, [])):
            return place
    return None


def _present(path: KeyPath, data: Mapping[str, Any]) -> KeyPath:
    """The nearest key of a mapping that is there, at or above a path."""
    while path:
        try:
            get(data, path)
        except KeyError:
            path = path[:-1]
            continue
        if isinstance(path[-1], str):
            return path
        path = path[:-1]
    return path


def independent(more: Iterable[Finding], left_out: Collection[KeyPath]) -> Iterator[Finding]:
    """Findings that hardly follow from what was left out: they are neither about that, nor about what stood beside."""
    for finding in more:
        if not any(_related(finding.path, path) or finding.path[:-1] == path[:-1] for path in left_out):
            yield finding


def _related(one: KeyPath, other: KeyPath) -> bool:
    """Whether one path lies within the other."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]

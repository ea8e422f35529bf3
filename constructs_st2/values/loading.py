"""From values files and ``--set`` to typed values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from constructs_st2.errors import UserError, ValueProblem
from constructs_st2.values.chart.translation import Note, Translated, with_value
from constructs_st2.values.layers import (
    Finding,
    Layered,
    apply_set,
    lay_over,
    merge,
    merge_with_nulls,
    overlay,
    without_nulls,
)
from constructs_st2.values.paths import KeyPath, get, resolve
from constructs_st2.values.profiled import validated
from constructs_st2.values.shape import default_of, keys_at, types_at
from constructs_st2.values.templates import Rendered, render_all
from constructs_st2.values.yaml_source import Source, read

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


@dataclass(frozen=True)
class Loaded(Generic[M]):
    """Typed values, and where each of them was written. ``notes`` tell what was made of keys of the Helm chart."""

    values: M
    layered: Layered
    notes: Sequence[Note] = ()

    def where(self, key: str | KeyPath, offset: int | None = None) -> str:
        """The file and line, or the ``--set``, of a path or dotted key; see `Layered.where`."""
        return self.layered.where(self._path(key), offset)

    def located(self, problem: ValueProblem) -> str:
        """The problem as a line of text that begins with file and line."""
        return self.layered.describe(self._finding(problem))

    def report(self, problems: Iterable[ValueProblem]) -> list[str]:
        """Problems as lines of text, in the order of the files."""
        return self.layered.report(map(self._finding, problems))

    def _finding(self, problem: ValueProblem) -> Finding:
        return Finding(self._path(problem.key), problem.message, problem.line)

    def _path(self, key: str | KeyPath) -> KeyPath:
        return resolve(self.layered.data, key) if isinstance(key, str) else key


def read_all(files: Sequence[Path]) -> list[Source]:
    """Read files.

    Raises:
        UserError: with the problems of every file's syntax.
    """
    return _all(partial(read, file) for file in files)


def check(
    model: type[M],
    sources: Sequence[Source],
    sets: Sequence[str] = (),
    *,
    release_name: str,
    release_namespace: str,
    app_version: str,
    raw_paths: Collection[tuple[str, ...]] = (),
    meanings: Mapping[str, str] | None = None,
    base: Callable[[Layered], Sequence[Source]] = lambda _: (),
    translate: Callable[[Layered], Translated] = Translated,
    further: Callable[[M], Iterable[ValueProblem]] = lambda _: (),
) -> Loaded[M]:
    """Lay sources and then ``--set`` over each other, replace templates, and check all of it.

    ``base`` is given the merged values and names the sources that lie below all others, such as a profile.
    ``translate`` puts keys of the model in the place of others. ``raw_paths`` is explained at `templates.render`,
    ``meanings`` at `problems.problems_from`. ``further`` tells what is wrong with values that fit the model; it is
    asked only about what remains of values that do not, so that all problems are told at once.

    Raises:
        UserError: with all problems that can be known.
    """
    written = _assigned(merge_with_nulls(sources), sets)
    translated = translate(written)
    given = _without_defaults(translated.layered, model)
    layered = without_nulls(lay_over(merge(base(without_nulls(given))), given))
    constants = {
        ".Release.Name": release_name,
        ".Release.Namespace": release_namespace,
        ".Chart.AppVersion": app_version,
    }
    rendered = render_all(layered, constants, partial(default_of, model), raw_paths)
    layered, own_keys = _without_own_keys(rendered, model)
    findings = [*translated.findings, *rendered.findings]
    valid = _validated(model, layered, meanings or {})
    findings += [finding for finding in valid.findings if finding.path not in rendered.left]
    if findings and valid.values is not None:
        loaded = Loaded(valid.values, valid.layered)
        findings += _independent(map(loaded._finding, further(valid.values)), valid.left_out)
    if findings or valid.values is None:
        # What was translated or left out is told by where it was written.
        written = rendered.layered._replace(data=overlay(written.data, rendered.layered.data))
        raise UserError(written.report(findings))
    return Loaded(valid.values, valid.layered, (*translated.notes, *own_keys, *valid.notes))


def _without_defaults(layered: Layered, model: type[BaseModel]) -> Layered:
    """Without nulls at keys of the model, which mean the default, also that of a profile."""
    return layered._replace(data=_defaults_left_out(layered.data, model, ()))


def _defaults_left_out(data: Mapping[str, Any], model: type[BaseModel], path: KeyPath) -> dict[str, Any]:
    of_model = any(isinstance(owner, type) and issubclass(owner, BaseModel) for owner in types_at(model, path))
    return {
        key: _defaults_left_out(value, model, (*path, key)) if isinstance(value, dict) else value
        for key, value in data.items()
        if value is not None or not of_model
    }


def _without_own_keys(rendered: Rendered, model: type[BaseModel]) -> tuple[Layered, list[Note]]:
    """Without keys at the top that are the user's: those that templates refer to, and ``x-…``."""
    known = keys_at(model, ())
    own = [
        key
        for key in rendered.layered.data
        if key not in known and (key.startswith("x-") or key in {path[0] for path in rendered.referenced})
    ]
    data = {key: value for key, value in rendered.layered.data.items() if key not in own}
    return rendered.layered._replace(data=data), [Note((key,), "a key of yours") for key in own]


_ROUNDS = 5
"""How often what is wrong is left out, to see what else is. What becomes of a mapping may be wrong, too."""


@dataclass
class _Valid(Generic[M]):
    """The typed values of what is right, if that is enough; what is wrong with the rest, and what says nothing."""

    layered: Layered
    values: M | None = None
    findings: list[Finding] = field(default_factory=list)
    left_out: set[KeyPath] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)


def _validated(model: type[M], layered: Layered, meanings: Mapping[str, str]) -> _Valid[M]:
    valid: _Valid[M] = _Valid(layered)
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


def _independent(more: Iterable[Finding], left_out: Collection[KeyPath]) -> Iterator[Finding]:
    """Findings that hardly follow from what was left out: they are neither about that, nor about what stood beside."""
    for finding in more:
        if not any(_related(finding.path, path) or finding.path[:-1] == path[:-1] for path in left_out):
            yield finding


def _related(one: KeyPath, other: KeyPath) -> bool:
    """Whether one path lies within the other."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _all(attempts: Iterable[Callable[[], T]]) -> list[T]:
    """The results of all attempts, or all their problems."""
    results: list[T] = []
    problems: list[str] = []
    for attempt in attempts:
        try:
            results.append(attempt())
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    return results


def _assigned(layered: Layered, sets: Sequence[str]) -> Layered:
    problems: list[str] = []
    for text in sets:
        try:
            layered = apply_set(layered, text)
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    return layered

"""From values files and ``--set`` to typed values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from constructs_st2.errors import UserError, ValueProblem
from constructs_st2.values.chart.translation import Note, Translated
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
from constructs_st2.values.paths import KeyPath, resolve
from constructs_st2.values.shape import default_of, keys_at, types_at
from constructs_st2.values.templates import Rendered, render
from constructs_st2.values.validity import independent, valid_part
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


@dataclass(frozen=True)
class Format(Generic[M]):
    """What the values files of a model may say, and what it means.

    Attributes:
        model: the keys.
        raw_paths: where templates are left as they are; see `templates.render`.
        meanings: what the patterns of texts stand for, in messages: "a DNS label".
        base: is given the merged values, and names the sources that lie below all others, such as a profile.
        translate: puts keys of the model in the place of others.
    """

    model: type[M]
    raw_paths: Collection[tuple[str, ...]] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    base: Callable[[Layered], Sequence[Source]] = lambda _: ()
    translate: Callable[[Layered], Translated] = Translated


def check(
    form: Format[M],
    sources: Sequence[Source],
    sets: Sequence[str] = (),
    *,
    constants: Mapping[str, str],
    further: Callable[[M], Iterable[ValueProblem]] = lambda _: (),
) -> Loaded[M]:
    """Lay sources and then ``--set`` over each other, replace templates, and check all of it.

    Args:
        form: what the values may say.
        sources: the values, the weakest first.
        sets: assignments, which lie over all sources.
        constants: what templates may name besides other values: ``.Release.Name``.
        further: tells what else is wrong with values that fit the model. It is asked about what remains of those that
            do not, so that all problems are told at once.

    Raises:
        UserError: with all problems that can be known.
    """
    written = _assigned(merge_with_nulls(sources), sets)
    translated = form.translate(written)
    based = _laid_over_base(translated.layered, form)
    rendered = render(based, constants, partial(default_of, form.model), form.raw_paths)
    layered, own_keys = _without_own_keys(rendered, form.model)
    valid = valid_part(form.model, layered, form.meanings)
    findings = [*translated.findings, *rendered.findings]
    findings += [finding for finding in valid.findings if finding.path not in rendered.left]
    if findings and valid.values is not None:
        loaded = Loaded(valid.values, valid.layered)
        findings += independent(map(loaded._finding, further(valid.values)), valid.left_out)
    if findings or valid.values is None:
        # What was translated or left out is told by where it was written.
        told = rendered.layered._replace(data=overlay(written.data, rendered.layered.data))
        raise UserError(told.report(findings))
    return Loaded(valid.values, valid.layered, (*translated.notes, *own_keys, *valid.notes))


def _laid_over_base(layered: Layered, form: Format[M]) -> Layered:
    given = _without_defaults(layered, form.model)
    return without_nulls(lay_over(merge(form.base(without_nulls(given))), given))


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

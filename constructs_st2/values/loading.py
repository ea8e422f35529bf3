"""From values files and ``--set`` to typed values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from constructs_st2.errors import UserError, ValueProblem
from constructs_st2.values.layers import Finding, Layered, apply_set, merge
from constructs_st2.values.paths import KeyPath, resolve
from constructs_st2.values.shape import default_of
from constructs_st2.values.templates import render_all
from constructs_st2.values.yaml_source import Source, read

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


@dataclass(frozen=True)
class Loaded(Generic[M]):
    """Typed values, and where each of them was written."""

    values: M
    layered: Layered

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
    retired: Mapping[tuple[str, ...], str] | None = None,
    meanings: Mapping[str, str] | None = None,
    base: Callable[[Layered], Sequence[Source]] = lambda _: (),
) -> Loaded[M]:
    """Lay sources and then ``--set`` over each other, replace templates, and check all of it.

    ``base`` is given the merged values and names the sources that lie below all others, such as a profile.
    ``raw_paths`` is explained at `templates.render`, ``retired`` and ``meanings`` at `problems.problems_from`.

    Raises:
        UserError: with all problems that can be known.
    """
    layered = _assigned(merge(sources), sets)
    below = base(layered)
    if below:
        layered = _assigned(merge([*below, *sources]), sets)
    constants = {
        ".Release.Name": release_name,
        ".Release.Namespace": release_namespace,
        ".Chart.AppVersion": app_version,
    }
    rendered = render_all(layered, constants, partial(default_of, model), raw_paths)
    findings = rendered.findings
    try:
        values = model.model_validate(rendered.layered.data)
    except ValidationError as error:
        from constructs_st2.values.problems import findings_from

        found = findings_from(error, rendered.layered, model, retired=retired, meanings=meanings)
        findings += [finding for finding in found if finding.path not in rendered.left]
    if findings:
        raise UserError(layered.report(findings))
    return Loaded(values, rendered.layered)


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

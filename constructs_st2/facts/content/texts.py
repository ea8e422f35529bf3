"""YAML files of the user that StackStorm reads, as data with the line of every key.

They are read as st2 reads them, with the rules of PyYAML (st2common/content/loader.py), but dates stay text and a
duplicate key is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.content import present
from constructs_st2.kube.yaml_text import LOADER
from constructs_st2.values.layers import Layered
from constructs_st2.values.model.base import MEANINGS
from constructs_st2.values.model.content import Files
from constructs_st2.values.paths import KeyPath, dotted
from constructs_st2.values.yaml_errors import TOO_DEEP, explain

M = TypeVar("M", bound=BaseModel)

_TAG = "tag:yaml.org,2002:"
_MAX_NODES = 100_000
_MAX_DEPTH = 100


class TextProblem(NamedTuple):
    """What is wrong in a line (from 1) of a text."""

    line: int
    message: str


class TextError(Exception):
    """A text cannot be used, for one or more reasons."""

    def __init__(self, *problems: TextProblem) -> None:
        self.problems = problems
        super().__init__("\n".join(f"line {line}: {message}" for line, message in problems))


class YamlText(NamedTuple):
    """The data of a text, and the line of every key and list item in it."""

    data: Any
    lines: Mapping[KeyPath, int]

    @classmethod
    def parse(cls, text: str) -> YamlText:
        """Read a text of one document. Nothing but comments is None.

        Raises:
            TextError: it is not YAML, or holds several documents or a key twice.
        """
        try:
            loader = LOADER(text)
        except yaml.YAMLError as error:
            raise TextError(TextProblem(*explain(error, text))) from None
        try:
            node = loader.get_single_node()
            if node is None:
                return cls(None, {(): 1})
            lines = _lines(node)
            return cls(loader.construct_document(node), lines)
        except yaml.YAMLError as error:
            raise TextError(TextProblem(*explain(error, text))) from None
        except RecursionError:
            raise TextError(TextProblem(1, TOO_DEEP)) from None
        except (ValueError, OverflowError) as error:
            raise TextError(TextProblem(1, f"holds a value that does not fit its tag: {error}")) from None
        finally:
            loader.dispose()

    def line_of(self, path: KeyPath) -> int:
        """The line of a key or item, or of the nearest one that it is in."""
        return next(self.lines[path[:length]] for length in range(len(path), -1, -1) if path[:length] in self.lines)

    def problem(self, path: KeyPath, message: str) -> TextProblem:
        """A problem with the value at a path."""
        return TextProblem(self.line_of(path), f"{dotted(path)}: {message}" if path else message)

    def as_model(self, model: type[M]) -> M:
        """The data as a typed model.

        Raises:
            TextError: with everything that does not fit.
        """
        if not isinstance(self.data, dict):
            found = "empty" if self.data is None else "a list" if isinstance(self.data, list) else "a single value"
            names = ", ".join(field.alias or name for name, field in model.model_fields.items())
            raise TextError(self.problem((), f"must be a mapping with keys such as {names}, but is {found}"))
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise self._misfits(error, self.data, model) from None

    def as_items(self, model: type[M]) -> list[M]:
        """The data as a list of typed models; no data is an empty list. Keys of items may be null, as in the values.

        Raises:
            TextError: with everything that does not fit.
        """
        if not isinstance(self.data, list | None):
            raise TextError(self.problem((), 'must be a list of items, each of which begins with "- "'))
        data = [_without_nulls(item) for item in self.data or ()]
        try:
            return _adapter(model).validate_python(data)
        except ValidationError as error:
            raise self._misfits(error, data, list[model]) from None  # type: ignore[valid-type]

    def _misfits(self, error: ValidationError, data: Any, model: Any) -> TextError:
        from constructs_st2.values.problems import findings_from

        findings = findings_from(error, Layered(data), model, meanings=MEANINGS)
        return TextError(*(self.problem(finding.path, finding.message) for finding in findings))


def file_key(folder: str, name: str) -> str:
    """The key of a file's text in the values: ``st2.rbac.roles["admins.yaml"]``."""
    return dotted((*folder.split("."), name))


def name_problems(folder: str, files: Files) -> Iterator[ValueProblem]:
    """Names of files that st2, which looks for ``*.yaml`` only, would not see."""
    for name in present(files):
        if not name.endswith(".yaml") or name.startswith("."):
            stem, _, ending = name.rpartition(".")
            yield ValueProblem(
                file_key(folder, name), f"would be ignored by st2; name it {(stem or ending).strip('.')}.yaml"
            )


def located(folder: str, name: str, error: TextError) -> Iterator[ValueProblem]:
    """The problems of a file's text, at its place in the values."""
    for line, message in sorted(error.problems):
        yield ValueProblem(file_key(folder, name), message, line)


def _without_nulls(item: object) -> object:
    return {name: value for name, value in item.items() if value is not None} if isinstance(item, dict) else item


@cache
def _adapter(model: type[M]) -> TypeAdapter[list[M]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def _lines(root: yaml.Node) -> dict[KeyPath, int]:
    """The line of every key and item; dates become text on the way.

    Raises:
        TextError: a key is given twice, or there are too many values.
    """
    lines: dict[KeyPath, int] = {(): root.start_mark.line + 1}
    problems: list[TextProblem] = []
    waiting: list[tuple[KeyPath, yaml.Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        if len(path) > _MAX_DEPTH or len(lines) > _MAX_NODES:
            what = TOO_DEEP if len(path) > _MAX_DEPTH else f"more than {_MAX_NODES} values after aliases (*)"
            raise TextError(TextProblem(node.start_mark.line + 1, what))
        if node.tag == f"{_TAG}timestamp":
            node.tag = f"{_TAG}str"
        for segment, shown_at, child in _children(node):
            inner = (*path, segment)
            if isinstance(node, yaml.MappingNode) and inner in lines:
                message = f"duplicate key; it is already in line {lines[inner]}"
                problems.append(TextProblem(shown_at.start_mark.line + 1, f"{dotted(inner)}: {message}"))
            lines[inner] = shown_at.start_mark.line + 1
            waiting.append((inner, child))
    if problems:
        raise TextError(*sorted(problems))
    return lines


def _children(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.SequenceNode):
        yield from ((index, item, item) for index, item in enumerate(node.value))
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != f"{_TAG}merge":
                yield str(key.value), key, value

"""The part of Helm's template language that people use inside values files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from constructs_st2.values.layers import Finding, Layered
from constructs_st2.values.paths import KeyPath, begins_with, dotted, get

SUPPORTED = "{{ .Release.Name }}, {{ .Release.Namespace }}, {{ .Chart.AppVersion }} and {{ .Values.a.b }}"

_ACTION = re.compile(
    r"""
    (?: \s* \{\{-(?=\s) | \{\{ )        # "{{-" takes the white space before it away
    \s* (?:
        (?P<reference> \.[A-Za-z_][\w.]* )
      | "(?P<quoted> [^"\\\n]* )"       # Helm's way to write "{{" itself: {{ "{{" }}
      | `(?P<raw> [^`]* )`
    ) \s*
    (?: (?<=\s)-\}\} \s* | \}\} )
    """,
    re.VERBOSE,
)
_ANY_ACTION = re.compile(r"\{\{.*?(?:\}\}|$)", re.DOTALL)


class _Failed(Exception):
    """A template cannot be rendered; why has been noted at its own path."""


class Rendered(NamedTuple):
    """Values with their templates replaced, what is wrong with templates, and the paths of all that were left.

    ``referenced`` are the paths that templates refer to.
    """

    layered: Layered
    findings: list[Finding]
    left: Collection[KeyPath]
    referenced: Collection[KeyPath]


def render(
    layered: Layered,
    constants: Mapping[str, str],
    default_of: Callable[[KeyPath], object],
    raw_paths: Collection[tuple[str, ...]] = (),
) -> Rendered:
    """Replace the templates in all texts. Those that cannot be rendered are left as they are and reported.

    A text that is exactly one reference to a value becomes that value, with its type.

    Args:
        layered: the values.
        constants: what templates may name besides other values, and what it is: ``.Release.Name``.
        default_of: gives the default of a value that is not set, or raises KeyError.
        raw_paths: where texts are left as they are, with all below; ``*`` stands for any key or index.
    """
    rendering = _Rendering(layered.data, constants, default_of, raw_paths)
    data = rendering.value(layered.data, ())
    return Rendered(
        layered if data is layered.data else layered._replace(data=data),
        rendering.findings,
        rendering.failed,
        rendering.referenced,
    )


@dataclass
class _Rendering:
    data: Mapping[str, Any]
    constants: Mapping[str, str]
    default_of: Callable[[KeyPath], object]
    raw_paths: Collection[tuple[str, ...]]
    findings: list[Finding] = field(default_factory=list)
    _done: dict[KeyPath, object] = field(default_factory=dict)
    failed: set[KeyPath] = field(default_factory=set)
    referenced: set[KeyPath] = field(default_factory=set)
    _open: list[KeyPath] = field(default_factory=list)

    def value(self, value: Any, path: KeyPath) -> Any:
        """The value with its templates replaced; the same object if it holds none."""
        if isinstance(value, str):
            return self._safely(value, path) if "{{" in value else value
        if isinstance(value, dict):
            changed = {key: new for key, old in value.items() if (new := self.value(old, (*path, key))) is not old}
            return {**value, **changed} if changed else value
        if isinstance(value, list):
            items = [self.value(item, (*path, index)) for index, item in enumerate(value)]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def _safely(self, text: str, path: KeyPath) -> object:
        try:
            return self._text(text, path)
        except _Failed:
            return text

    def _text(self, text: str, path: KeyPath) -> object:
        if path in self._done:
            return self._done[path]
        if begins_with(path, self.raw_paths):
            return text
        if path in self.failed:
            raise _Failed
        if path in self._open:
            circle = [*self._open[self._open.index(path) :], path]
            raise self._note(path, f"refers to itself: {' -> '.join(map(dotted, circle))}")
        self._open.append(path)
        try:
            self._done[path] = self._replaced(text, path)
        except _Failed:
            self.failed.add(path)
            raise
        finally:
            self._open.pop()
        return self._done[path]

    def _replaced(self, text: str, path: KeyPath) -> object:
        whole = _ACTION.fullmatch(text)
        if whole and whole["reference"]:
            return self._referenced(whole["reference"], path, None)
        result: list[str] = []
        failed = False
        end = 0
        for action in _ACTION.finditer(text):
            failed |= self._notes_others(text, end, action.start(), path)
            try:
                result += text[end : action.start()], self._shown(action, path)
            except _Failed:
                failed = True
            end = action.end()
        failed |= self._notes_others(text, end, len(text), path)
        if failed:
            raise _Failed
        return "".join([*result, text[end:]])

    def _notes_others(self, text: str, start: int, end: int, path: KeyPath) -> bool:
        others = list(_ANY_ACTION.finditer(text, start, end))
        for other in others:
            self._note(path, _unsupported(" ".join(other[0].split())), _line(text, other.start()))
        return bool(others)

    def _shown(self, action: re.Match[str], path: KeyPath) -> str:
        if action["reference"] is None:
            literal: str = action["raw"] if action["quoted"] is None else action["quoted"]
            return literal
        value = self._referenced(action["reference"], path, _line(action.string, action.start("reference")))
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _referenced(self, reference: str, path: KeyPath, line: int | None) -> object:
        if reference in self.constants:
            return self.constants[reference]
        root, *keys = reference.removeprefix(".").split(".")
        if root != "Values" or not keys or not all(keys):
            raise self._note(path, _unsupported(f"{{{{ {reference} }}}}"), line)
        target = tuple(keys)
        self.referenced.add(target)
        value = self._looked_up(target, path, line)
        if isinstance(value, str):
            return self._text(value, target) if "{{" in value else value
        if isinstance(value, bool | int | float):
            return value
        kind = "a list" if isinstance(value, list) else "a mapping"
        raise self._note(
            path, f'"{dotted(target)}" is {kind}; only text, numbers, true and false can be referred to', line
        )

    def _looked_up(self, target: KeyPath, path: KeyPath, line: int | None) -> object:
        try:
            return get(self.data, target)
        except KeyError:
            pass
        try:
            value = self.default_of(target)
        except KeyError:
            raise self._note(path, f'there is no value "{dotted(target)}"', line) from None
        if value is None:
            raise self._note(path, f'"{dotted(target)}" is not set and has no default', line)
        return value

    def _note(self, path: KeyPath, message: str, line: int | None = None) -> _Failed:
        self.findings.append(Finding(path, message, line))
        return _Failed()


def _line(text: str, offset: int) -> int | None:
    """The line of a place in a text of several lines."""
    return text.count("\n", 0, offset) + 1 if "\n" in text else None


def shortened(text: str, limit: int = 60) -> str:
    """A text of a message, cut off behind so many characters."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _unsupported(template: str) -> str:
    return f'template {shortened(template)} is not supported; use {SUPPORTED}, or {{{{ "{{{{" }}}} for "{{{{" itself'

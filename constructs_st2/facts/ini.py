"""The dialect of INI that st2 reads: that of oslo.config.

Python's configparser differs from it in comments, quotes, interpolation and continuation lines, and oslo.config itself
brings a dozen packages and tells no lines. https://opendev.org/openstack/oslo.config, iniparser.py and cfg.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from constructs_st2.facts.secrets.programs.encodings import conf, unquoted

Scalar: TypeAlias = str | int | float | bool
ConfValue: TypeAlias = Scalar | Sequence[Scalar] | Mapping[str, str]

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)


class Entry(NamedTuple):
    """An option of a file; ``line`` is where it begins, from 1."""

    section: str
    option: str
    value: str
    line: int


class IniError(ValueError):
    """A text that oslo.config would refuse."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


def parse(text: str) -> list[Entry]:
    """All options of a text, in order; of an option that is given twice, the last one counts.

    Raises:
        IniError: the text is not of this dialect.
    """
    return list(_entries(text))


def _entries(text: str) -> Iterator[Entry]:
    section: str | None = None
    option: tuple[str, int] | None = None
    value: list[str] = []

    def finished() -> Iterator[Entry]:
        if option is None:
            return
        name, line = option
        if section is None:
            raise IniError(line, f"{name} stands before any [section]")
        yield Entry(section, name, "\n".join(value), line)

    for number, raw in enumerate(_LINE_BREAK.split(text), start=1):
        line = raw.rstrip()
        if line.startswith((" ", "\t")):
            if option is None:
                raise IniError(number, "is indented, but continues no option")
            value.append(line.lstrip())
            continue
        yield from finished()
        option = None
        if line.startswith("["):
            section = _section(line, number)
        elif line and not line.startswith(("#", ";")):
            name, first = _assignment(line, number)
            option, value = (name, number), [first]
    yield from finished()


def _section(line: str, number: int) -> str:
    if not line.endswith("]"):
        raise IniError(number, "a section must end with ]")
    if len(line) <= len("[]"):
        raise IniError(number, "a section must have a name")
    name = line[1:-1]
    return name if name == "DEFAULT" else name.lower()


def _assignment(line: str, number: int) -> tuple[str, str]:
    match = re.search("[:=]", line)
    if match is None:
        raise IniError(number, "is neither an assignment (option = value) nor a [section]")
    name, value = line[: match.start()].strip(), line[match.end() :].strip()
    if not name:
        raise IniError(number, "has a value, but no option")
    return name, unquoted(value)


def render(sections: Mapping[str, Mapping[str, ConfValue]]) -> str:
    """The text from which oslo.config reads exactly the given values: nothing in them has a meaning of its own.

    Raises:
        ValueError: a name or a value cannot be written in this dialect.
    """
    blocks = []
    for section, options in sections.items():
        lines = [f"[{_name(section)}]"]
        for option, value in options.items():
            name = _name(option)
            try:
                text = _text(value)
            except ValueError as error:
                raise ValueError(f"[{section}] {name}: {error}") from None
            lines.append(f"{name} = {text}".rstrip())
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _name(name: str) -> str:
    if not _NAME.fullmatch(str(name)):
        raise ValueError(f"{name!r} cannot be a name in st2.conf")
    return name


def _text(value: ConfValue) -> str:
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, str):
        return conf(value)
    if isinstance(value, Mapping):
        return conf(", ".join(f"{_item(key, ',:')}:{_item(item, ',')}" for key, item in value.items()))
    return conf(",".join(_item(str(item), ",") for item in value))


def _item(item: str, separators: str) -> str:
    if not item or item != item.strip() or any(separator in item for separator in separators):
        names = " or ".join(f'"{separator}"' for separator in separators)
        raise ValueError(f'"{item}" cannot be an item: it is empty, has blanks around it, or holds {names}')
    return item

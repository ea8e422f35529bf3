"""Plain data as YAML that every tool reads alike, whether it goes by YAML 1.1 (kubectl) or 1.2."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import yaml
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from constructs_st2.kube.documents import Document

DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Those of libyaml, which take a fifth of the time of the others."""
_RESOLVER: Any = yaml.resolver.Resolver()
_TEXT = "tag:yaml.org,2002:str"

_AMBIGUOUS = re.compile(r"|[yYnN]|[-+.]?[0-9][0-9a-fA-FxobXOB_.,:+-]*|[-+]?\.[0-9eE_+-]*")
"""Texts that some parser takes for a number or a truth value. More than those are in quotes, which does no harm.

By the rules of PyYAML, ``1e3`` and ``y`` are texts, but kubectl takes them for 1000.0 and true:
https://github.com/go-yaml/yaml/blob/v2.4.0/resolve.go
"""


def yaml_text(documents: Iterable[Document]) -> str:
    """The text of a file of objects.

    Keys keep their order, texts of several lines are blocks, and nothing is an alias, although objects share parts.
    """
    found = list(documents)
    try:
        return "---\n".join(map(_written, found))
    except _Unusual:
        return emitted(found)


# --- What nearly all objects are made of, as the emitter of PyYAML writes it. That wants an event for each key and each
# value, and takes four times as long.

_INDENT = "  "
_LONGEST_KEY = 128
"""Longer ones, and those of several lines, are written in another form."""
# Of texts in anything but ASCII, the emitter knows.
_PLAIN = re.compile(
    r"(?!---|\.\.\.)(?:[\w/$(+.;<=^~)\\]|[-?:](?=[!-~]))(?:[!-9;-~]|:(?=[!-~])| (?!#))*(?<! )", re.ASCII
)
_BETWEEN_SINGLE_QUOTES = re.compile(r"[ -~]+")
_BETWEEN_DOUBLE_QUOTES = re.compile(r"[ !#-\[\]-~]*")
_IN_A_BLOCK = re.compile(r"(?![ \n])(?:[!-~\n]| (?!\n))*[!-~]\n?")


class _Unusual(Exception):
    """Something that only the emitter knows how to write."""


def _written(document: Document) -> str:
    if not document or not isinstance(document, dict):
        raise _Unusual
    pieces: list[str] = []
    _write_mapping(document, "", "", pieces.append)
    return "".join(pieces)


def _write_mapping(mapping: Mapping[Any, Any], lead: str, indent: str, write: Callable[[str], None]) -> None:
    """Write a mapping; ``lead`` stands before its first key, ``indent`` before all others."""
    for key, value in mapping.items():
        start = f"{lead}{_key(str(key))}:"
        lead = indent
        if isinstance(value, str):
            write(f"{start} {_text(value, indent)}\n")
        elif isinstance(value, dict) and value:
            write(f"{start}\n")
            deeper = indent + _INDENT
            _write_mapping(value, deeper, deeper, write)
        elif isinstance(value, list | tuple) and value:
            write(f"{start}\n")
            _write_sequence(value, indent, indent, write)
        else:
            write(f"{start} {_scalar_or_empty(value)}\n")


def _write_sequence(items: Sequence[Any], lead: str, indent: str, write: Callable[[str], None]) -> None:
    """The same of a sequence, and its first item."""
    for value in items:
        start = f"{lead}- "
        lead = indent
        if isinstance(value, str):
            write(f"{start}{_text(value, indent)}\n")
        elif isinstance(value, dict) and value:
            _write_mapping(value, start, indent + _INDENT, write)
        elif isinstance(value, list | tuple) and value:
            _write_sequence(value, start, indent + _INDENT, write)
        else:
            write(f"{start}{_scalar_or_empty(value)}\n")


@cache
def _key(key: str) -> str:
    text = _on_one_line(key)
    if text is None or len(key) > _LONGEST_KEY:
        raise _Unusual
    return text


def _text(text: str, indent: str) -> str:
    if (known := _on_one_line(text)) is not None:
        return known
    if not _IN_A_BLOCK.fullmatch(text):
        raise _Unusual
    kept = text.endswith("\n")
    lines = (text[:-1] if kept else text).split("\n")
    inner = f"{indent}{_INDENT}"
    return "\n".join(["|" if kept else "|-", *(f"{inner}{line}" if line else "" for line in lines)])


@cache
def _on_one_line(text: str) -> str | None:
    if "\n" in text:
        return None
    if _means_text(text):
        if _PLAIN.fullmatch(text):
            return text
        if _BETWEEN_SINGLE_QUOTES.fullmatch(text):
            return "'" + text.replace("'", "''") + "'"
    elif _BETWEEN_DOUBLE_QUOTES.fullmatch(text):
        return f'"{text}"'
    raise _Unusual


def _scalar_or_empty(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, list | tuple) else _represented(value)


# --- Everything.


def emitted(documents: Iterable[Document]) -> str:
    """The same text as `yaml_text`, of any objects, by the emitter of PyYAML."""
    stream = io.StringIO()
    # The events are written at once: making nodes of the data first, as yaml.dump does, takes three times as long.
    dumper = DUMPER(stream, allow_unicode=True, width=2**31 - 1)
    emit = dumper.emit
    emit(StreamStartEvent())
    for document in documents:
        emit(DocumentStartEvent(explicit=stream.tell() > 0))
        for event in _events(document):
            emit(event)
        emit(DocumentEndEvent(explicit=False))
    emit(StreamEndEvent())
    dumper.dispose()
    return stream.getvalue()


_MAPPING_START = MappingStartEvent(None, None, True, flow_style=False)
_MAPPING_END = MappingEndEvent()
_SEQUENCE_START = SequenceStartEvent(None, None, True, flow_style=False)
_SEQUENCE_END = SequenceEndEvent()


def _events(value: Any) -> Iterator[Event]:
    if isinstance(value, str):
        yield _event(value)
    elif isinstance(value, dict):
        yield _MAPPING_START
        for key, item in value.items():
            yield _event(str(key))
            yield from _events(item)
        yield _MAPPING_END
    elif isinstance(value, list | tuple):
        yield _SEQUENCE_START
        for item in value:
            yield from _events(item)
        yield _SEQUENCE_END
    else:
        yield _scalar(value)


@cache
def _event(text: str) -> Event:
    is_plain = "\n" not in text and _means_text(text)
    return ScalarEvent(None, None, (is_plain, True), text, style=None if is_plain else "|" if "\n" in text else '"')


def _means_text(text: str) -> bool:
    """Whether every parser takes a text on one line for one, as it is."""
    return not _AMBIGUOUS.fullmatch(text) and _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)) == _TEXT


def _scalar(value: Any) -> Event:
    return ScalarEvent(None, None, (True, False), _represented(value))


def _represented(value: Any) -> str:
    text: str = yaml.SafeDumper(io.StringIO()).represent_data(value).value
    return text

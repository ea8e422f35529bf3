"""Plain data as YAML that every tool reads alike, whether it goes by YAML 1.1 (kubectl) or 1.2."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
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

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
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
    stream = io.StringIO()
    # The events are written at once: making nodes of the data first, as yaml.dump does, takes three times as long.
    dumper = _Dumper(stream, allow_unicode=True, width=2**31 - 1)
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
        yield _text(value)
    elif isinstance(value, dict):
        yield _MAPPING_START
        for key, item in value.items():
            yield _text(str(key))
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
def _text(text: str) -> Event:
    is_plain = "\n" not in text and not _AMBIGUOUS.fullmatch(text)
    is_plain = is_plain and _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)) == _TEXT
    return ScalarEvent(None, None, (is_plain, True), text, style=None if is_plain else "|" if "\n" in text else '"')


def _scalar(value: Any) -> Event:
    node = yaml.SafeDumper(io.StringIO()).represent_data(value)
    return ScalarEvent(None, None, (True, False), node.value)

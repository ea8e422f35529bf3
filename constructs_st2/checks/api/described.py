"""Whether objects are made of the fields that Kubernetes' own description of its API has, of the types that it says.

The server refuses what it does not know when it is asked to look (``kubectl apply`` asks), and else drops it in
silence. `kinds.json` has the description in short; ``make kubernetes-kinds`` makes it. This module is loaded only where
there are objects that this program has not made, or not alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from constructs_st2.checks.api import forms
from constructs_st2.checks.api.walk import Form, shown
from constructs_st2.checks.api.walk import Path as Place
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import Document, identity
from constructs_st2.kube.quantity import parsed

_TABLE = Path(__file__).with_name("kinds.json")
_FRACTION = "."
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[-+]\d\d:\d\d)")


class _Table(NamedTuple):
    """The kinds by API version and name, what they are made of, and the kinds of versions that come and go."""

    oldest: str
    newest: str
    kinds: Mapping[str, Mapping[str, Any]]
    types: Mapping[str, Mapping[str, Any]]
    unstable: Collection[str]


@lru_cache(maxsize=1)
def table() -> _Table:
    """What the newest Kubernetes knows."""
    return _Table(**json.loads(_TABLE.read_text(encoding="utf-8")))


def undescribed(document: Document) -> Iterator[Problem]:
    """What of an object Kubernetes does not know, or not of this type, and what it lacks.

    Args:
        document: an object that has an API version, a kind and a name. Nothing is said of custom kinds.
    """
    subject = identity(document)
    known = table().kinds.get(_key(document))
    if known is None:
        for field, message in _unknown_kind(document["apiVersion"], document["kind"]):
            yield Problem("api", subject, field, message)
        return
    for path, message in _faults(document, known["type"], ()):
        yield Problem("api", subject, shown(document, path), message)


def not_everywhere(document: Document) -> Iterator[Problem]:
    """What of an object only the newer of the versions know that this program is for."""
    subject, kinds = identity(document), table()
    known = kinds.kinds.get(_key(document))
    if known is None:
        if _key(document) in kinds.unstable:
            message = "is no stable version: clusters serve it only when they are told to, and not for ever"
            yield Problem("", subject, "apiVersion", message)
        return
    later = f"came after Kubernetes {kinds.oldest}: an older cluster refuses the object, or drops the field"
    if known.get("newer"):
        yield Problem("", subject, "kind", f"came after Kubernetes {kinds.oldest}: an older cluster refuses the object")
    for path in _marked("newer", document, known["type"], ()):
        yield Problem("", subject, shown(document, path), later)


def dropped(document: Document) -> Iterator[Problem]:
    """What of an object the server takes, and forgets."""
    known = table().kinds.get(_key(document))
    if known is None:
        return
    for path in _marked("gated", document, known["type"], ()):
        message = f"is dropped in silence by Kubernetes {table().newest}, unless the cluster turns on what it is of"
        yield Problem("", identity(document), shown(document, path), message)
    if document.get("status") and "status" in table().types[known["type"]]["fields"]:
        message = "is what the cluster tells: the server drops what is said here"
        yield Problem("", identity(document), "status", message)


def _key(document: Document) -> str:
    return f"{document['apiVersion']} {document['kind']}"


@lru_cache(maxsize=1)
def _groups() -> frozenset[str]:
    return frozenset(key.split()[0].rpartition("/")[0] for key in (*table().kinds, *table().unstable))


def _unknown_kind(api_version: str, kind: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a kind that the table does not have."""
    group = api_version.rpartition("/")[0]
    of_kind = sorted(key.split()[0] for key in table().kinds if key.split()[1] == kind)
    if group not in _groups():
        # Groups of custom kinds are domains.
        if "." not in group:
            hint = f"; {kind} is of {' or '.join(of_kind)}" if of_kind else ""
            yield "apiVersion", f'there is no API group "{group}"{hint}'
    elif f"{api_version} {kind}" in table().unstable:
        return
    elif of_kind:
        message = f"{api_version} of {kind} is not served by any supported Kubernetes; use {' or '.join(of_kind)}"
        yield "apiVersion", message
    else:
        kinds = [key.split()[1] for key in table().kinds if key.split()[0] == api_version]
        if kinds:
            yield "kind", f"there is no {kind} in {api_version}{_near(kind, kinds)}"
        else:
            versions = sorted(
                {key.split()[0] for key in table().kinds if key.startswith(f"{group}/" if group else "v")}
            )
            yield "apiVersion", f"there is no {api_version}{_near(api_version, versions)}"


def _faults(node: Mapping[Any, Any], kind: str, path: Place) -> Iterator[tuple[Place, str]]:
    """What is wrong in a mapping of a type of the table."""
    known = table().types[kind]
    fields = known["fields"]
    for name, value in node.items():
        if name not in fields:
            message = f'there is no field "{name}" in {kind.rpartition(".")[2]}{_near(str(name), fields)}'
            yield (*path, str(name)), message
        elif value is not None:
            yield from _faults_of(value, fields[name], (*path, name))
    for name in known.get("required", ()):
        if node.get(name) in _EMPTY:
            yield (*path, name), "is required"


def _faults_of(value: Any, kind: str, path: Place) -> Iterator[tuple[Place, str]]:
    if kind.endswith("[]"):
        if not isinstance(value, list):
            yield path, "must be a list"
            return
        for position, item in enumerate(value):
            yield from _faults_of(item, kind[:-2], (*path, position))
    elif kind.endswith("{}"):
        if not isinstance(value, dict):
            yield path, "must be a mapping"
            return
        for key, item in value.items():
            if item is not None:
                yield from _faults_of(item, kind[:-2], (*path, str(key)))
    elif kind in _SCALARS:
        if message := _SCALARS[kind](value):
            yield path, message
    elif isinstance(value, dict):
        yield from _faults(value, kind, path)
    else:
        yield path, "must be a mapping"


def _marked(mark: str, value: Any, kind: str, path: Place) -> Iterator[Place]:
    """The fields below a value that the table marks. What is not as the table says is passed over."""
    if kind.endswith("[]"):
        for position, item in enumerate(value if isinstance(value, list) else ()):
            yield from _marked(mark, item, kind[:-2], (*path, position))
    elif kind in table().types and isinstance(value, dict):
        known = table().types[kind]
        for name, item in value.items():
            if name in known.get(mark, ()):
                yield (*path, name)
            elif name in known["fields"]:
                yield from _marked(mark, item, known["fields"][name], (*path, name))


def _near(word: str, words: Collection[str]) -> str:
    from difflib import get_close_matches

    alike = next((each for each in words if each.lower() == word.lower()), None)
    near = [alike] if alike else get_close_matches(word, words, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _text(value: object) -> str | None:
    # YAML has dates; as JSON, which the server gets, they are texts.
    return None if isinstance(value, str | date) else forms.no_text(value)


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, not {value!r}"


def _number(value: object) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if is_number else f"must be a number, not {value!r}"


def _quantity(value: object) -> str | None:
    return f"must be a quantity such as 250m or 512Mi, not {value!r}" if parsed(value) is None else None


def _int_or_string(value: object) -> str | None:
    return None if isinstance(value, str) else forms.number(-(2**31), 2**31 - 1)(value)


def _micro_time(value: object) -> str | None:
    is_time = isinstance(value, str) and _TIME.fullmatch(value) and _FRACTION in value
    return None if is_time else f"must be a time such as 2006-01-02T15:04:05.000000Z, not {value!r}"


def _time(value: object) -> str | None:
    is_time = isinstance(value, date) or (isinstance(value, str) and _TIME.fullmatch(value))
    return None if is_time else f"must be a time such as 2006-01-02T15:04:05Z, not {value!r}"


_EMPTY: tuple[object, ...] = (None, "", [], {})
"""What the server takes for nothing where it needs something."""

_SCALARS: Mapping[str, Form] = {
    "any": lambda _: None,
    "base64": forms.base64_text,
    "boolean": _boolean,
    "int-or-string": _int_or_string,
    "int32": forms.number(-(2**31), 2**31 - 1),
    "int64": forms.number(-(2**63), 2**63 - 1),
    "micro-time": _micro_time,
    "number": _number,
    "quantity": _quantity,
    "string": _text,
    "time": _time,
}
"""What is wrong with single values, by the names of their types in the table."""

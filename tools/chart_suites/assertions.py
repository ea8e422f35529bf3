"""The assertions of helm-unittest that the chart's suites make, on plain documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from constructs_st2.kube.documents import Document

_STEP = re.compile(r"\.?\[([^\]]+)\]|\.?([^.\[\]]+)")


def value_at(document: Any, path: str) -> Any:
    """What a path such as ``spec.containers[0].name`` or ``metadata.labels.[a.b/c]`` leads to; None if to nothing."""
    found = document
    for bracketed, plain in _STEP.findall(path):
        step = bracketed.strip("\"'") or plain
        if isinstance(found, list):
            found = found[int(step)] if step.isdigit() and int(step) < len(found) else None
        else:
            found = found.get(step) if isinstance(found, dict) else None
    return found


def _contains(found: Any, wanted: Mapping[str, Any]) -> bool:
    content = wanted["content"]
    return isinstance(found, list) and any(
        item == content or (wanted.get("any") and isinstance(item, dict) and content.items() <= item.items())
        for item in found
    )


_OF_A_VALUE: Mapping[str, Callable[[Any, Mapping[str, Any]], bool]] = {
    "equal": lambda found, wanted: bool(found == wanted["value"]),
    "notEqual": lambda found, wanted: bool(found != wanted["value"]),
    "contains": _contains,
    "notContains": lambda found, wanted: not _contains(found, wanted),
    "isNull": lambda found, _: found is None,
    "isNotNull": lambda found, _: found is not None,
    "isEmpty": lambda found, _: not found,
    "isNotEmpty": lambda found, _: bool(found),
    "matchRegex": lambda found, wanted: isinstance(found, str) and bool(re.search(wanted["pattern"], found)),
}
_OF_A_DOCUMENT = {"isKind": "kind", "isAPIVersion": "apiVersion"}


def holds(kind: str, wanted: Any, documents: list[Document]) -> bool:
    """Whether an assertion holds, to the letter, of all documents that it is made of.

    Raises:
        KeyError: it is of no kind that is known.
    """
    if kind == "hasDocuments":
        return len(documents) == int(wanted["count"])
    if kind in _OF_A_DOCUMENT:
        return all(document.get(_OF_A_DOCUMENT[kind]) == wanted["of"] for document in documents)
    test = _OF_A_VALUE[kind]
    return bool(documents) and all(test(value_at(document, wanted["path"]), wanted) for document in documents)


# --- effects


def has_effect(kind: str, wanted: Any, documents: list[Document]) -> bool:
    """Whether what an assertion is about is so in effect: more is set than asked for, or it is said otherwise."""
    if kind not in _OF_A_VALUE:
        return False
    return all(_in_effect(kind, wanted, document) for document in documents)


def _in_effect(kind: str, wanted: Any, document: Document) -> bool:
    path = str(wanted["path"])
    found = value_at(document, path)
    if _OF_A_VALUE[kind](found, wanted):
        return True
    if kind == "equal":
        return _includes(found, wanted["value"])
    if kind != "contains":
        return False
    content = wanted["content"]
    if path.endswith("volumeMounts"):
        return any(_covers(str(mount["mountPath"]), str(content["mountPath"])) for mount in found or ())
    if path.endswith(".volumes"):
        return any(_includes(volume, {k: v for k, v in content.items() if k != "name"}) for volume in _volumes(found))
    if path.endswith(".command"):
        container = value_at(document, path.removesuffix(".command"))
        return content in [*(container.get("command") or ()), *(container.get("args") or ())]
    return any(_includes(item, content) for item in found or ())


def _includes(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there, among other things."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_includes(found.get(key), value) for key, value in wanted.items())
    return bool(found == wanted)


def _covers(ours: str, place: str) -> bool:
    """A folder is mounted at a place, or as a whole above it."""
    return f"{place.rstrip('/')}/".startswith(f"{ours.rstrip('/')}/")


def _volumes(found: Any) -> Iterator[Any]:
    """Volumes, and what projected ones are made of."""
    for volume in found or ():
        yield volume
        for source in volume.get("projected", {}).get("sources", ()):
            for kind, given in source.items():
                yield {kind: {"secretName" if kind == "secret" else "name": given.get("name")}}

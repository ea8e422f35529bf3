"""Reading plain data that may have any shape: users add objects of their own, and patch ours."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from typing import Any

from constructs_st2.kube.documents import Document


def mapping(value: object) -> Document:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Document]:
    """Those items of a list that are mappings."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def strings(value: object) -> list[str]:
    """Those items of a list that are texts."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def scalar(value: object) -> str | int | None:
    """The value if it is a text or a whole number, as names and numbers of ports are."""
    return value if isinstance(value, (str, int)) else None


def at(document: Document, *path: str) -> Any:
    """The value at a path of keys, or None where there is none."""
    value: Any = document
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


_WITHOUT_REFERENCES = 2
"""The version of the format in which all is written as often as it is there: the same content is the same bytes."""


def content_of(value: Any) -> bytes | None:
    """All that is in plain data, by the quickest way that Python has; None where it is more than plain data."""
    try:
        return marshal.dumps(value, _WITHOUT_REFERENCES)
    except ValueError:
        return None


def name_of(document: Document) -> str:
    """The name of an object."""
    name: str = document["metadata"]["name"]
    return name


def _metadata_of(document: Document) -> Document:
    """The metadata of an object or pod template. They are asked for thousands of times; `at` takes twice as long."""
    metadata = document.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def namespace_of(document: Document) -> str:
    """The namespace of an object; empty for objects without one."""
    namespace = _metadata_of(document).get("namespace")
    return namespace if isinstance(namespace, str) else ""


def any_labels_of(document: Document) -> Document:
    """The labels of an object or pod template, of which some may be no texts."""
    return mapping(_metadata_of(document).get("labels"))


def labels_of(document: Document) -> Mapping[str, str]:
    """The labels of an object or pod template, without those that are no texts."""
    labels = any_labels_of(document)
    return {key: value for key, value in labels.items() if isinstance(key, str) and isinstance(value, str)}


def label(document: Document, key: str) -> str | None:
    """One label of an object or pod template."""
    value = any_labels_of(document).get(key)
    return value if isinstance(value, str) else None


def annotations_of(document: Document) -> Document:
    """The annotations of an object or pod template."""
    return mapping(_metadata_of(document).get("annotations"))

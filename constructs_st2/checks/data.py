"""Reading plain data that may have any shape: users add objects of their own, and patch ours.

All of this is asked for thousands of times in a check.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping, Sequence
from typing import Any

from constructs_st2.kube.documents import Document


def mapping(value: object) -> Document:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> Sequence[Document]:
    """Those items of a list that are mappings."""
    return _items(value, dict)


def strings(value: object) -> Sequence[str]:
    """Those items of a list that are texts."""
    return _items(value, str)


def _items(value: object, kind: type) -> Sequence[Any]:
    """Those items of a list that are of a kind; by far the most often, all are."""
    if not isinstance(value, list):
        return []
    for item in value:
        if not isinstance(item, kind):
            return [each for each in value if isinstance(each, kind)]
    return value


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


def _of_metadata(document: Document, key: str) -> Any:
    """A field of the metadata of an object or pod template. `at` takes twice as long."""
    metadata = document.get("metadata")
    return metadata.get(key) if isinstance(metadata, dict) else None


def namespace_of(document: Document) -> str:
    """The namespace of an object; empty for objects without one."""
    namespace = _of_metadata(document, "namespace")
    return namespace if isinstance(namespace, str) else ""


def any_labels_of(document: Document) -> Document:
    """The labels of an object or pod template, of which some may be no texts."""
    labels = _of_metadata(document, "labels")
    return labels if isinstance(labels, dict) else {}


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
    annotations = _of_metadata(document, "annotations")
    return annotations if isinstance(annotations, dict) else {}

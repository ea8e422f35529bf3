"""The texts in objects that programs read: files, environment variables, arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from constructs_st2.checks.data import annotations_of, mapping, mappings, strings
from constructs_st2.checks.pods import PodTemplate
from constructs_st2.kube.documents import Document, identity
from constructs_st2.kube.shipped import is_shipped

Origin = Literal["file", "variable", "argument", "annotation"]


class Text(NamedTuple):
    """A text and where it stands. ``name`` is that of the file, variable or annotation."""

    owner: Document
    object: str
    field: str
    origin: Origin
    text: str
    name: str = ""

    def field_at(self, position: int) -> str:
        """The field, with the line of a position where there are several lines."""
        if "\n" not in self.text.rstrip("\n"):
            return self.field
        return f"{self.field} line {self.text.count(chr(10), 0, position) + 1}"


def texts_of(objects: Sequence[Document], pods: Sequence[PodTemplate]) -> Iterator[Text]:
    """All texts of some objects and of the pods that they make, but for the files of this package.

    Those are the same for everybody: they name no host of a release, and hold no secret.
    """
    for document in objects:
        subject = identity(document)
        if document["kind"] == "ConfigMap":
            for key, value in mapping(document.get("data")).items():
                if isinstance(value, str) and not is_shipped(value):
                    yield Text(document, subject, f"data[{key}]", "file", value, str(key))
        yield from _annotations(document, document, subject, "")
    for pod in pods:
        if pod.document is not pod.owner:
            yield from _annotations(pod.owner, pod.document, pod.identity, pod.prefix)
        for container in pod.containers:
            for variable in mappings(container.spec.get("env")):
                name, value = variable.get("name"), variable.get("value")
                if isinstance(value, str):
                    yield Text(pod.owner, pod.identity, f"{container.field}.env[{name}]", "variable", value, str(name))
            for key in ("command", "args"):
                for position, argument in enumerate(strings(container.spec.get(key))):
                    field = f"{container.field}.{key}[{position}]"
                    yield Text(pod.owner, pod.identity, field, "argument", argument)


def _annotations(owner: Document, document: Document, subject: str, prefix: str) -> Iterator[Text]:
    for key, value in annotations_of(document).items():
        if isinstance(value, str):
            yield Text(owner, subject, f"{prefix}metadata.annotations[{key}]", "annotation", value, str(key))

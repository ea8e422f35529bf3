"""The texts in objects that programs read: files, environment variables, arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from constructs_st2.checks.data import annotations_of, mapping, strings
from constructs_st2.checks.pods import PodTemplate
from constructs_st2.kube.documents import Document, identity
from constructs_st2.kube.shipped import is_shipped

Origin = Literal["file", "variable", "argument", "annotation"]
Item: TypeAlias = tuple[int | str, str]
"""A text with its position in a list, or its key in a mapping."""


class Texts(NamedTuple):
    """The texts of one list or mapping, each with its position or its key, and where they stand.

    They are many, and nearly all of them only looked at: the field of one is put together when it is told.
    """

    owner: Document
    object: str
    field: str
    origin: Origin
    items: tuple[Item, ...]

    def field_of(self, item: int | str) -> str:
        """The field of one of the texts."""
        return f"{self.field}[{item}]"

    def field_at(self, item: int | str, text: str, position: int) -> str:
        """The same, with the line of a position where there are several lines."""
        if "\n" not in text.rstrip("\n"):
            return self.field_of(item)
        return f"{self.field_of(item)} line {text.count(chr(10), 0, position) + 1}"


def texts_of(objects: Sequence[Document], pods: Sequence[PodTemplate]) -> Iterator[Texts]:
    """All texts of some objects and of the pods that they make, but for the files of this package.

    Those are the same for everybody: they name no host of a release, and hold no secret.
    """
    for document in objects:
        if document["kind"] == "ConfigMap":
            files = tuple([item for item in _texts(document.get("data")) if not is_shipped(item[1])])
            yield Texts(document, identity(document), "data", "file", files)
        yield from _annotations(document, document, "")
    for pod in pods:
        if pod.document is not pod.owner:
            yield from _annotations(pod.owner, pod.document, pod.prefix)
        for container in pod.containers:
            variables = [
                (str(variable.get("name")), variable["value"])
                for variable in container.variables
                if isinstance(variable.get("value"), str)
            ]
            if variables:
                yield Texts(pod.owner, pod.identity, f"{container.field}.env", "variable", tuple(variables))
            for key in ("command", "args"):
                if arguments := strings(container.spec.get(key)):
                    field = f"{container.field}.{key}"
                    yield Texts(pod.owner, pod.identity, field, "argument", tuple(enumerate(arguments)))


def _annotations(owner: Document, document: Document, prefix: str) -> Iterator[Texts]:
    if annotations := _texts(annotations_of(document)):
        yield Texts(owner, identity(owner), f"{prefix}metadata.annotations", "annotation", annotations)


def _texts(value: object) -> tuple[Item, ...]:
    return tuple([(str(key), text) for key, text in mapping(value).items() if isinstance(text, str)])

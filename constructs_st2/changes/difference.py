"""Which objects differ between two states, and where in them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from constructs_st2.checks.data import at, labels_of, mapping, name_of, namespace_of
from constructs_st2.kube.documents import Document, is_namespaced
from constructs_st2.kube.well_known import NAME_LABEL

Action = Literal["new", "changed", "gone"]
Key = tuple[str, str, str, str]


class Leaf(NamedTuple):
    """A place in an object whose value differs; None where there is none."""

    path: tuple[str, ...]
    old: Any
    new: Any


@dataclass(frozen=True)
class Difference:
    """An object that one of two states has otherwise than the other, or not at all."""

    old: Document | None
    new: Document | None
    leaves: tuple[Leaf, ...] = ()

    @property
    def action(self) -> Action:
        """What becomes of it."""
        if self.old is None:
            return "new"
        return "gone" if self.new is None else "changed"

    @property
    def document(self) -> Document:
        """The object as it will be, or as it was where it is gone."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def kind(self) -> str:
        """Its kind."""
        kind: str = self.document["kind"]
        return kind

    @property
    def name(self) -> str:
        """Its name."""
        return name_of(self.document)

    @property
    def namespace(self) -> str:
        """Its namespace; empty where it has none."""
        return namespace_of(self.document)

    @property
    def identity(self) -> str:
        """How people read of it: ``Deployment/st2-st2api``."""
        return f"{self.kind}/{self.name}"

    @property
    def component(self) -> str:
        """The component that it belongs to; its name where it is nobody's."""
        return labels_of(self.document).get(NAME_LABEL, self.name)

    def at(self, *path: str) -> list[Leaf]:
        """What differs at a place and below it."""
        return [leaf for leaf in self.leaves if leaf.path[: len(path)] == path]


def differences(old: Iterable[Document], new: Iterable[Document]) -> list[Difference]:
    """The objects that differ, in the order of the new state; those that are gone come last."""
    before, after = _by_key(old), _by_key(new)
    found = []
    for key, document in after.items():
        former = before.get(key)
        if former is None:
            found.append(Difference(None, document))
        elif former != document and (leaves := tuple(_leaves(_plain(former), _plain(document)))):
            found.append(Difference(former, document, leaves))
    found += [Difference(document, None) for key, document in before.items() if key not in after]
    return found


def _by_key(documents: Iterable[Document]) -> Mapping[Key, Document]:
    return {key_of(document): document for document in documents}


def key_of(document: Document) -> Key:
    """What tells an object from all others: not the version of its API, which changes with Kubernetes."""
    group = document["apiVersion"].rpartition("/")[0]
    namespace = namespace_of(document) if is_namespaced(document) or "/" in document["apiVersion"] else ""
    return group, document["kind"], namespace, name_of(document)


def _plain(document: Document) -> Document:
    """Both notations of a Secret's content as one."""
    given = mapping(document.get("stringData"))
    if document["kind"] != "Secret" or not given:
        return document
    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in given.items()}
    rest = {key: value for key, value in document.items() if key != "stringData"}
    return {**rest, "data": {**mapping(document.get("data")), **encoded}}


def _leaves(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from _leaves(old.get(key), new.get(key), (*path, str(key)))
        return
    if isinstance(old, list | None) and isinstance(new, list | None) and (old or new):
        before, after = named(old or []), named(new or [])
        if before is not None and after is not None:
            for name in [*after, *(name for name in before if name not in after)]:
                yield from _leaves(before.get(name), after.get(name), (*path, f"[{name}]"))
            return
    yield Leaf(path, old, new)


_NAMES = ("name", "mountPath", "port", "containerPort", "key", "host", "ip", "topologyKey")
"""By which of their keys items of a list are known, as by the patch strategies of Kubernetes."""


def named(items: Sequence[Any]) -> dict[str, Any] | None:
    """The items by their names; None where they have none, or not each its own."""
    if not all(isinstance(item, dict) for item in items):
        return None
    claims = [str(name) for item in items if (name := at(item, "metadata", "name"))]
    if claims and len(set(claims)) == len(items):
        return dict(zip(claims, items, strict=True))
    for key in _NAMES:
        names = [str(item[key]) for item in items if key in item]
        if len(set(names)) == len(items):
            return dict(zip(names, items, strict=True))
    return None

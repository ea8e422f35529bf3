"""What a cluster is made of, as plain data: tiers, their parts, and the objects of those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document


@dataclass(frozen=True)
class Part:
    """Objects that belong together: a service or a backend with all that it needs for itself.

    ``name`` tells it from the other parts of its tier. The part without a name holds what belongs to the whole tier.
    """

    name: str
    documents: list[Document]


PartsOf = Callable[[Cluster], Iterable[Part]]


class Plan(NamedTuple):
    """A tier before anything is built: what it is called, and what goes into it.

    Args:
        file: name of its file, without ending. Numbers in front make the order of files the order of applying; they
            leave room for others and are never given anew, so that the files of a cluster keep their names.
        parts: makes its parts; none at all where a cluster has no use for the tier.
        wave: Argo CD applies tiers of a lower wave first. Nothing depends on it: pods wait for what they need.
    """

    file: str
    parts: PartsOf
    wave: int = 0


Composed = Mapping[str, list[Part]]
"""The parts of each tier that has any, by the name of the tier."""


def loose(documents: Iterable[Document]) -> Iterator[Part]:
    """Objects that belong to their whole tier; no part where there are none."""
    made = list(documents)
    if made:
        yield Part("", made)


def documents_of(composed: Composed) -> list[Document]:
    """All objects, in the order in which they are written: the objects themselves, not copies."""
    return [document for parts in composed.values() for part in parts for document in part.documents]

"""A cluster as its objects, for what only looks at them: no app, and so no Node.js."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from constructs_st2.checks import Problem, check
from constructs_st2.checks.surroundings import surroundings
from constructs_st2.construct.foreign import foreign
from constructs_st2.construct.plans import compose
from constructs_st2.errors import UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document
from constructs_st2.parts.tiers import documents_of


class Built(NamedTuple):
    """A cluster whose objects hold together, and the number of files that they are written to."""

    objects: list[Document]
    files: int


class UnsoundObjects(UserError):
    """Objects that do not hold together, and what is wrong with them."""

    def __init__(self, found: Sequence[Problem], objects: Sequence[Document]) -> None:
        super().__init__(map(str, found))
        self.found = found
        self.objects = objects


def build(cluster: Cluster) -> Built:
    """The objects of a cluster, as an app writes them if nobody changes them there.

    Raises:
        InvalidValues: the values cannot be honoured.
        UnsoundObjects: the objects do not hold together.
    """
    composed = compose(cluster)
    objects = documents_of(composed)
    problems = check(objects, surroundings(cluster), foreign(cluster, composed))
    if problems:
        raise UnsoundObjects(problems, objects)
    return Built(objects, files=len(composed))

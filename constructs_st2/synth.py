"""A cluster as its objects, for what only looks at them."""

from __future__ import annotations

from dataclasses import dataclass

from constructs_st2.cluster import Cluster
from constructs_st2.documents import checked_documents
from constructs_st2.kubernetes import Document


@dataclass(frozen=True)
class Built:
    """A cluster whose objects hold together."""

    objects: list[Document]


def build(cluster: Cluster) -> Built:
    """The objects of a cluster, without an app and without Node.js.

    Raises:
        InvalidValues: the values cannot be honoured.
        UserError: the objects do not hold together.
    """
    return Built(checked_documents(cluster))

"""The objects of a cluster without an app, and so without Node.js: for programs that only look at them, and tests."""

from __future__ import annotations

from constructs_st2.app import documents
from constructs_st2.checks import check
from constructs_st2.cluster import Cluster
from constructs_st2.errors import UserError
from constructs_st2.kubernetes import Document
from constructs_st2.surroundings import surroundings


def checked_documents(cluster: Cluster) -> list[Document]:
    """The objects of a cluster, which hold together.

    Raises:
        InvalidValues: the values cannot be honoured.
        UserError: the objects do not hold together.
    """
    objects = documents(cluster)
    problems = check(objects, surroundings(cluster))
    if problems:
        raise UserError(map(str, problems))
    return objects

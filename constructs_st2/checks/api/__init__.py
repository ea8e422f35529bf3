"""What the API server of Kubernetes refuses, so that it is known before half of a cluster is applied.

`structure` says of which types objects are made, `rules` what must hold of each type: a rule a line, with the function
of Kubernetes that it comes from. `forms` are the forms of single values, `judges` what looks at several fields, of
many types; what looks at those of one type stands beside its rules. `described` knows the fields of all kinds.
"""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.api.nodeports import node_ports_are_used_once
from constructs_st2.checks.api.rules import COMPILED, ROOTS
from constructs_st2.checks.api.walk import shown, walk
from constructs_st2.checks.index import Index
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import identity

RULE = "api"


def accepted(index: Index) -> Iterator[Problem]:
    """The API server takes every object."""
    for document in index.objects:
        for field in ("annotations", "labels"):
            given = document["metadata"].get(field)
            if given is not None and not isinstance(given, dict):
                yield Problem(RULE, identity(document), f"metadata.{field}", "must be a mapping")
        root = ROOTS.get((document["apiVersion"].rpartition("/")[0], document["kind"]))
        if root is not None:
            for path, message in walk(document, COMPILED[root]):
                yield Problem(RULE, identity(document), shown(document, path), message)


RULES = (accepted, node_ports_are_used_once)

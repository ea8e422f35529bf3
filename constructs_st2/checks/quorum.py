"""Members that vote are odd in number."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.data import label
from constructs_st2.checks.index import Index
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import identity
from constructs_st2.kube.well_known import COMPONENT_LABEL

VOTING_COMPONENTS = frozenset({"database", "messaging", "coordination"})


def members_are_odd(index: Index) -> Iterator[Problem]:
    """An even number of members survives no more failures than one member less, and can split into halves."""
    for workload in index.of_kind("StatefulSet"):
        if label(workload, COMPONENT_LABEL) in VOTING_COMPONENTS:
            members = index.scale_of(workload).greatest
            if members % 2 == 0:
                message = f"{members} members cannot keep a majority better than {members - 1}; use an odd number"
                yield Problem("quorum", identity(workload), "spec.replicas", message)


RULES = (members_are_odd,)

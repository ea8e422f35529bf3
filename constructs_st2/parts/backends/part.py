"""A backend as a part of its tier."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.parts.backends.member_set import MemberSet, documents
from constructs_st2.parts.tiers import Part


def backend_part(members: MemberSet, cluster: Cluster) -> Part:
    """A backend with all that belongs to it: configuration, scripts, Services, StatefulSet and disruption budget."""
    return Part(members.component, documents(members, cluster))

"""A backend in the construct tree."""

from __future__ import annotations

from constructs import Construct

from constructs_st2.backends.member_set import MemberSet, documents
from constructs_st2.cluster import Cluster
from constructs_st2.manifest import Manifest, Tier


class BackendMembers(Construct):
    """A backend with all that belongs to it: configuration, scripts, Services, StatefulSet and disruption budget.

    Args:
        tier: the file that its objects go to.
        members: what to run.
        cluster: the cluster that it is part of.
    """

    def __init__(self, tier: Tier, members: MemberSet, cluster: Cluster) -> None:
        super().__init__(tier, members.component)
        for document in documents(members, cluster):
            Manifest(self, tier, document)

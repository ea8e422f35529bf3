"""The backends that run in a cluster."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Role
from constructs_st2.parts.backends.member_set import MemberSet


def member_set(role: Role, cluster: Cluster) -> MemberSet | None:
    """The members of the backend that plays a role; None where that runs elsewhere, or not at all.

    The others are not even imported.
    """
    match role, cluster.values.coordination_backend:
        case "database", _ if cluster.values.mongodb.enabled:
            from constructs_st2.parts.backends.mongodb.members import member_set as mongodb

            return mongodb(cluster)
        case "messaging", _ if cluster.values.rabbitmq.enabled:
            from constructs_st2.parts.backends.rabbitmq.members import member_set as rabbitmq

            return rabbitmq(cluster)
        case "coordination", "redis":
            from constructs_st2.parts.backends.redis.members import member_set as redis

            return redis(cluster)
        case "coordination", "etcd":
            from constructs_st2.parts.backends.etcd.members import member_set as etcd

            return etcd(cluster)
    return None

"""The backends that run in a cluster, each with the name of its file."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.backends.member_set import MemberSet
from constructs_st2.cluster import Cluster


def member_sets(cluster: Cluster) -> Iterator[tuple[str, MemberSet]]:
    """The file and the members of each backend in use. Those of others are not even imported."""
    if cluster.values.mongodb.enabled:
        from constructs_st2.backends.mongodb.members import member_set as mongodb

        yield "30-mongodb", mongodb(cluster)
    if cluster.values.rabbitmq.enabled:
        from constructs_st2.backends.rabbitmq.members import member_set as rabbitmq

        yield "31-rabbitmq", rabbitmq(cluster)
    match cluster.values.coordination_backend:
        case "redis":
            from constructs_st2.backends.redis.members import member_set as redis

            yield "32-coordination", redis(cluster)
        case "etcd":
            from constructs_st2.backends.etcd.members import member_set as etcd

            yield "32-coordination", etcd(cluster)

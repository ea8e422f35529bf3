"""The backends of StackStorm: which of them run in the cluster, and where their clients find them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from constructs_st2.facts.release import Role
from constructs_st2.values.model import Values


@dataclass(frozen=True)
class Backend:
    """A backend that can run in the cluster.

    ``component`` names its Service; that Service has only members that are ready for clients, so a connection to
    ``port`` tells that the backend can be used.
    """

    component: str
    port: int
    role: Role


MONGODB = Backend("mongodb", 27017, "database")
RABBITMQ = Backend("rabbitmq", 5672, "messaging")
REDIS_SENTINEL = Backend("redis", 26379, "coordination")
ETCD = Backend("etcd", 2379, "coordination")

AMQPS_PORT = 5671
"""Where RabbitMQ speaks TLS. The other backends do so on the port that they have without."""

_COORDINATION = {"redis": REDIS_SENTINEL, "etcd": ETCD}


def in_cluster(values: Values) -> Mapping[Role, Backend]:
    """The backends that run in the cluster, by what they are for."""
    backends: dict[Role, Backend] = {}
    if values.mongodb.enabled:
        backends["database"] = MONGODB
    if values.rabbitmq.enabled:
        backends["messaging"] = replace(RABBITMQ, port=AMQPS_PORT) if values.tls.internal.enabled else RABBITMQ
    if coordination := _COORDINATION.get(values.coordination_backend):
        backends["coordination"] = coordination
    return backends

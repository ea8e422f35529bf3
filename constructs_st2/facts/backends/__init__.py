"""The backends of StackStorm: which of them run in the cluster, and where their clients find them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from constructs_st2.facts.release import Role
from constructs_st2.values.model import Values
from constructs_st2.values.servers import MONGODB_PORT, RABBITMQ_PORT, REDIS_PORT, SENTINEL_PORT


class Backend(NamedTuple):
    """A backend that can run in the cluster.

    ``component`` names its Service; that Service has only members that are ready for clients, so a connection to
    ``port`` tells that the backend can be used. ``client_ports`` are those that clients use besides; ``peer_ports``
    those by which its members talk to each other, besides; monitoring reads ``metrics_port``.
    """

    component: str
    port: int
    role: Role
    metrics_port: int
    client_ports: tuple[int, ...] = ()
    peer_ports: tuple[int, ...] = ()


ETCD_PEER_PORT = 2380
ETCD_WITNESS_PORT = 2382
RABBITMQ_EPMD_PORT = 4369
RABBITMQ_DISTRIBUTION_PORT = 25672
RABBITMQ_FORMATION_PORT = 25673
"""Where a node of RabbitMQ tells the others whether it has data, also while its server does not run."""

MONGODB = Backend("mongodb", MONGODB_PORT, "database", metrics_port=9216)
RABBITMQ = Backend("rabbitmq", RABBITMQ_PORT, "messaging", metrics_port=15692)
# A sentinel tells where the master is, which clients then talk to.
REDIS_SENTINEL = Backend(
    "redis", SENTINEL_PORT, "coordination", metrics_port=9121, client_ports=(REDIS_PORT,), peer_ports=(REDIS_PORT,)
)
ETCD = Backend("etcd", 2379, "coordination", metrics_port=2381, peer_ports=(ETCD_PEER_PORT, ETCD_WITNESS_PORT))

AMQPS_PORT = 5671
"""Where RabbitMQ speaks TLS. The other backends do so on the port that they have without."""

BACKENDS: tuple[Backend, ...] = (MONGODB, RABBITMQ, REDIS_SENTINEL, ETCD)
"""Those that can run in a cluster, each with a section of its name in the values."""

COORDINATION_BACKENDS: Mapping[str, Backend] = {
    backend.component: backend for backend in BACKENDS if backend.role == "coordination"
}
"""Those of which a cluster has one, by `coordination.backend`."""


def in_cluster(values: Values) -> Mapping[Role, Backend]:
    """The backends that run in the cluster, by what they are for."""
    backends: dict[Role, Backend] = {}
    if values.mongodb.enabled:
        backends["database"] = MONGODB
    if values.rabbitmq.enabled:
        backends["messaging"] = RABBITMQ._replace(port=AMQPS_PORT) if values.tls.internal.enabled else RABBITMQ
    if coordination := COORDINATION_BACKENDS.get(values.coordination_backend):
        backends["coordination"] = coordination
    return backends


def rabbitmq_peer_ports(members: int) -> Mapping[str, int]:
    """What nodes of RabbitMQ listen on for each other, by name (https://www.rabbitmq.com/docs/networking#ports).

    One without others tells nobody whether it has data.
    """
    formation = {"formation": RABBITMQ_FORMATION_PORT} if members > 1 else {}
    return {"epmd": RABBITMQ_EPMD_PORT, "distribution": RABBITMQ_DISTRIBUTION_PORT, **formation}


def peer_ports(backend: Backend, members: int) -> tuple[int, ...]:
    """The ports by which that many members of a backend talk to each other: as clients, and by others."""
    if backend.component != RABBITMQ.component:
        return (backend.port, *backend.peer_ports)
    # A node joins those that it can reach as a client.
    joined = (backend.port,) if members > 1 else ()
    return (*joined, *rabbitmq_peer_ports(members).values())

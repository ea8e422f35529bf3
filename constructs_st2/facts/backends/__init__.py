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
    ``port`` tells that the backend can be used. ``client_ports`` are those that clients use besides; ``peer_ports``
    those by which its members talk to each other; monitoring reads ``metrics_port``.
    """

    component: str
    port: int
    role: Role
    metrics_port: int
    client_ports: tuple[int, ...] = ()
    peer_ports: tuple[int, ...] = ()


REDIS_PORT = 6379
ETCD_PEER_PORT = 2380
ETCD_WITNESS_PORT = 2382
RABBITMQ_EPMD_PORT = 4369
RABBITMQ_DISTRIBUTION_PORT = 25672
RABBITMQ_FORMATION_PORT = 25673
"""Where a node of RabbitMQ tells the others whether it has data, also while its server does not run."""

MONGODB = Backend("mongodb", 27017, "database", metrics_port=9216, peer_ports=(27017,))
RABBITMQ = Backend(
    "rabbitmq",
    5672,
    "messaging",
    metrics_port=15692,
    peer_ports=(RABBITMQ_EPMD_PORT, RABBITMQ_DISTRIBUTION_PORT, RABBITMQ_FORMATION_PORT),
)
# A sentinel tells where the master is, which clients then talk to.
REDIS_SENTINEL = Backend(
    "redis", 26379, "coordination", metrics_port=9121, client_ports=(REDIS_PORT,), peer_ports=(26379, REDIS_PORT)
)
# Members ask each other as clients when they join, and for `etcdctl endpoint status --cluster`.
ETCD = Backend("etcd", 2379, "coordination", metrics_port=2381, peer_ports=(2379, ETCD_PEER_PORT, ETCD_WITNESS_PORT))

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


def peer_ports(backend: Backend, members: int) -> tuple[int, ...]:
    """The ports by which that many members of a backend talk to each other."""
    if backend.component != RABBITMQ.component:
        return backend.peer_ports
    if members == 1:
        # Its own command line tools still connect.
        return (RABBITMQ_EPMD_PORT, RABBITMQ_DISTRIBUTION_PORT)
    # A node joins those that it can reach as a client.
    return (backend.port, *backend.peer_ports)

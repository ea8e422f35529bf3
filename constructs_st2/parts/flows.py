"""How parts say who talks to whom: the terms of the table of flows, and the flows of a client to what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Literal, NamedTuple, Protocol, TypeAlias
from urllib.parse import parse_qs, urlsplit

from constructs_st2.facts.backends import AMQPS_PORT, ETCD, MONGODB, RABBITMQ
from constructs_st2.facts.catalogue import (
    APIS,
    CONTROL_PLANE,
    Need,
)
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Role
from constructs_st2.parts.services import nginx
from constructs_st2.parts.services.waiting import endpoint
from constructs_st2.values.model import Values
from constructs_st2.values.model.backends import ETCD_SCHEMES, REDIS_SCHEME
from constructs_st2.values.servers import REDIS_PORT

Transport = Literal["TCP", "UDP"]


class Place(Enum):
    """What is no pod of the release."""

    OUTSIDE = "outside"
    NODES = "nodes"
    MONITORING = "monitoring"
    KEDA = "KEDA"
    KUBERNETES_API = "Kubernetes API"


End: TypeAlias = str | Place
"""Who talks: a component, or a place."""


class Component(NamedTuple):
    """Pods of one workload.

    ``least`` and ``most`` are their numbers. ``known_as`` is how the values name them: partitions of sensors share a
    name, and so do pools of runners, and the user's Jobs.
    """

    name: str
    role: Role
    tier: str
    known_as: str
    least: int = 1
    most: int = 1


class Flow(NamedTuple):
    """A client connects to a port of a server.

    ``port`` is that of the server's pods, not of a Service before them; None stands for any. ``waits``: an init
    container of the client waits until the server accepts connections.
    """

    client: End
    server: End
    port: int | None
    purpose: str
    protocol: Transport = "TCP"
    waits: bool = False


PURPOSES: Mapping[Need, str] = {
    Need.DATABASE: "database",
    Need.MESSAGING: "messages",
    Need.COORDINATION: "locks and the service registry",
    Need.AUTH: "tokens",
    Need.API: "REST API",
    Need.STREAM: "events",
}

BACKEND_PURPOSES = tuple(PURPOSES[need] for need in CONTROL_PLANE)
"""What backends are for, wherever they run."""

_DEFAULT_PORTS: Mapping[str, int] = {
    "amqp": RABBITMQ.port,
    "amqps": AMQPS_PORT,
    "kazoo": 2181,
    "mongodb": MONGODB.port,
    "redis": REDIS_PORT,
    "zookeeper": 2181,
    REDIS_SCHEME: REDIS_PORT,
    **dict.fromkeys(ETCD_SCHEMES, ETCD.port),
}
"""Of the URLs of external backends."""

KUBERNETES_API_PORTS = (443, 6443)
"""Of the servers behind the Service `kubernetes`: which one depends on who runs the cluster."""


class Table(Protocol):
    """Who is in a cluster, and who talks to whom: worked out when somebody asks."""

    @property
    def components(self) -> tuple[Component, ...]:
        """The components that have pods, in the order of the tiers."""

    @property
    def flows(self) -> tuple[Flow, ...]:
        """The table, without what is the same twice."""


def flows_to(client: str, needs: Iterable[Need], cluster: Cluster, *, waits: bool = False) -> Iterator[Flow]:
    """A client to whatever meets its needs. ``waits``: it has init containers that wait for that."""
    for need in needs:
        target = endpoint(need, cluster)
        for server, port in _servers(need, cluster):
            waited_for = waits and target is not None and port == target.port
            yield Flow(client, server, port, PURPOSES[need], waits=waited_for)


def _servers(need: Need, cluster: Cluster) -> list[tuple[End, int | None]]:
    """Where a need is met; for what is in the cluster, first where clients wait for it."""
    target = endpoint(need, cluster)
    if target is None:
        return [(Place.OUTSIDE, port) for port in _external_ports(need, cluster.values)]
    if need in APIS:
        elsewhere = getattr(cluster.values, need.value).service.type == "ExternalName"
        # Where TLS ends beside the service, that is another port than the Service's.
        port = nginx.HTTPS_PORT if cluster.values.tls.internal.of_services and not elsewhere else target.port
        return [(Place.OUTSIDE if elsewhere else target.component, port)]
    backend = next(each for each in cluster.backends.values() if each.component == target.component)
    return [(target.component, port) for port in (target.port, *backend.client_ports)]


def _external_ports(need: Need, values: Values) -> list[int | None]:
    """The ports of a backend that runs elsewhere. Where the values do not tell, it may be any."""
    match need:
        case Need.DATABASE:
            external = values.mongodb.external
            return _ports_of(external.uri) if external else [None]
        case Need.MESSAGING:
            rabbitmq = values.rabbitmq.external
            if rabbitmq is None:
                return [None]
            uses_tls = rabbitmq.tls.enabled
            urls = [url.replace("amqp:", "amqps:", 1) if uses_tls else url for url in rabbitmq.urls]
            return list(dict.fromkeys(port for url in urls for port in _ports_of(url)))
        case _:
            if values.coordination_backend == "none":
                return []
            return _ports_of(values.coordination.external.url) if values.coordination.external else [None]


def _ports_of(url: str) -> list[int | None]:
    parts = urlsplit(url)
    # The hosts behind a name of SRV records, and the master that a sentinel names, may listen on any port.
    if parts.scheme not in _DEFAULT_PORTS or "sentinel" in parse_qs(parts.query):
        return [None]
    given = [host.rpartition(":")[2] for host in parts.netloc.split(",")]
    ports = [int(port) if port.isdecimal() else _DEFAULT_PORTS[parts.scheme] for port in given]
    return list(dict.fromkeys(ports))

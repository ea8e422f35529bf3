"""Who talks to whom in a cluster: the one table behind waiting, network policies and the diagram."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qs, urlsplit

from constructs_st2.backends import AMQPS_PORT, ETCD, MONGODB, RABBITMQ, REDIS_SENTINEL, Backend
from constructs_st2.cluster import Cluster
from constructs_st2.jobs.job import Task
from constructs_st2.jobs.names import REGISTER_CONTENT, SMOKE_TEST, users_jobs
from constructs_st2.release import Role
from constructs_st2.services import nginx, web
from constructs_st2.services.catalogue import (
    APIS,
    CATALOGUE,
    CONTROL_PLANE,
    ST2API,
    ST2AUTH,
    ST2CHATOPS,
    ST2STREAM,
    ST2WEB,
    Need,
)
from constructs_st2.services.components import workloads_of
from constructs_st2.services.waiting import endpoint
from constructs_st2.values.model import Values

Protocol = Literal["TCP", "UDP"]


class Place(Enum):
    """What is no pod of the release."""

    OUTSIDE = "outside"
    NODES = "nodes"
    MONITORING = "monitoring"
    KEDA = "KEDA"
    KUBERNETES_API = "Kubernetes API"


End: TypeAlias = str | Place
"""Who talks: a component, or a place."""

EXTRA_JOBS = "extra-jobs"
"""How the values name the user's own Jobs, all of them."""


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


@dataclass(frozen=True)
class Flow:
    """A client connects to a port of a server.

    ``port`` is that of the server's pods, not of a Service before them; None stands for any. ``waits``: an init
    container of the client waits until the server accepts connections.
    """

    client: End
    server: End
    port: int | None
    purpose: str
    protocol: Protocol = "TCP"
    waits: bool = False


class _Ports(NamedTuple):
    """What the pods of a backend listen on, besides the port that its clients wait for.

    ``clients`` is for clients as well; ``peers`` for the other members; ``metrics`` for monitoring.
    """

    metrics: int
    clients: tuple[int, ...] = ()
    peers: tuple[int, ...] = ()


_PURPOSES: Mapping[Need, str] = {
    Need.DATABASE: "database",
    Need.MESSAGING: "messages",
    Need.COORDINATION: "locks and the service registry",
    Need.AUTH: "tokens",
    Need.API: "REST API",
    Need.STREAM: "events",
}

BACKEND_PURPOSES = tuple(_PURPOSES[need] for need in CONTROL_PLANE)
"""What backends are for, wherever they run."""

_DEFAULT_PORTS: Mapping[str, int] = {
    "amqp": RABBITMQ.port,
    "amqps": AMQPS_PORT,
    "kazoo": 2181,
    "mongodb": MONGODB.port,
    "redis": 6379,
    "st2etcd+http": ETCD.port,
    "st2etcd+https": ETCD.port,
    "st2redis": 6379,
    "zookeeper": 2181,
}
"""Of the URLs of external backends."""

_KUBERNETES_API_PORTS = (443, 6443)
"""Of the servers behind the Service `kubernetes`: which one depends on who runs the cluster."""


def components(cluster: Cluster) -> tuple[Component, ...]:
    """The components that have pods, in the order of the tiers."""
    return tuple(_components(cluster))


def flows(cluster: Cluster) -> tuple[Flow, ...]:
    """The table, without what is the same twice.

    A component that may connect to anything (``networkPolicy.egress.free``) talks to any port outside. Probes of the
    kubelet are not in it: no policy can forbid a pod's own node to reach it
    (https://kubernetes.io/docs/concepts/services-networking/network-policies/).
    """
    return tuple(
        dict.fromkeys(
            [
                *_of_services(cluster),
                *_of_jobs(cluster),
                *_of_backends(cluster),
                *_of_metrics(cluster),
                *_of_backups(cluster),
                *_of_execution_watch(cluster),
                *_from_outside(cluster),
                *_of_free(cluster),
            ]
        )
    )


# --- components


def _components(cluster: Cluster) -> Iterator[Component]:
    values = cluster.values
    if values.secrets.mode == "bootstrap":
        from constructs_st2.secrets.job import COMPONENT

        yield Component(COMPONENT, "operations", "jobs", COMPONENT)
    for role, backend in cluster.backends.items():
        name = backend.component
        members = getattr(values, name).replicas
        yield Component(name, role, "backends", name, members, members)
    if values.docker_registry.enabled:
        from constructs_st2 import registry

        yield Component(registry.COMPONENT, "operations", "registry", registry.COMPONENT)
    if values.monitoring.enabled:
        from constructs_st2.operations.monitoring.sources import STATSD_EXPORTER

        yield Component(STATSD_EXPORTER, "operations", "monitoring", STATSD_EXPORTER)
    if values.watches_executions:
        from constructs_st2.operations.executions import COMPONENT

        yield Component(COMPONENT, "operations", "monitoring", COMPONENT)
    for entry in CATALOGUE:
        for name, settings in workloads_of(entry, cluster):
            yield Component(
                name, entry.role, entry.tier, entry.name, settings.least_replicas, settings.greatest_replicas
            )
    for task in cluster.tasks:
        known_as = EXTRA_JOBS if _is_users(task, values) else task.component
        yield Component(task.component, "operations", "jobs", known_as)
    if values.backup.destination:
        from constructs_st2.operations.backup import restore, storage

        if values.backup.enabled:
            yield Component(storage.COMPONENT, "operations", "jobs", storage.COMPONENT)
        # Its Job is made by hand, and not there as a rule.
        yield Component(restore.COMPONENT, "operations", "jobs", restore.COMPONENT, least=0)


def _is_users(task: Task, values: Values) -> bool:
    return any(task.name == name for _, name in users_jobs(values.jobs))


# --- flows


def _of_services(cluster: Cluster) -> Iterator[Flow]:
    for entry in CATALOGUE:
        for component, _ in workloads_of(entry, cluster):
            yield from _to(component, entry.needs, cluster, waits=True)
            yield from _to(component, entry.uses, cluster)
    # By the controller of /v1/packs/index (st2api/controllers/v1/packs.py).
    yield Flow(ST2API.name, Place.OUTSIDE, 443, "index of packs")


def _of_jobs(cluster: Cluster) -> Iterator[Flow]:
    values = cluster.values
    if values.secrets.mode == "bootstrap":
        from constructs_st2.secrets.job import COMPONENT

        for port in _KUBERNETES_API_PORTS:
            yield Flow(COMPONENT, Place.KUBERNETES_API, port, "Secrets")
    for task in cluster.tasks:
        yield from _to(task.component, task.needs, cluster, waits=True)
        # The user's Jobs have all that the st2 command line and the programs of st2 need to reach anything.
        uses = (*Need,) if _is_users(task, values) else APIS[:2] if task.login else ()
        yield from _to(task.component, [need for need in uses if need not in task.needs], cluster)
        if task.name == SMOKE_TEST:
            for port in _web_ports(cluster):
                yield Flow(task.component, ST2WEB.name, port, "web UI")
            for component, _ in workloads_of(ST2CHATOPS, cluster):
                yield Flow(task.component, component, ST2CHATOPS.port, "chat bot")
        if task.name == REGISTER_CONTENT and values.jobs.pre_register_content_command:
            yield Flow(task.component, Place.OUTSIDE, None, "your command")


def _of_backends(cluster: Cluster) -> Iterator[Flow]:
    for backend in cluster.backends.values():
        name, ports = backend.component, _ports(backend, cluster)
        for port in ports.peers:
            yield Flow(name, name, port, "other members")
        # etcd has no exporter: it always tells.
        if backend is ETCD or cluster.values.monitoring.exports(getattr(cluster.values, name).metrics.enabled):
            yield Flow(Place.MONITORING, name, ports.metrics, "metrics")
    if cluster.values.uses_keda and "database" in cluster.backends:
        yield Flow(Place.KEDA, MONGODB.component, MONGODB.port, "work to do")


def _of_backups(cluster: Cluster) -> Iterator[Flow]:
    settings = cluster.values.backup
    if not settings.destination:
        return
    from constructs_st2.operations.backup import restore, storage

    for client in (*([storage.COMPONENT] if settings.enabled else []), restore.COMPONENT):
        yield from _to(client, [Need.DATABASE], cluster)
        if s3 := settings.destination.s3:
            parts = urlsplit(s3.endpoint or "https://")
            yield Flow(client, Place.OUTSIDE, parts.port or {"http": 80}.get(parts.scheme, 443), "storage of backups")
    if settings.enabled and settings.etcd and cluster.backends.get("coordination") is ETCD:
        yield Flow(storage.COMPONENT, ETCD.component, ETCD.port, "snapshot")


def _of_execution_watch(cluster: Cluster) -> Iterator[Flow]:
    if not cluster.values.watches_executions:
        return
    from constructs_st2.operations.executions import COMPONENT

    yield from _to(COMPONENT, (Need.AUTH, Need.API), cluster)
    for port in _KUBERNETES_API_PORTS:
        yield Flow(COMPONENT, Place.KUBERNETES_API, port, "pods of runners")


def _of_metrics(cluster: Cluster) -> Iterator[Flow]:
    if not cluster.values.monitoring.enabled:
        return
    from constructs_st2.operations.monitoring.sources import STATSD_EXPORTER, STATSD_METRICS_PORT
    from constructs_st2.operations.monitoring.statsd import STATSD_PORT

    # Whatever uses the database is a program of st2 that reads st2.conf.
    clients = [
        *(
            name
            for entry in CATALOGUE
            if Need.DATABASE in (*entry.needs, *entry.uses)
            for name, _ in workloads_of(entry, cluster)
        ),
        *(task.component for task in cluster.tasks if Need.DATABASE in task.needs or _is_users(task, cluster.values)),
    ]
    if cluster.values.watches_executions:
        from constructs_st2.operations.executions import COMPONENT

        clients.append(COMPONENT)
    for client in clients:
        yield Flow(client, STATSD_EXPORTER, STATSD_PORT, "numbers of what happens", protocol="UDP")
    yield Flow(Place.MONITORING, STATSD_EXPORTER, STATSD_METRICS_PORT, "metrics")


def _from_outside(cluster: Cluster) -> Iterator[Flow]:
    values = cluster.values
    for web_port in _web_ports(cluster):
        yield Flow(Place.OUTSIDE, ST2WEB.name, web_port, "web UI and APIs")
    behind_ingress = _behind_ingress(cluster)
    for entry, need in ((ST2AUTH, Need.AUTH), (ST2API, Need.API), (ST2STREAM, Need.STREAM)):
        if getattr(values, entry.name).service.type in ("NodePort", "LoadBalancer") or entry.name in behind_ingress:
            port = nginx.HTTPS_PORT if values.tls.internal.of_services else entry.port
            yield Flow(Place.OUTSIDE, entry.name, port, _PURPOSES[need])
    if values.st2chatops.enabled and values.st2chatops.adapter == "botframework":
        # Microsoft Teams calls the bot; the adapters of all other chats connect to them.
        yield Flow(Place.OUTSIDE, ST2CHATOPS.name, ST2CHATOPS.port, "chat")
    if values.docker_registry.enabled:
        from constructs_st2 import registry
        from constructs_st2.registry.config import PULL_PORT

        yield Flow(Place.NODES, registry.COMPONENT, PULL_PORT, "images")


def _behind_ingress(cluster: Cluster) -> set[str | None]:
    """The components that the Ingress leads to."""
    values = cluster.values
    if not values.ingress.enabled:
        return set()
    from constructs_st2.exposure.targets import hosts, target

    return {target(path, values, cluster.release).own for host in hosts(values) for path in host.paths}


def _of_free(cluster: Cluster) -> Iterator[Flow]:
    free = cluster.values.network_policy.egress.free
    for component in _components(cluster):
        if not {component.name, component.known_as}.isdisjoint(free):
            yield Flow(component.name, Place.OUTSIDE, None, "anything")


def _to(client: str, needs: Iterable[Need], cluster: Cluster, *, waits: bool = False) -> Iterator[Flow]:
    for need in needs:
        target = endpoint(need, cluster)
        for server, port in _servers(need, cluster):
            waited_for = waits and target is not None and port == target.port
            yield Flow(client, server, port, _PURPOSES[need], waits=waited_for)


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
    return [(target.component, port) for port in (target.port, *_ports(backend, cluster).clients)]


def _ports(backend: Backend, cluster: Cluster) -> _Ports:
    """Imported here, because the modules of backends that are not in use are not imported."""
    if backend is MONGODB:
        from constructs_st2.backends.mongodb import members as mongodb

        return _Ports(peers=(MONGODB.port,), metrics=mongodb.EXPORTER_PORT)
    if backend.component == RABBITMQ.component:
        from constructs_st2.backends.rabbitmq import members as rabbitmq

        replicas = cluster.values.rabbitmq.replicas
        # A node joins those that it can reach as a client.
        joined = (backend.port,) if replicas > 1 else ()
        peers = rabbitmq.peer_ports(replicas)
        return _Ports(peers=(*joined, *peers.values()), metrics=rabbitmq.METRICS_PORT)
    if backend is REDIS_SENTINEL:
        from constructs_st2.backends.redis import members as redis

        # A sentinel tells where the master is, which clients then talk to.
        return _Ports(
            clients=(redis.REDIS_PORT,),
            peers=(REDIS_SENTINEL.port, redis.REDIS_PORT),
            metrics=redis.EXPORTER_PORT,
        )
    from constructs_st2.backends.etcd import members as etcd

    # Members ask each other as clients when they join, and for `etcdctl endpoint status --cluster`.
    return _Ports(peers=(ETCD.port, etcd.PEER_PORT, etcd.WITNESS_PORT), metrics=etcd.METRICS_PORT)


def _web_ports(cluster: Cluster) -> list[int]:
    known = {"https": nginx.HTTPS_PORT, "http": nginx.HTTP_PORT}
    return [known[name] for name in web.ports(cluster)]


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

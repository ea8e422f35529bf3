"""Who talks to whom in a cluster: the one table behind network policies and the diagram.

The parts that every cluster has are here; an optional part says for itself whom it talks to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from constructs_st2.facts.backends import ETCD, peer_ports
from constructs_st2.facts.catalogue import APIS, CATALOGUE, ST2API, ST2AUTH, ST2CHATOPS, ST2STREAM, ST2WEB, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import SECRETS_BOOTSTRAP
from constructs_st2.facts.jobs import REGISTER_CONTENT, SMOKE_TEST
from constructs_st2.facts.secrets import contract
from constructs_st2.parts.flows import KUBERNETES_API_PORTS, PURPOSES, Component, Flow, Place, flows_to
from constructs_st2.parts.jobs.tasks import is_users, tasks
from constructs_st2.parts.optional import parts_of
from constructs_st2.parts.secrets.plan import outside_database
from constructs_st2.parts.services import nginx, web
from constructs_st2.parts.services.components import workloads_of
from constructs_st2.values.model import Values
from constructs_st2.values.model.network_policy import EXTRA_JOBS


@dataclass(frozen=True)
class ClusterTable:
    """The table of a cluster."""

    cluster: Cluster

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """The components that have pods, in the order of the tiers."""
        return components(self.cluster)

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """The table, without what is the same twice."""
        return flows(self.cluster)


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
                *(flow for part in parts_of(cluster.values) for flow in part.flows(cluster)),
                *_from_outside(cluster),
                *_of_free(cluster),
            ]
        )
    )


# --- components


def _components(cluster: Cluster) -> Iterator[Component]:
    values = cluster.values
    if values.secrets.has_bootstrap:
        yield Component(SECRETS_BOOTSTRAP, "operations", "jobs", SECRETS_BOOTSTRAP)
    for role, backend in cluster.backends.items():
        name = backend.component
        members = getattr(values, name).replicas
        yield Component(name, role, "backends", name, members, members)
    for part in parts_of(values):
        yield from part.components(cluster)
    for entry in CATALOGUE:
        for name, settings in workloads_of(entry, cluster):
            yield Component(
                name, entry.role, entry.tier, entry.name, settings.least_replicas, settings.greatest_replicas
            )
    for task in tasks(cluster):
        known_as = EXTRA_JOBS if is_users(task, values) else task.component
        yield Component(task.component, "operations", "jobs", known_as)


# --- flows


def _of_services(cluster: Cluster) -> Iterator[Flow]:
    for entry in CATALOGUE:
        for component, _ in workloads_of(entry, cluster):
            yield from flows_to(component, entry.needs, cluster, waits=True)
            yield from flows_to(component, entry.uses, cluster)
    # By the controller of /v1/packs/index (st2api/controllers/v1/packs.py).
    yield Flow(ST2API.name, Place.OUTSIDE, 443, "index of packs")


def _of_jobs(cluster: Cluster) -> Iterator[Flow]:
    values = cluster.values
    if values.secrets.has_bootstrap:
        for port in KUBERNETES_API_PORTS:
            yield Flow(SECRETS_BOOTSTRAP, Place.KUBERNETES_API, port, "Secrets")
        if outside_database(contract.DATASTORE, cluster):
            yield from flows_to(SECRETS_BOOTSTRAP, [Need.DATABASE], cluster)
    for task in tasks(cluster):
        yield from flows_to(task.component, task.needs, cluster, waits=True)
        # The user's Jobs have all that the st2 command line and the programs of st2 need to reach anything.
        uses = (*Need,) if is_users(task, values) else APIS[:2] if task.login else ()
        yield from flows_to(task.component, [need for need in uses if need not in task.needs], cluster)
        if task.name == SMOKE_TEST:
            for port in _web_ports(cluster.values):
                yield Flow(task.component, ST2WEB.name, port, "web UI")
            for component, _ in workloads_of(ST2CHATOPS, cluster):
                yield Flow(task.component, component, ST2CHATOPS.port, "chat bot")
        if task.name == REGISTER_CONTENT and values.jobs.pre_register_content_command:
            yield Flow(task.component, Place.OUTSIDE, None, "your command")


def _of_backends(cluster: Cluster) -> Iterator[Flow]:
    for backend in cluster.backends.values():
        name = backend.component
        for port in peer_ports(backend, getattr(cluster.values, name).replicas):
            yield Flow(name, name, port, "other members")
        # etcd has no exporter: it always tells, and the kubelet asks at the same port.
        enabled = None if backend is ETCD else getattr(cluster.values, name).metrics.enabled
        if cluster.values.monitoring.exports(enabled):
            yield Flow(Place.MONITORING, name, backend.metrics_port, "metrics")


def _from_outside(cluster: Cluster) -> Iterator[Flow]:
    values = cluster.values
    for web_port in _web_ports(cluster.values):
        yield Flow(Place.OUTSIDE, ST2WEB.name, web_port, "web UI and APIs")
    for entry, need in ((ST2AUTH, Need.AUTH), (ST2API, Need.API), (ST2STREAM, Need.STREAM)):
        if getattr(values, entry.name).service.type in ("NodePort", "LoadBalancer"):
            port = nginx.HTTPS_PORT if values.tls.internal.of_services else entry.port
            yield Flow(Place.OUTSIDE, entry.name, port, PURPOSES[need])
    if values.st2chatops.enabled and values.st2chatops.adapter == "botframework":
        # Microsoft Teams calls the bot; the adapters of all other chats connect to them.
        yield Flow(Place.OUTSIDE, ST2CHATOPS.name, ST2CHATOPS.port, "chat")


def _of_free(cluster: Cluster) -> Iterator[Flow]:
    free = cluster.values.network_policy.egress.free
    for component in _components(cluster):
        if not {component.name, component.known_as}.isdisjoint(free):
            yield Flow(component.name, Place.OUTSIDE, None, "anything")


def _web_ports(values: Values) -> list[int]:
    known = {"https": nginx.HTTPS_PORT, "http": nginx.HTTP_PORT}
    return [known[name] for name in web.ports(values)]

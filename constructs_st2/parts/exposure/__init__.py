"""The ways from outside to st2web: an Ingress, or a route of the Gateway API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_st2.facts.catalogue import ST2API, ST2AUTH, ST2STREAM, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document
from constructs_st2.parts.exposure.problems import problems
from constructs_st2.parts.exposure.targets import foreign_services, hosts, target
from constructs_st2.parts.flows import PURPOSES, Flow, Place, Table
from constructs_st2.parts.optional import PartHooks
from constructs_st2.parts.services import nginx


def documents(cluster: Cluster, _: Table | None = None) -> list[Document]:
    """The Ingress and the HTTPRoute, as far as they are enabled."""
    made = []
    if cluster.values.ingress.enabled:
        from constructs_st2.parts.exposure.ingress import ingress

        made.append(ingress(cluster))
    if cluster.values.gateway.enabled:
        from constructs_st2.parts.exposure.gateway import http_route

        made.append(http_route(cluster))
    return made


def _flows(cluster: Cluster) -> Iterator[Flow]:
    """The APIs that the Ingress leads to without st2web."""
    values = cluster.values
    if not values.ingress.enabled:
        return
    behind = {target(path, values, cluster.release).own for host in hosts(values) for path in host.paths}
    for entry, need in ((ST2AUTH, Need.AUTH), (ST2API, Need.API), (ST2STREAM, Need.STREAM)):
        if entry.name in behind:
            port = nginx.HTTPS_PORT if values.tls.internal.of_services else entry.port
            yield Flow(Place.OUTSIDE, entry.name, port, PURPOSES[need])


def _services(cluster: Cluster) -> Mapping[str, frozenset[int]]:
    return foreign_services(cluster.values, cluster.release) if cluster.values.ingress.enabled else {}


PART = PartHooks(documents, flows=_flows, problems=problems, services=_services)

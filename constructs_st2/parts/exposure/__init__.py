"""The ways from outside to st2web: an Ingress, or a route of the Gateway API."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document


def documents(cluster: Cluster) -> list[Document]:
    """The Ingress and the HTTPRoute, as far as they are enabled."""
    made = []
    if cluster.values.ingress.enabled:
        from constructs_st2.parts.exposure.ingress import ingress

        made.append(ingress(cluster))
    if cluster.values.gateway.enabled:
        from constructs_st2.parts.exposure.gateway import http_route

        made.append(http_route(cluster))
    return made

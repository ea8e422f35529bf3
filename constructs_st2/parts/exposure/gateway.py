"""The route of the Gateway API (https://gateway-api.sigs.k8s.io, API v1).

Fields with the defaults of the API are written all the same: Argo CD compares items of lists as a whole, and would
find the route different from what it has applied for good (https://github.com/argoproj/argo-cd/issues/22151).
"""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.facts.catalogue import ST2WEB
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.custom import custom_object
from constructs_st2.kube.documents import Document
from constructs_st2.parts.exposure.targets import HTTP_PORT
from constructs_st2.values.model.exposure import ParentRef

_STREAMS = ("/stream", "/api/stream", "/api/v1/stream")
"""Where st2web serves event streams, and the output of running actions; see services/nginx/locations.conf."""


def http_route(cluster: Cluster) -> Document:
    """The HTTPRoute of st2web: all paths, those of event streams with a timeout of their own."""
    values = cluster.values
    metadata: Document = {
        "name": cluster.release.named(ST2WEB.name),
        "namespace": cluster.release.namespace,
        "labels": cluster.release.labels(ST2WEB.name, ST2WEB.role),
        "annotations": dict(values.gateway.annotations),
    }
    spec: Document = {"parentRefs": [_parent(parent) for parent in values.gateway.parent_refs]}
    hostname = values.st2web.service.hostname
    if names := values.gateway.hostnames or ([hostname] if hostname else []):
        spec["hostnames"] = list(names)
    spec["rules"] = list(_rules(cluster))
    return custom_object("HTTPRoute", metadata, spec)


def _parent(parent: ParentRef) -> Document:
    optional = {"namespace": parent.namespace, "name": parent.name, "sectionName": parent.section_name}
    return {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        **{key: value for key, value in optional.items() if value is not None},
    }


def _rules(cluster: Cluster) -> Iterator[Document]:
    timeouts = cluster.values.gateway.timeouts
    service = cluster.release.named(ST2WEB.name)
    for paths, timeout in ((_STREAMS, timeouts.stream), (("/",), timeouts.request)):
        rule: Document = {"matches": [{"path": {"type": "PathPrefix", "value": path}} for path in paths]}
        if timeouts.enabled:
            rule["timeouts"] = {"request": timeout}
        rule["backendRefs"] = [{"group": "", "kind": "Service", "name": service, "port": HTTP_PORT, "weight": 1}]
        yield rule

"""The Ingress, made by cdk8s-plus-27.

Its class checks rules better than a mapping would. It is built in an app of its own, from which only the finished
specification is taken: what is patched later is plain data, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cdk8s
import cdk8s_plus_27 as kplus

from constructs_st2.cluster import Cluster
from constructs_st2.exposure.targets import hosts, target
from constructs_st2.kubernetes import Document
from constructs_st2.values.model.exposure import Ingress, IngressHost

COMPONENT = "st2web-ingress"
_PATH_TYPES: Mapping[str, kplus.HttpIngressPathType] = {
    "Prefix": kplus.HttpIngressPathType.PREFIX,
    "Exact": kplus.HttpIngressPathType.EXACT,
    "ImplementationSpecific": kplus.HttpIngressPathType.IMPLEMENTATION_SPECIFIC,
}


def ingress(cluster: Cluster) -> Document:
    """The Ingress. It has the name that it has in the Helm chart."""
    settings = cluster.values.ingress
    metadata: Document = {
        "name": cluster.release.named(COMPONENT),
        "namespace": cluster.release.namespace,
        "labels": cluster.release.labels(COMPONENT, "frontend"),
    }
    if settings.annotations:
        metadata["annotations"] = dict(settings.annotations)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": _spec(cluster)}


def _spec(cluster: Cluster) -> Document:
    settings, listed = cluster.values.ingress, hosts(cluster.values)
    chart = cdk8s.Chart(cdk8s.App(), "ingress")
    kplus.Ingress(
        chart,
        "ingress",
        class_name=settings.ingress_class_name,
        rules=_rules(chart, listed, cluster),
        tls=_certificates(chart, settings),
    )
    (spec,) = (document["spec"] for document in chart.to_json() if document["kind"] == "Ingress")
    return {**spec, "rules": [_in_order(rule, listed) for rule in spec["rules"]]}


def _in_order(rule: Document, listed: Sequence[IngressHost]) -> Document:
    """A rule with its paths in the order of the values.

    The class sorts them, but controllers may go by their order where the type is ImplementationSpecific.
    """
    order = [path.path for host in listed if host.host == rule.get("host") for path in host.paths]
    return {**rule, "http": {"paths": sorted(rule["http"]["paths"], key=lambda path: order.index(path["path"]))}}


def _rules(chart: cdk8s.Chart, listed: Sequence[IngressHost], cluster: Cluster) -> list[kplus.IngressRule]:
    return [
        kplus.IngressRule(
            host=host.host,
            path=path.path,
            path_type=_PATH_TYPES[path.path_type],
            backend=_backend(chart, f"{position}-{number}", *target(path, cluster.values, cluster.release)[:2]),
        )
        for position, host in enumerate(listed)
        for number, path in enumerate(host.paths)
    ]


def _backend(chart: cdk8s.Chart, id: str, name: str, port: int | None) -> kplus.IngressBackend:
    """The backend that a Service is. A Service is known to the class by an object of its own kind only."""
    assert port is not None, "values without a port do not come this far"
    service = kplus.Service(chart, f"service-{id}", metadata={"name": name}, ports=[kplus.ServicePort(port=port)])
    return kplus.IngressBackend.from_service(service)


def _certificates(chart: cdk8s.Chart, settings: Ingress) -> list[kplus.IngressTls]:
    return [
        kplus.IngressTls(
            hosts=tls.hosts or None,
            secret=kplus.Secret.from_secret_name(chart, f"tls-{position}", tls.secret_name)
            if tls.secret_name
            else None,
        )
        for position, tls in enumerate(settings.tls)
    ]

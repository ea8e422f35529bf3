"""The Ingress, checked by cdk8s-plus-27.

The class of cdk8s-plus-27 checks rules, but needs Node.js. So the specification is plain data, as everywhere, and in an
app, where Node.js runs, the class must make the same of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from constructs_st2 import node
from constructs_st2.errors import UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document
from constructs_st2.parts.exposure.targets import hosts, target
from constructs_st2.values.model.exposure import Ingress, IngressHost

if TYPE_CHECKING:
    import cdk8s
    import cdk8s_plus_27 as kplus

COMPONENT = "st2web-ingress"
_PATH_TYPES = {"Prefix": "PREFIX", "Exact": "EXACT", "ImplementationSpecific": "IMPLEMENTATION_SPECIFIC"}


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
    paths: dict[str | None, list[Document]] = {}
    for host in listed:
        for path in host.paths:
            name, port, _ = target(path, cluster.values, cluster.release)
            backend = {"service": {"name": name, "port": {"number": port}}}
            paths.setdefault(host.host, []).append({"backend": backend, "path": path.path, "pathType": path.path_type})
    spec: Document = {"ingressClassName": settings.ingress_class_name} if settings.ingress_class_name else {}
    spec["rules"] = [{**({"host": host} if host else {}), "http": {"paths": below}} for host, below in paths.items()]
    if settings.tls:
        spec["tls"] = [
            {
                **({"hosts": list(tls.hosts)} if tls.hosts else {}),
                **({"secretName": tls.secret_name} if tls.secret_name else {}),
            }
            for tls in settings.tls
        ]
    if node.runs():
        _verify(spec, cluster)
    return spec


def _verify(spec: Document, cluster: Cluster) -> None:
    """Check the rules by the class of cdk8s-plus-27, in an app of its own."""
    import cdk8s
    import cdk8s_plus_27 as kplus

    settings = cluster.values.ingress
    chart = cdk8s.Chart(cdk8s.App(), "ingress")
    kplus.Ingress(
        chart,
        "ingress",
        class_name=settings.ingress_class_name,
        rules=_rules(chart, hosts(cluster.values), cluster),
        tls=_certificates(chart, settings),
    )
    (made,) = (document["spec"] for document in chart.to_json() if document["kind"] == "Ingress")
    if _sorted(spec) != _sorted(made):
        raise UserError(f"Ingress/{cluster.release.named(COMPONENT)}: cdk8s makes something else of it: {made}")


def _sorted(spec: Document) -> Document:
    """With the paths as the class sorts them. Controllers may go by the order that the user gave them."""
    rules = [
        {**rule, "http": {"paths": sorted(rule["http"]["paths"], key=lambda path: str(path["path"]))}}
        for rule in spec["rules"]
    ]
    return {**spec, "rules": rules}


def _rules(chart: cdk8s.Chart, listed: Sequence[IngressHost], cluster: Cluster) -> list[kplus.IngressRule]:
    import cdk8s_plus_27 as kplus

    return [
        kplus.IngressRule(
            host=host.host,
            path=path.path,
            path_type=kplus.HttpIngressPathType[_PATH_TYPES[path.path_type]],
            backend=_backend(chart, f"{position}-{number}", *target(path, cluster.values, cluster.release)[:2]),
        )
        for position, host in enumerate(listed)
        for number, path in enumerate(host.paths)
    ]


def _backend(chart: cdk8s.Chart, id: str, name: str, port: int | None) -> kplus.IngressBackend:
    """The backend that a Service is. A Service is known to the class by an object of its own kind only."""
    import cdk8s_plus_27 as kplus

    assert port is not None, "values without a port do not come this far"
    service = kplus.Service(chart, f"service-{id}", metadata={"name": name}, ports=[kplus.ServicePort(port=port)])
    return kplus.IngressBackend.from_service(service)


def _certificates(chart: cdk8s.Chart, settings: Ingress) -> list[kplus.IngressTls]:
    import cdk8s_plus_27 as kplus

    return [
        kplus.IngressTls(
            hosts=tls.hosts or None,
            secret=kplus.Secret.from_secret_name(chart, f"tls-{position}", tls.secret_name)
            if tls.secret_name
            else None,
        )
        for position, tls in enumerate(settings.tls)
    ]

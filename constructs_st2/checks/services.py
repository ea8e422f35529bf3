"""Services, and the ports by which they and others reach pods."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.data import at, mapping, mappings, namespace_of, scalar
from constructs_st2.checks.index import Index, is_ours
from constructs_st2.checks.pods import network_actions
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import Document, identity


def services_lead_to_pods(index: Index) -> Iterator[Problem]:
    """A Service of ours selects pods, and they listen on the ports that it leads to."""
    for service in index.of_kind("Service"):
        selector = index.selector_of(service)
        if selector.is_empty:
            continue
        pods = index.pods_behind(service)
        if not pods and is_ours(service):
            message = f"selects no pods ({selector}); use the selector of the workload behind it"
            yield Problem("service-selector", identity(service), "spec.selector", message)
        for position, port in enumerate(mappings(at(service, "spec", "ports"))):
            target = scalar(port.get("targetPort") or port.get("port"))
            for pod in pods:
                if target not in pod.ports:
                    has = ", ".join(sorted(map(str, pod.ports))) or "none"
                    message = f"{pod.identity} has no port {target}; its ports are: {has}"
                    yield Problem("service-port", identity(service), f"spec.ports[{position}].targetPort", message)


def ports_of_probes(index: Index) -> Iterator[Problem]:
    """A probe or hook that names a port names one of its container."""
    for pod in index.pods:
        for container in pod.containers:
            for field, action in network_actions(container.spec):
                port = action.get("port")
                if not isinstance(port, str):
                    continue
                named = {scalar(each.get("name")) for each in container.ports}
                if port not in named:
                    message = f'the container has no port named "{port}"; its port names are: {_listed(named)}'
                    yield Problem("probe-port", pod.identity, f"{container.field}.{field}.port", message)


def ingress_backends(index: Index) -> Iterator[Problem]:
    """An Ingress leads to a Service and one of its ports."""
    for ingress in index.of_kind("Ingress"):
        for field, backend in _backends(ingress):
            name = str(backend.get("name"))
            if name in index.surroundings.services:
                continue
            service = index.find("Service", namespace_of(ingress), name)
            if service is None:
                message = f'there is no Service "{name}"; add it, or correct the name'
                yield Problem("ingress-backend", identity(ingress), field, message)
                continue
            wanted = mapping(backend.get("port"))
            port = scalar(wanted.get("name") or wanted.get("number"))
            offered = {scalar(p.get(key)) for p in mappings(at(service, "spec", "ports")) for key in ("name", "port")}
            if port not in offered:
                message = f'Service "{name}" has no port {port}; its ports are: {_listed(offered)}'
                yield Problem("ingress-backend", identity(ingress), field, message)


def _backends(ingress: Document) -> Iterator[tuple[str, Document]]:
    if default := at(ingress, "spec", "defaultBackend", "service"):
        yield "spec.defaultBackend.service", mapping(default)
    for rule, fields in enumerate(mappings(at(ingress, "spec", "rules"))):
        for position, path in enumerate(mappings(at(fields, "http", "paths"))):
            if service := at(path, "backend", "service"):
                yield f"spec.rules[{rule}].http.paths[{position}].backend.service", mapping(service)


def _listed(names: set[str | int | None]) -> str:
    return ", ".join(sorted(str(name) for name in names if name is not None)) or "none"


RULES = (services_lead_to_pods, ports_of_probes, ingress_backends)

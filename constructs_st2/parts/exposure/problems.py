"""What cannot be honoured about the ways from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.catalogue import ST2WEB
from constructs_st2.facts.release import Release
from constructs_st2.parts.exposure.targets import HTTP_PORT, HTTPS_PORT, hosts, target
from constructs_st2.values.model import Values
from constructs_st2.values.model.exposure import CertManager, IngressPath


def problems(values: Values, release: Release) -> Iterator[ValueProblem]:
    """What cannot be honoured about the values of a release."""
    if values.ingress.enabled:
        yield from _of_ingress(values, release)
    if values.gateway.enabled:
        yield from _of_gateway(values)
    if values.st2web.tls.cert_manager is not None:
        yield from _of_certificate(values, values.st2web.tls.cert_manager)


def _of_ingress(values: Values, release: Release) -> Iterator[ValueProblem]:
    if not hosts(values):
        yield ValueProblem("ingress.hosts", "is empty; list a host, or set st2web.service.hostname")
    first: dict[tuple[str | None, str], str] = {}
    for position, host in enumerate(hosts(values)):
        for number, path in enumerate(host.paths):
            key = f"ingress.hosts[{position}].paths[{number}]"
            before = first.setdefault((host.host, path.path), key)
            if before != key:
                yield ValueProblem(f"{key}.path", f'"{path.path}" of this host is already {before}; remove one of them')
            yield from _of_path(key, path, values, release)


def _of_path(key: str, path: IngressPath, values: Values, release: Release) -> Iterator[ValueProblem]:
    if path.path.endswith("*") and path.path_type != "ImplementationSpecific":
        message = f'"{path.path}" is taken literally with pathType {path.path_type}; leave out the "*"'
        yield ValueProblem(f"{key}.path", f"{message}, or set pathType to ImplementationSpecific")
    if path.service is not None and path.service_name is not None:
        yield ValueProblem(f"{key}.serviceName", "cannot be used together with service; remove one of them")
        return
    where = f"{key}.servicePort"
    _, port, own = target(path, values, release)
    if own == ST2WEB.name and values.st2web.tls.enabled and port != HTTPS_PORT:
        yield ValueProblem(where, _https_message(port))
    elif port is None:
        yield ValueProblem(where, f"is required for a Service that is not of this release ({path.service_name})")


def _https_message(port: int | None) -> str:
    reason = "redirects everything to HTTPS" if port == HTTP_PORT else "serves HTTPS"
    return (
        f"st2web {reason}; set st2web.tls.enabled to false and let the Ingress end TLS, "
        f"or set this to {HTTPS_PORT} and tell the controller by an annotation that it must speak HTTPS"
    )


def _of_gateway(values: Values) -> Iterator[ValueProblem]:
    gateway = values.gateway
    if not gateway.parent_refs:
        yield ValueProblem("gateway.parentRefs", "is empty; name the Gateway that requests come from")
    if values.st2web.tls.enabled:
        message = "needs st2web.tls.enabled false: Gateways speak plain HTTP to st2web, and end TLS themselves"
        yield ValueProblem("gateway.enabled", message)
    yield from _repeated("gateway.parentRefs", gateway.parent_refs)
    yield from _repeated("gateway.hostnames", gateway.hostnames)


def _of_certificate(values: Values, settings: CertManager) -> Iterator[ValueProblem]:
    key, tls = "st2web.tls.certManager", values.st2web.tls
    if not tls.enabled:
        yield ValueProblem(key, "cannot be used with st2web.tls.enabled false; set that to true, or remove this")
    if tls.existing_secret is not None:
        yield ValueProblem(key, "cannot be used together with st2web.tls.existingSecret; remove one of them")
    if not settings.service_names and not settings.dns_names and not values.st2web.service.hostname:
        message = "is empty; list a name, or set st2web.service.hostname or serviceNames"
        yield ValueProblem(f"{key}.dnsNames", message)
    if hours(settings.renew_before) >= hours(settings.duration):
        message = f"must be less than the duration, {settings.duration}: no certificate would ever be good enough"
        yield ValueProblem(f"{key}.renewBefore", message)


def hours(text: str) -> int:
    """The number in a text such as ``720h``."""
    return int(text.removesuffix("h"))


def _repeated(key: str, items: Sequence[object]) -> Iterator[ValueProblem]:
    for position, item in enumerate(items):
        if item in items[:position]:
            yield ValueProblem(f"{key}[{position}]", f"is the same as {key}[{items.index(item)}]; remove one of them")

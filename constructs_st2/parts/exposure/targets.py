"""Where paths of an Ingress lead to."""

from __future__ import annotations

from typing import NamedTuple

from constructs_st2.facts.catalogue import ST2API, ST2AUTH, ST2STREAM, ST2WEB
from constructs_st2.facts.release import Release
from constructs_st2.values.model import Values
from constructs_st2.values.model.exposure import IngressHost, IngressPath

HTTP_PORT = 80
HTTPS_PORT = 443


class Target(NamedTuple):
    """A Service. ``own`` is what runs behind it, None for a Service that is not of this release."""

    service: str
    port: int | None
    own: str | None


def hosts(values: Values) -> list[IngressHost]:
    """The hosts of the Ingress: those listed, or the one that the Service of st2web is known by."""
    hostname = values.st2web.service.hostname
    if values.ingress.hosts or not hostname:
        return values.ingress.hosts
    return [IngressHost(host=hostname)]


def target(path: IngressPath, values: Values, release: Release) -> Target:
    """The Service that a path leads to; its port is None where the user must say it."""
    own_ports = {
        ST2WEB.name: None if values.st2web.tls.enabled else HTTP_PORT,
        **{entry.name: entry.port for entry in (ST2AUTH, ST2API, ST2STREAM)},
    }
    own = path.service or ST2WEB.name
    if path.service_name is not None:
        by_full_name = {release.named(name): name for name in own_ports}
        if path.service_name not in by_full_name:
            return Target(path.service_name, path.service_port, None)
        own = by_full_name[path.service_name]
    return Target(release.named(own), path.service_port or own_ports[own], own)


def foreign_services(values: Values, release: Release) -> dict[str, frozenset[int]]:
    """The Services that the Ingress leads to although they are none of the release, and their ports."""
    found: dict[str, frozenset[int]] = {}
    for host in hosts(values) if values.ingress.enabled else ():
        for path in host.paths:
            name, port, _ = target(path, values, release)
            if port is not None and not name.startswith(release.named("")):
                found[name] = found.get(name, frozenset()) | {port}
    return found

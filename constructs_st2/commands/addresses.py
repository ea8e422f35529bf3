"""Where people reach a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from constructs_st2.facts.catalogue import ST2WEB

if TYPE_CHECKING:
    from constructs_st2.values.model import Values

LOCAL_PORT = 8443
"""Where `kubectl port-forward` puts the web UI on the machine of somebody who tries it."""


def addresses(values: Values) -> Iterator[str]:
    """Where an Ingress or a Gateway makes the web UI known."""
    secured = {host for tls in values.ingress.tls for host in tls.hosts}
    for rule in values.ingress.hosts if values.ingress.enabled else ():
        if rule.host and any(path.service in (None, ST2WEB.name) and not path.service_name for path in rule.paths):
            yield f"{'https' if rule.host in secured else 'http'}://{rule.host}/"
    for host in values.gateway.hostnames if values.gateway.enabled else ():
        yield f"https://{host}/"

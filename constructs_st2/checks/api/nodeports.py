"""Ports of nodes, of which the API server gives each to one Service."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.data import at, mappings
from constructs_st2.checks.index import Index
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import identity


def node_ports_are_used_once(index: Index) -> Iterator[Problem]:
    """No port of the nodes is wanted twice (pkg/registry/core/service/portallocator)."""
    taken: dict[tuple[int, str], str] = {}
    for service in index.of_kind("Service"):
        for position, port in enumerate(mappings(at(service, "spec", "ports"))):
            number = port.get("nodePort")
            if not isinstance(number, int) or not number:
                continue
            owner = taken.setdefault((number, str(port.get("protocol", "TCP"))), identity(service))
            if owner != identity(service):
                message = f"{number} is already the port of {owner}; each Service needs its own"
                yield Problem("api", identity(service), f"spec.ports[{position}].nodePort", message)

"""What is drawn: the components and flows of a cluster, put together where that loses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from constructs_st2.commands.addresses import addresses
from constructs_st2.construct.flows import components, flows
from constructs_st2.facts.catalogue import ST2ACTIONRUNNER, ST2WEB
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import BACKUP
from constructs_st2.parts.flows import BACKEND_PURPOSES, Component, End, Flow, Place
from constructs_st2.values.model.backup import Destination
from constructs_st2.values.model.network_policy import EXTRA_JOBS

Band = Literal["front", "middle", "back"]
"""The three rows of cells: what people and machines outside reach, the other components, and what all stand on."""

TIMES = "\u00d7"
MOST_LINES = 8
"""Components that a cell names, partitions of sensors as one; it says how many more there are."""

_TITLES: Mapping[str, str] = {
    "frontend": "Web UI",
    "chatops": "Chat bot",
    "registry": "Images",
    "api": "API",
    "engines": "Engines",
    "runners": "Runners",
    "client": "Command line",
    "jobs": "Jobs",
    "monitoring": "Monitoring",
    "database": "Database",
    "messaging": "Messages",
    "coordination": "Coordination",
}
_FRONT = ("frontend", "chatops", "registry")
_MIDDLE = ("api", "engines", "runners", "client", "jobs", "monitoring")


@dataclass(frozen=True)
class Cell:
    """Components of a tier that talk to the same others, or a backend that runs elsewhere.

    ``names`` are those of the components, ``lines`` what is written.
    """

    band: Band
    title: str
    names: tuple[str, ...]
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Link(NamedTuple):
    """A cell connects to a server."""

    client: Cell
    ports: str


@dataclass(frozen=True)
class Rail:
    """All connections to one server."""

    server: Cell
    label: str
    links: tuple[Link, ...]


class Exchange(NamedTuple):
    """What a cell has to do with the world outside, and on which ports."""

    cell: Cell
    incoming: bool
    what: str
    ports: str


@dataclass(frozen=True)
class Parts:
    """All that is drawn. ``flows`` is the whole table, for those who do not see the picture."""

    name: str
    cells: tuple[Cell, ...]
    rails: tuple[Rail, ...]
    exchanges: tuple[Exchange, ...]
    flows: tuple[Flow, ...]

    def band(self, band: Band) -> list[Cell]:
        """The cells of a row, from left to right."""
        return [cell for cell in self.cells if cell.band == band]


def parts_of(cluster: Cluster) -> Parts:
    """The parts of a cluster's picture."""
    table = flows(cluster)
    details = _details(cluster)
    cells = [*_cells(components(cluster), table, details), *_elsewhere(table)]
    return Parts(
        name=f"{cluster.release.name} in {cluster.release.namespace}",
        cells=tuple(cells),
        rails=tuple(rail for server in cells if (rail := _rail(server, cells, table))),
        exchanges=tuple(exchange for cell in cells for exchange in _exchanges(cell, table)),
        flows=table,
    )


def ports_in_words(some: Iterable[Flow]) -> str:
    """The ports of some flows, as a label says them."""
    return ", ".join(dict.fromkeys(map(_port_in_words, some)))


def _port_in_words(flow: Flow) -> str:
    if flow.port is None:
        return "any port"
    return str(flow.port) if flow.protocol == "TCP" else f"{flow.port}/{flow.protocol}"


def _details(cluster: Cluster) -> Mapping[str, Sequence[str]]:
    """What the values say of components that no flow tells."""
    values = cluster.values
    pools = [f"pool {pool.name}: {TIMES}{pool.replicas}" for pool in values.st2actionrunner.pools]
    return {
        ST2WEB.name: [url.rstrip("/") for url in addresses(values)],
        ST2ACTIONRUNNER.name: pools,
        BACKUP: [f"to {_target(values.backup.destination)}"] if values.backup.destination else [],
    }


def _target(destination: Destination) -> str:
    if destination.s3:
        return f"s3://{destination.s3.bucket}"
    claim = destination.claim
    return f"volume {claim.existing_claim}" if claim and claim.existing_claim else "a volume"


def _cells(found: Sequence[Component], table: Sequence[Flow], details: Mapping[str, Sequence[str]]) -> list[Cell]:
    alike: dict[object, list[Component]] = {}
    for tier in (*_FRONT, *_MIDDLE, "backends"):
        for component in found:
            if component.tier == tier:
                alike.setdefault((tier, _behaviour(component, table)), []).append(component)
    return [_cell(group, table, details) for group in alike.values()]


def _behaviour(component: Component, table: Iterable[Flow]) -> frozenset[object]:
    """Whom a component talks to, and who talks to it."""
    return frozenset(
        (flow.client == component.name, flow.server if flow.client == component.name else flow.client, flow.port)
        for flow in table
        if component.name in (flow.client, flow.server)
    )


def _cell(group: Sequence[Component], table: Sequence[Flow], details: Mapping[str, Sequence[str]]) -> Cell:
    first = group[0]
    pods: dict[str, tuple[int, int]] = {}
    for each in group:
        name = each.name if each.known_as == EXTRA_JOBS else each.known_as
        least, most = pods.get(name, (0, 0))
        pods[name] = (least + each.least, most + each.most)
    lines = [f"{name.removeprefix('job-')} {TIMES}{_numbers(*of_name)}" for name, of_name in pods.items()]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more"]
    front, middle = first.tier in _FRONT, first.tier in _MIDDLE
    return Cell(
        band="front" if front else "middle" if middle else "back",
        title=_TITLES[first.role if first.tier == "backends" else first.tier],
        names=tuple(each.name for each in group),
        lines=tuple(lines),
        notes=(*_notes(first.name, table), *(note for each in group for note in details.get(each.name, ()))),
    )


def _numbers(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _notes(name: str, table: Iterable[Flow]) -> list[str]:
    """Connections that are written and not drawn."""
    table = list(table)
    among = ports_in_words(flow for flow in table if flow.client == flow.server == name)
    found = {"members": among}
    for place, what in ((Place.MONITORING, "metrics"), (Place.KEDA, "KEDA")):
        found[what] = ports_in_words(flow for flow in table if (flow.client, flow.server) == (place, name))
    return [f"{what}: {ports}" for what, ports in found.items() if ports]


def _elsewhere(table: Iterable[Flow]) -> list[Cell]:
    """A cell for each backend that runs outside."""
    used = {flow.purpose for flow in table if flow.server is Place.OUTSIDE}
    return [
        Cell("back", "Outside", (_outside_name(purpose),), (purpose,))
        for purpose in BACKEND_PURPOSES
        if purpose in used
    ]


def _outside_name(purpose: str) -> str:
    return f"{Place.OUTSIDE.value}: {purpose}"


def _server_name(flow: Flow) -> str:
    """The cell that a flow leads to, by a name in it."""
    if isinstance(flow.server, str):
        return flow.server
    return _outside_name(flow.purpose)


def _rail(server: Cell, cells: Iterable[Cell], table: Iterable[Flow]) -> Rail | None:
    to_server = [flow for flow in table if _server_name(flow) in server.names and flow.client not in server.names]
    links = []
    for client in cells:
        ports = ports_in_words(flow for flow in to_server if flow.client in client.names)
        if ports:
            links.append(Link(client, ports))
    if not links:
        return None
    name = server.names[0].rpartition(": ")[2]
    label = f"{name} {ports_in_words(flow for flow in to_server if isinstance(flow.client, str))}"
    return Rail(server, label, tuple(links))


def _exchanges(cell: Cell, table: Sequence[Flow]) -> list[Exchange]:
    """The connections of a cell with the outside that no rail shows."""
    found: dict[tuple[bool, str], list[Flow]] = {}
    for flow in table:
        if flow.client in (Place.OUTSIDE, Place.NODES) and flow.server in cell.names:
            found.setdefault((True, _what(flow.client, flow)), []).append(flow)
        elsewhere = flow.server is Place.OUTSIDE and flow.purpose in BACKEND_PURPOSES
        if isinstance(flow.server, Place) and flow.client in cell.names and not elsewhere:
            found.setdefault((False, _what(flow.server, flow)), []).append(flow)
    incoming_first = sorted(found.items(), key=lambda item: not item[0][0])
    return [Exchange(cell, incoming, what, ports_in_words(some)) for (incoming, what), some in incoming_first]


def _what(place: End, flow: Flow) -> str:
    """The purpose; or who it is, where that says more."""
    return place.value if isinstance(place, Place) and place is not Place.OUTSIDE else flow.purpose

"""A network that obeys network policies as Kubernetes defines them.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from constructs_st2.checks.matching import Selector
from constructs_st2.kube.documents import Document, containers, pod_template

NAME = "app.kubernetes.io/name"


class Port(NamedTuple):
    """A port that somebody listens on."""

    number: int
    protocol: str = "TCP"
    name: str | None = None


@dataclass(frozen=True)
class Host:
    """A pod; or, without a namespace, something else that has an address."""

    name: str
    address: str
    ports: tuple[Port, ...] = ()
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def component(self) -> str | None:
        """What it is in a release."""
        return self.labels.get(NAME)


class Connection(NamedTuple):
    """A client can connect to a port of a server."""

    client: str
    server: str
    port: int
    protocol: str


def pods(objects: Iterable[Document], *, each: int = 2) -> list[Host]:
    """The pods of workloads: several of each, so that it shows whether they may talk to each other."""
    made: list[Host] = []
    for document in objects:
        if not (template := pod_template(document)):
            continue
        ports = tuple(
            Port(port["containerPort"], port.get("protocol", "TCP"), port.get("name"))
            for container in containers(template)
            for port in container.get("ports", ())
        )
        metadata = document["metadata"]
        for number in range(each):
            name = f"{metadata['name']}/{number}"
            address = f"10.1.{len(made)}.{number + 1}"
            made.append(Host(name, address, ports, metadata["namespace"], template["metadata"]["labels"]))
    return made


def connections(
    hosts: Sequence[Host], policies: Iterable[Document], *, of: Sequence[Host] | None = None
) -> set[Connection]:
    """All connections that can be made; or those of some hosts. A host can always reach itself, which is left out."""
    network = _Network(hosts, list(policies))
    some = hosts if of is None else of
    wanted = {host.name for host in some}
    return {
        Connection(client.name, server.name, port.number, port.protocol)
        for server in hosts
        if server.ports
        for client in (hosts if server.name in wanted else some)
        if client is not server
        for port in network.open_ports(client, server)
    }


class _Network:
    def __init__(self, hosts: Sequence[Host], policies: Sequence[Document]) -> None:
        # By host and direction: the rules of all policies that select it, with their namespaces; none where no
        # policy does.
        self._rules: dict[tuple[str, str], list[tuple[str, Document]]] = {}
        # Whether a rule, by what it is in memory, is about a host: most rules are those of many hosts.
        self._known: dict[tuple[int, str], bool] = {}
        for policy in policies:
            for host in selected(hosts, policy):
                for direction in policy["spec"]["policyTypes"]:
                    rules = self._rules.setdefault((host.name, direction), [])
                    rules += [(policy["metadata"]["namespace"], r) for r in policy["spec"].get(direction.lower(), ())]

    def open_ports(self, client: Host, server: Host) -> Iterator[Port]:
        """The ports that both sides allow."""
        ingress = self._rules_about(server, "Ingress", client)
        egress = self._rules_about(client, "Egress", server)
        for port in server.ports:
            if all(rules is None or any(_of_port(rule, port) for rule in rules) for rules in (ingress, egress)):
                yield port

    def _rules_about(self, host: Host, direction: str, other: Host) -> list[Document] | None:
        """The rules of a host that are about another one; None where all are welcome."""
        rules = self._rules.get((host.name, direction))
        if rules is None:
            return None
        side = "from" if direction == "Ingress" else "to"
        return [rule for namespace, rule in rules if self._is_about(rule, side, other, namespace)]

    def _is_about(self, rule: Document, side: str, other: Host, namespace: str) -> bool:
        asked = id(rule), other.name
        if asked not in self._known:
            self._known[asked] = _of_peer(rule.get(side), other, namespace)
        return self._known[asked]


_READ: dict[int, tuple[Document, Selector]] = {}
"""Selectors that have been read, by what they are in memory; they are kept, so that nothing else comes there."""


def _selects(selector: Document, labels: Mapping[str, str]) -> bool:
    if id(selector) not in _READ:
        _READ[id(selector)] = (selector, Selector.of(selector))
    return _READ[id(selector)][1].matches(labels)


def _of_port(rule: Document, port: Port) -> bool:
    wanted = rule.get("ports")
    return not wanted or any(_is_port(each, port) for each in wanted)


def _is_port(wanted: Document, port: Port) -> bool:
    if wanted.get("protocol", "TCP") != port.protocol:
        return False
    first = wanted.get("port")
    if first is None:
        return True
    if isinstance(first, str):
        return first == port.name
    return bool(first <= port.number <= (wanted.get("endPort") or first))


def _of_peer(peers: Sequence[Any] | None, other: Host, namespace: str) -> bool:
    # Nothing said, and nobody listed, both mean everybody.
    return not peers or any(_is_peer(peer, other, namespace) for peer in peers)


def _is_peer(peer: Document, other: Host, namespace: str) -> bool:
    if block := peer.get("ipBlock"):
        address = ip_address(other.address)
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(each) for each in block.get("except", ())
        )
    if other.namespace is None:
        return False
    if (namespaces := peer.get("namespaceSelector")) is None:
        in_namespace = other.namespace == namespace
    else:
        in_namespace = _selects(namespaces, {"kubernetes.io/metadata.name": other.namespace})
    return in_namespace and _selects(peer.get("podSelector", {}), other.labels)


def selected(hosts: Iterable[Host], policy: Document) -> list[Host]:
    """The hosts that a policy is about."""
    namespace, selector = policy["metadata"]["namespace"], Selector.of(policy["spec"]["podSelector"])
    return [host for host in hosts if host.namespace == namespace and selector.matches(host.labels)]


def without_each_part(policies: Sequence[Document]) -> Iterator[tuple[Document, str, list[Document]]]:
    """The policies with one part missing, for every part that allows something: a rule, a peer, a port, a label.

    Yields the policy that it is missing of, where it was, and all policies without it.
    """
    for place in _parts(policies):
        number, *path, last = place
        copy: Any = [_copied(each) if each is policies[number] else each for each in policies]
        target = copy[number]
        for step in path:
            target = target[step]
        del target[last]
        yield policies[number], ".".join(map(str, place[1:])), copy


def _parts(policies: Sequence[Document]) -> Iterator[tuple[Any, ...]]:
    for number, policy in enumerate(policies):
        for direction in ("ingress", "egress"):
            for position, rule in enumerate(policy["spec"].get(direction, ())):
                here = (number, "spec", direction, position)
                yield here
                yield from _parts_of_rule(here, rule)


def _parts_of_rule(here: tuple[Any, ...], rule: Document) -> Iterator[tuple[Any, ...]]:
    """All but the last port or peer of a list: an empty list would allow more, not less."""
    for key in ("ports", "from", "to"):
        entries = rule.get(key, ())
        if len(entries) > 1:
            yield from ((*here, key, index) for index in range(len(entries)))
        for index, entry in enumerate(entries):
            for position, expression in enumerate(entry.get("podSelector", {}).get("matchExpressions", ())):
                path = (*here, key, index, "podSelector", "matchExpressions", position, "values")
                yield from ((*path, value) for value in range(len(expression["values"])))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value

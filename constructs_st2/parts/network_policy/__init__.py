"""Network policies: pods are reached by those that need them, and by nobody else.

One policy closes all pods of the release. The others open what the table of flows says, one for each component.
Policies only ever add to what is allowed, so their order does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.backends import BACKENDS
from constructs_st2.facts.catalogue import CATALOGUE, pool_component, sensor_component
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import SECRETS_BOOTSTRAP
from constructs_st2.facts.jobs import SKIPPABLE, users_jobs
from constructs_st2.facts.release import PART_OF, Release
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL, NAME_LABEL, PART_OF_LABEL
from constructs_st2.parts.flows import Component, End, Flow, Place, Table
from constructs_st2.parts.optional import OPTIONAL_PARTS, PartHooks
from constructs_st2.values.model import Values
from constructs_st2.values.model.network_policy import EXTRA_JOBS

COMPONENT = "network-policy"
NODE_LOCAL_DNS = "169.254.20.10/32"
"""Where NodeLocal DNSCache listens on every node, unless it is told otherwise
(https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/)."""
_NODE_LOCAL_PORT = 53


class _Port(NamedTuple):
    """A port of the server, or any."""

    protocol: str
    number: int | None


def documents(cluster: Cluster, table: Table) -> list[Document]:
    """The policies: that of the whole release, then those of the components. None where they are not enabled."""
    if not cluster.values.network_policy.enabled:
        return []
    of_components = (_of_component(component, table.flows, cluster) for component in table.components)
    return [_of_release(cluster), *(policy for policy in of_components if policy)]


def problems(values: Values, _: Release) -> Iterator[ValueProblem]:
    """Components that do not exist, and settings without effect."""
    settings = values.network_policy
    if settings.egress.enabled and not settings.enabled:
        message = "cannot be used with networkPolicy.enabled false; set that to true"
        yield ValueProblem("networkPolicy.egress.enabled", message)
    names = [
        *((f"networkPolicy.allow.{name}", name) for name in settings.allow),
        *((f"networkPolicy.egress.allow.{name}", name) for name in settings.egress.allow),
        *((f"networkPolicy.egress.free[{index}]", name) for index, name in enumerate(settings.egress.free)),
    ]
    known = _known(values)
    for key, name in names:
        if name not in known:
            from constructs_st2.values.problems import there_is_no

            yield ValueProblem(key, there_is_no("component", name, known))


def _known(values: Values) -> list[str]:
    """The components that some cluster has: a file of settings may serve several."""
    own = [name for _, name in users_jobs(values.jobs)]
    partitions = [
        *range(values.st2sensorcontainer.deployments),
        *(sensor.name for sensor in values.st2.packs.sensors),
    ]
    return [
        *(entry.name for entry in CATALOGUE),
        *(backend.component for backend in BACKENDS),
        *(name for part in OPTIONAL_PARTS for name in part.components),
        SECRETS_BOOTSTRAP,
        EXTRA_JOBS,
        *(f"job-{name}" for name in (*SKIPPABLE.values(), *own)),
        *map(sensor_component, partitions),
        *(pool_component(pool.name) for pool in values.st2actionrunner.pools),
    ]


def _of_release(cluster: Cluster) -> Document:
    """Closes all pods of the release, those of Jobs too. To ask for names is what all may do."""
    release = cluster.release
    selector = {INSTANCE_LABEL: release.name, PART_OF_LABEL: PART_OF}
    return _policy(release.named("default"), selector, [], _dns(cluster.values), cluster)


def _dns(values: Values) -> list[Document]:
    dns = values.network_policy.egress.dns

    def rule(peers: Sequence[Any], port: int) -> Document:
        return {"to": list(peers), "ports": [_port(_Port(protocol, port)) for protocol in ("UDP", "TCP")]}

    node_local = [{"ipBlock": {"cidr": NODE_LOCAL_DNS}}]
    return [rule(dns.peers, dns.port), *([rule(node_local, _NODE_LOCAL_PORT)] if dns.node_local else [])]


def _of_component(component: Component, table: Iterable[Flow], cluster: Cluster) -> Document | None:
    """What one component may do besides; None where that is nothing."""
    settings = cluster.values.network_policy
    ingress = [
        *_rules("from", ((flow.client, flow) for flow in table if flow.server == component.name), cluster),
        *_given("from", settings.allow, component),
    ]
    egress = [
        *_rules("to", ((flow.server, flow) for flow in table if flow.client == component.name), cluster),
        *_given("to", settings.egress.allow, component),
    ]
    if not ingress and not (egress and settings.egress.enabled):
        return None
    release = cluster.release
    return _policy(release.named(component.name), release.selector(component.name), ingress, egress, cluster)


def _policy(
    name: str, selector: Mapping[str, str], ingress: Sequence[Document], egress: Sequence[Document], cluster: Cluster
) -> Document:
    spec: Document = {"podSelector": {"matchLabels": dict(selector)}, "policyTypes": ["Ingress"]}
    if ingress:
        spec["ingress"] = list(ingress)
    if cluster.values.network_policy.egress.enabled:
        spec["policyTypes"].append("Egress")
        if egress:
            spec["egress"] = list(egress)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": cluster.release.namespace,
            "labels": cluster.release.labels(COMPONENT, "operations"),
        },
        "spec": spec,
    }


def _given(direction: str, allowed: Mapping[str, Any], component: Component) -> Iterator[Document]:
    """What the user allows."""
    for name in dict.fromkeys((component.known_as, component.name)):
        if peers := allowed.get(name):
            yield {direction: list(peers)}


def _rules(direction: str, talks: Iterable[tuple[End, Flow]], cluster: Cluster) -> list[Document]:
    """The rules of one direction, from those at the other end. None of them repeats what another one allows."""
    ports: dict[End, dict[_Port, None]] = {}
    for end, flow in talks:
        ports.setdefault(_anywhere(end), {})[_Port(flow.protocol, flow.port)] = None
    anybody = ports.pop(Place.OUTSIDE, {})
    if any(port.number is None for port in anybody):
        return [{}]
    rules: list[Document] = [{"ports": [_port(port) for port in anybody]}] if anybody else []
    alike: dict[tuple[_Port, ...], list[str]] = {}
    for end, wanted in ports.items():
        rest = tuple(port for port in wanted if port not in anybody)
        if not rest:
            continue
        if isinstance(end, str):
            alike.setdefault(rest, []).append(end)
        elif peers := _peers(end, cluster.values):
            # An empty list of them would mean everybody.
            rules.append({direction: list(peers), "ports": [_port(port) for port in rest]})
    rules += [
        {direction: [_pods(names, cluster.release)], "ports": [_port(port) for port in wanted]}
        for wanted, names in alike.items()
    ]
    return rules


def _anywhere(end: End) -> End:
    """No selector selects nodes or the Kubernetes API, and their addresses are not known: they may be anywhere."""
    return Place.OUTSIDE if end in (Place.NODES, Place.KUBERNETES_API) else end


def _peers(place: Place, values: Values) -> Sequence[Any]:
    settings = values.network_policy
    return settings.keda_from if place is Place.KEDA else settings.metrics_from


def _pods(names: Sequence[str], release: Release) -> Document:
    if len(names) == 1:
        return {"podSelector": {"matchLabels": release.selector(names[0])}}
    return {
        "podSelector": {
            "matchLabels": {INSTANCE_LABEL: release.name},
            "matchExpressions": [{"key": NAME_LABEL, "operator": "In", "values": list(names)}],
        }
    }


def _port(port: _Port) -> Document:
    return {"protocol": port.protocol, "port": port.number}


PART = PartHooks(documents, problems=problems)

"""Whether the nodes are such that the pods can run on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from constructs_st2.checks.data import annotations_of, mapping, mappings
from constructs_st2.commands.doctor.expected import Expected, Size
from constructs_st2.commands.doctor.facts import Facts, Node, Taint
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import counted, gib, listed
from constructs_st2.facts.backends import MONGODB
from constructs_st2.facts.backends.upgrades import VERSION_ANNOTATION, Version, version_in
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import ARCHITECTURE_LABEL, ZONE_LABEL

_AVX = "feature.node.kubernetes.io/cpu-cpuid.AVX"
_FEATURES = "feature.node.kubernetes.io/"
"""What Node Feature Discovery writes (https://nfd.sigs.k8s.io)."""
_FIRST_WITH_AVX = Version(5, 0)
"""The first MongoDB that needs AVX: https://www.mongodb.com/docs/manual/administration/production-notes/#x86_64"""
_GET = (f"kubectl get nodes -L {ARCHITECTURE_LABEL} -L {ZONE_LABEL}",)


def architecture(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """The images of StackStorm are built for one architecture."""
    wanted = {each for size in expected.sizes if (each := size.node_selector.get(ARCHITECTURE_LABEL))}
    for name in sorted(wanted):
        if facts.nodes and not any(node.architecture == name for node in _usable(facts)):
            have = listed(sorted({node.architecture or "unknown" for node in facts.nodes}))
            text = f"none that takes pods has the architecture {name}, for which the images are built; there is: {have}"
            yield Finding(Level.BROKEN, "Nodes", text, _GET)


def avx(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """MongoDB does not start on a CPU without AVX."""
    name = expected.cluster.release.named(MONGODB.component)
    stateful_set = expected.index.find("StatefulSet", expected.namespace, name)
    if stateful_set is None:
        return
    version = version_in(str(annotations_of(stateful_set).get(VERSION_ANNOTATION)))
    if version is None or version < _FIRST_WITH_AVX:
        return
    if any(pod.ready for pod in facts.pods_of(MONGODB.component)):
        return
    size = next(size for size in expected.sizes if size.pod.owner is stateful_set)
    fitting = [node for node in _usable(facts) if _takes(node, size)]
    described = [node for node in fitting if any(label.startswith(_FEATURES) for label in node.labels)]
    without = [node.name for node in described if node.labels.get(_AVX) != "true"]
    if without:
        text = f"{version} needs a CPU with AVX, which these nodes have not: {listed(without)}"
        level = Level.BROKEN if len(without) == len(fitting) else Level.WARNING
        yield Finding(level, "MongoDB", text, (f"kubectl get nodes -L {_AVX}",))
    elif len(described) < len(fitting):
        text = (
            f"{version} needs a CPU with AVX. Labels of the nodes do not tell whether they have it (Node Feature "
            "Discovery writes them); without, the container ends with code 132"
        )
        step = "kubectl debug node/NAME -it --image=busybox -- grep -m 1 -c avx /proc/cpuinfo"
        yield Finding(Level.NOTE, "MongoDB", text, (step,))


def room(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """What pods ask for, against what nodes can give. What runs there besides is not counted."""
    usable = _usable(facts)
    if not usable:
        return
    for size in sorted(expected.sizes, key=lambda each: each.requests.get("memory", Decimal(0)), reverse=True):
        fitting = [node for node in usable if _takes(node, size)]
        if not fitting:
            obstacles = listed([each for node in usable for each in _obstacles(node, size)])
            text = f"no node takes it: {obstacles}; it waits, unless an autoscaler of the cluster adds such a node"
            steps = ("kubectl get nodes --show-labels", "kubectl describe nodes")
            yield Finding(Level.WARNING, size.name, text, steps)
        elif not any(_holds(node, size) for node in fitting):
            largest = max(fitting, key=lambda node: node.memory)
            text = (
                f"asks for {_asked(size)}, and no node has as much for pods; the largest, {largest.name}, has "
                f"{_amounts(largest.cpu, largest.memory)}"
            )
            yield Finding(Level.BROKEN, size.name, text, ("kubectl describe nodes | grep -A 8 Allocatable",))
    cpu, memory = (
        _sum(size.requests.get(each, Decimal(0)) * size.count for size in expected.sizes) for each in _RESOURCES
    )
    has_cpu, has_memory = _sum(node.cpu for node in usable), _sum(node.memory for node in usable)
    if cpu > has_cpu or memory > has_memory:
        text = (
            f"{counted(len(usable), 'node')} together have {_amounts(has_cpu, has_memory)} for pods, and the release "
            f"asks for {_amounts(cpu, memory)}"
        )
        yield Finding(Level.BROKEN, "Nodes", text, ("kubectl describe nodes | grep -A 8 Allocated",))


_RESOURCES = ("cpu", "memory")


def health(_: Expected, facts: Facts) -> Iterator[Finding]:
    """Nodes that are lost, or that take no pods."""
    lost = [node.name for node in facts.nodes if not node.ready]
    if lost:
        text = f"{counted(len(lost), 'node')} of {len(facts.nodes)} not ready: {listed(lost)}"
        level = Level.BROKEN if len(lost) == len(facts.nodes) else Level.WARNING
        yield Finding(level, "Nodes", text, tuple(f"kubectl describe node {name}" for name in lost[:2]))
    cordoned = [node.name for node in facts.nodes if node.ready and not node.schedulable]
    if cordoned:
        text = f"cordoned, so that no pod comes there: {listed(cordoned)}"
        yield Finding(Level.NOTE, "Nodes", text, tuple(f"kubectl uncordon {name}" for name in cordoned[:2]))


def zones(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Members of a backend survive the loss of what they do not share."""
    # Whether one of them is lost just now is told by itself.
    nodes = [node for node in facts.nodes if node.schedulable]
    members = [size for size in expected.sizes if size.pod.owner["kind"] == "StatefulSet" and size.count > 1]
    if not members or not nodes:
        return
    names = listed([size.name for size in members])
    most = max(size.count for size in members)
    if len(nodes) < most:
        text = (
            f"{counted(len(nodes), 'node')} for {most} members each of {names}: the loss of a node can take a majority"
        )
        yield Finding(Level.WARNING, "Nodes", text, _GET)
        return
    found = {node.zone for node in nodes if node.zone}
    if 1 < len(found) < most:
        text = f"{len(found)} zones for {most} members each of {names}: the loss of a zone can take a majority"
        yield Finding(Level.NOTE, "Zones", text, _GET)
    elif not found or len(found) == 1:
        zone = "are in one zone" if found else "do not tell their zones"
        text = f"all nodes {zone}: members are spread over nodes only"
        yield Finding(Level.NOTE, "Zones", text, _GET)


def families(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Addresses of pods, and what Services ask for."""
    have = frozenset[str]().union(*(node.families for node in facts.nodes))
    if not have:
        return
    for service in expected.index.of_kind("Service"):
        spec = mapping(service.get("spec"))
        wanted = {str(each) for each in spec.get("ipFamilies") or ()}
        both = spec.get("ipFamilyPolicy") == "RequireDualStack" and len(have) < 2
        if both or not wanted <= have:
            asked = "both families" if both else " and ".join(sorted(wanted))
            text = f"asks for addresses of {asked}; pods of this cluster have {' and '.join(sorted(have))}"
            yield Finding(Level.BROKEN, f"Service {service['metadata']['name']}", text, ("kubectl cluster-info",))
    if have == {"IPv6"} and expected.cluster.values.rabbitmq.enabled:
        text = "pods have IPv6 only, with which Erlang's epmd and st2's own servers have not been seen to work"
        yield Finding(Level.WARNING, "Addresses", text, ("kubectl get nodes -o jsonpath='{.items[*].spec.podCIDRs}'",))


def _usable(facts: Facts) -> list[Node]:
    """Nodes that take pods."""
    return [node for node in facts.nodes if node.ready and node.schedulable]


def _takes(node: Node, size: Size) -> bool:
    return not any(_obstacles(node, size))


def _obstacles(node: Node, size: Size) -> Iterator[str]:
    """What keeps a pod away from a node, besides its size."""
    for label, value in size.node_selector.items():
        if node.labels.get(label) != str(value):
            yield f"no label {label}={value}"
    for taint in node.taints:
        if not _tolerates(size.pod.spec, taint):
            yield f"taint {taint.key}"


def _tolerates(pod: Document, taint: Taint) -> bool:
    if taint.effect == "PreferNoSchedule":
        return True
    for toleration in mappings(pod.get("tolerations")):
        same_key = toleration.get("key") in (None, "", taint.key)
        same_effect = toleration.get("effect") in (None, "", taint.effect)
        same_value = toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.value
        if same_key and same_effect and same_value:
            return True
    return False


def _holds(node: Node, size: Size) -> bool:
    none = Decimal(0)
    return size.requests.get("cpu", none) <= node.cpu and size.requests.get("memory", none) <= node.memory


def _asked(size: Size) -> str:
    return _amounts(*(size.requests.get(each, Decimal(0)) for each in _RESOURCES))


def _amounts(cpu: Decimal, memory: Decimal) -> str:
    return f"{float(cpu):.3g} CPUs and {gib(memory)}"


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    return sum(numbers, Decimal(0))

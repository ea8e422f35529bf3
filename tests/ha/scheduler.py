"""Finds nodes for pods, by what kube-scheduler looks at: selectors, anti-affinity, spread, and where volumes are.

Every node has room for every pod. Of several nodes that fit, it takes the one that violates fewest wishes, and then the
first: pods that do not ask to be apart are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ha.cluster import HOST, ZONE, Cluster, Node, Phase, Pod
from ha.manifests import Apart, Spread


def schedule(cluster: Cluster) -> bool:
    """Place all pods that can be placed."""
    placed = False
    for pod in [each for each in cluster.pods if each.node is None and not each.is_ending]:
        nodes = [node for node in cluster.nodes if fits(pod, node, cluster)]
        if nodes:
            _bind(pod, min(nodes, key=lambda node: _cost(pod, node, cluster)), cluster)
            placed = True
    return placed


def _bind(pod: Pod, node: Node, cluster: Cluster) -> None:
    pod.node, pod.phase, pod.since = node, Phase.WAITING, cluster.now
    if pod.workload.pod.has_claim and cluster.volumes != "anywhere":
        key = HOST if cluster.volumes == "node" else ZONE
        cluster.claims.setdefault(_claim(pod), (key, node.labels[key]))
    cluster.after(cluster.pace.prepare, lambda: None)


def _claim(pod: Pod) -> str:
    return pod.name if pod.workload.is_stateful else pod.workload.name


def fits(pod: Pod, node: Node, cluster: Cluster) -> bool:
    """Whether a pod may run on a node."""
    facts = pod.workload.pod
    key, value = cluster.claims.get(_claim(pod), (HOST, node.labels[HOST]))
    return (
        node.takes_pods
        and facts.node_selector.items() <= node.labels.items()
        and node.labels.get(key) == value
        and not any(_clashes(each, pod, node, cluster) for each in facts.aparts if each.hard)
        and not any(_skew(each, pod, node, cluster) > each.skew for each in facts.spreads if each.hard)
    )


def _cost(pod: Pod, node: Node, cluster: Cluster) -> tuple[int, int, str]:
    facts = pod.workload.pod
    return (
        sum(_clashes(each, pod, node, cluster) for each in facts.aparts),
        sum(_skew(each, pod, node, cluster) for each in facts.spreads),
        node.name,
    )


def _clashes(apart: Apart, pod: Pod, node: Node, cluster: Cluster) -> int:
    """The pods in the same place that it should not be with. Those that end are still there."""
    place = node.labels.get(apart.key)
    others = (other for other in cluster.pods if other.node is not None and other.node.labels.get(apart.key) == place)
    return sum(apart.selector.matches(other.workload.pod.labels) for other in others if other is not pod)


def _skew(spread: Spread, pod: Pod, node: Node, cluster: Cluster) -> int:
    """How many more pods than elsewhere would then be in that place. Those that end do not count."""
    places = {each.labels.get(spread.key) for each in cluster.nodes if _is_eligible(pod, each)}
    counts = Counter(_places(spread, pod, cluster))
    return counts[node.labels.get(spread.key)] + 1 - min(counts[place] for place in places)


def _is_eligible(pod: Pod, node: Node) -> bool:
    # nodeAffinityPolicy Honor and nodeTaintsPolicy Ignore, the defaults: nodes that are cordoned or lost count, too.
    return pod.workload.pod.node_selector.items() <= node.labels.items()


def _places(spread: Spread, pod: Pod, cluster: Cluster) -> Iterable[str | None]:
    return (
        other.node.labels.get(spread.key)
        for other in cluster.pods
        if other.node is not None
        and not other.is_ending
        and spread.selector.matches(other.workload.pod.labels)
        and (not spread.of_revision or (other.workload is pod.workload and other.revision == pod.revision))
    )

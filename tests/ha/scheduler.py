"""Finds nodes for pods, by what kube-scheduler looks at: selectors, anti-affinity, spread, and where volumes are.

Every node has room for every pod. Of several nodes that fit, it takes the one that violates fewest wishes, and then the
first: pods that do not ask to be apart are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ha.cluster import HOST, ZONE, Cluster, Node, Phase, Pod
from ha.manifests import Apart, Spread

Counts = Counter[str | None]
"""How many pods are in each place."""


def schedule(cluster: Cluster) -> bool:
    """Place all pods that can be placed."""
    placed = False
    for pod in [each for each in cluster.pods if each.node is None and not each.is_ending]:
        search = _Search(pod, cluster)
        nodes = [node for node in cluster.nodes if search.fits(node)]
        if nodes:
            _bind(pod, min(nodes, key=search.cost), cluster)
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
    return _Search(pod, cluster).fits(node)


class _Search:
    """Looks for the node of a pod. Who is where is counted once for all nodes."""

    def __init__(self, pod: Pod, cluster: Cluster) -> None:
        self._pod = pod
        self._claim = cluster.claims.get(_claim(pod))
        placed = [(other, other.node) for other in cluster.pods if other.node is not None and other is not pod]
        # Those that end are still there, for those that must be apart; but they do not count for those that spread.
        self._aparts = [
            (apart, Counter(node.labels.get(apart.key) for other, node in placed if _is_meant(apart, other)))
            for apart in pod.workload.pod.aparts
        ]
        eligible = [node for node in cluster.nodes if self._may_have(node)]
        self._spreads: list[tuple[Spread, Counts, int]] = []
        for spread in pod.workload.pod.spreads:
            counts = Counter(node.labels.get(spread.key) for other, node in placed if _is_spread(spread, other, pod))
            least = min((counts[node.labels.get(spread.key)] for node in eligible), default=0)
            self._spreads.append((spread, counts, least))

    def fits(self, node: Node) -> bool:
        """Whether the pod may run on a node."""
        key, value = self._claim or (HOST, node.labels[HOST])
        return (
            node.takes_pods
            and self._may_have(node)
            and node.labels.get(key) == value
            and not self._clashes(node, [each for each in self._aparts if each[0].hard])
            and not any(self._skew(node, *each) > each[0].skew for each in self._spreads if each[0].hard)
        )

    def cost(self, node: Node) -> tuple[int, int, str]:
        """How many wishes a node violates; of equal ones, the first is taken."""
        return self._clashes(node, self._aparts), sum(self._skew(node, *each) for each in self._spreads), node.name

    def _may_have(self, node: Node) -> bool:
        # nodeAffinityPolicy Honor, nodeTaintsPolicy Ignore, the defaults: nodes that are cordoned or lost count, too.
        return self._pod.workload.pod.node_selector.items() <= node.labels.items()

    def _clashes(self, node: Node, aparts: Iterable[tuple[Apart, Counts]]) -> int:
        """The pods in the same place that it should not be with."""
        return sum(counts[node.labels.get(apart.key)] for apart, counts in aparts)

    def _skew(self, node: Node, spread: Spread, counts: Counts, least: int) -> int:
        """How many more pods than elsewhere would then be in that place."""
        return counts[node.labels.get(spread.key)] + 1 - least


def _is_meant(apart: Apart, other: Pod) -> bool:
    return apart.selector.matches(other.workload.pod.labels)


def _is_spread(spread: Spread, other: Pod, pod: Pod) -> bool:
    return (
        not other.is_ending
        and spread.selector.matches(other.workload.pod.labels)
        and (not spread.of_revision or (other.workload is pod.workload and other.revision == pod.revision))
    )

"""What must hold of a release at every moment, whatever is done to its cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ha.cluster import Cluster, Pod
from ha.manifests import RUNNER, Workload

SINGLE = frozenset({"st2timersengine", "st2sensorcontainer", "st2garbagecollector"})
"""Of each workload of these, never two pods may work: timers would fire twice, sensors emit every trigger twice."""
FOR_THE_REST = 30
"""Seconds of a runner's grace period in which it records what it abandons; the others are for running work."""
AUTOSCALER_WAITS = 600
"""Seconds that Cluster Autoscaler waits for a pod at most (--max-graceful-termination-sec)."""


class Guarantees:
    """Looks at a cluster after every event, and notes what does not hold."""

    def __init__(self) -> None:
        self.broken: dict[str, float] = {}
        """What did not hold, and when first."""

    def __call__(self, cluster: Cluster) -> None:
        """Look."""
        for problem in (*_quorums(cluster), *_services(cluster), *_singles(cluster), *_running_work(cluster)):
            self.broken.setdefault(problem, cluster.now)


def _answering(workload: Workload, cluster: Cluster) -> int:
    return sum(pod.answers for pod in cluster.pods_of(workload))


def _quorums(cluster: Cluster) -> Iterator[str]:
    """Backends have a majority: MongoDB elects a primary, RabbitMQ's quorum queues and etcd go on, sentinels agree."""
    for workload in cluster.release.workloads:
        if workload.is_stateful and workload.replicas > 1:
            majority = workload.replicas // 2 + 1
            if _answering(workload, cluster) < majority:
                yield f"{workload.component} has no majority of {workload.replicas}"


def _services(cluster: Cluster) -> Iterator[str]:
    """Of what there are several, one answers."""
    for workload in cluster.release.workloads:
        if workload.replicas > 1 and not _answering(workload, cluster):
            yield f"no {workload.component} answers"


def _singles(cluster: Cluster) -> Iterator[str]:
    """What may not run twice does not."""
    for workload in cluster.release.workloads:
        if workload.app in SINGLE and sum(pod.works for pod in cluster.pods_of(workload)) > 1:
            yield f"{workload.component} runs twice"


def _running_work(cluster: Cluster) -> Iterator[str]:
    """A runner that stops finishes what it runs as long as st2's registry has another one that does not stop, and as
    long as its pod is there."""
    for workload in _runners(cluster):
        if workload.pod.grace < workload.finishes + FOR_THE_REST:
            yield f"{workload.component} is killed before its work is finished"
    runners = [pod for workload in _runners(cluster) for pod in cluster.pods_of(workload)]
    are_several = any(workload.replicas > 1 for workload in _runners(cluster))
    if are_several and any(map(_finishes_work, runners)) and not any(pod.answers for pod in runners):
        yield "a runner abandons its work, because no other is there"


def _finishes_work(pod: Pod) -> bool:
    return pod.works and pod.is_ending


def _runners(cluster: Cluster) -> Iterator[Workload]:
    return (workload for workload in cluster.release.workloads if workload.app == RUNNER)


def places(cluster: Cluster, key: str) -> dict[str, list[int]]:
    """How many members of each backend are in each place: on a node, or in a zone."""
    found: dict[str, list[int]] = {}
    for workload in cluster.release.workloads:
        if workload.is_stateful:
            counts: defaultdict[str, int] = defaultdict(int)
            for pod in cluster.pods_of(workload):
                if pod.node is not None:
                    counts[pod.node.labels[key]] += 1
            found[workload.component] = sorted(counts.values(), reverse=True)
    return found

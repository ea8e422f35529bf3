"""What keeps as many pods as there should be, replaces old ones by new ones, and lets them be evicted."""

from __future__ import annotations

from ha.cluster import Cluster, Pod
from ha.manifests import Budget, Workload


def reconcile(cluster: Cluster) -> bool:
    """Make and delete what is due. Tells whether anything was."""
    return sum(_reconciled(workload, cluster) for workload in cluster.release.workloads) > 0


def _reconciled(workload: Workload, cluster: Cluster) -> bool:
    if workload.is_stateful:
        return _stateful_set(workload, cluster)
    return _recreate(workload, cluster) if workload.recreates else _rolling(workload, cluster)


def _is_available(pod: Pod, cluster: Cluster) -> bool:
    return pod.is_ready and cluster.now >= pod.since + pod.workload.steady


def _recreate(workload: Workload, cluster: Cluster) -> bool:
    """Old pods end before new ones are made. A pod of the present revision that ends for another reason, by an eviction
    or on a lost node, is replaced at once, beside it: ReplicaSets do not count pods that end."""
    pods = cluster.pods_of(workload)
    old = [pod for pod in pods if pod.revision != cluster.revision]
    for pod in old:
        cluster.delete(pod)
    return not old and _filled(workload, cluster)


def _filled(workload: Workload, cluster: Cluster) -> bool:
    missing = workload.replicas - sum(not pod.is_ending for pod in cluster.pods_of(workload))
    for _ in range(missing):
        cluster.create(workload)
    return missing > 0


def _rolling(workload: Workload, cluster: Cluster) -> bool:
    active = [pod for pod in cluster.pods_of(workload) if not pod.is_ending]
    old = [pod for pod in active if pod.revision != cluster.revision]
    new = len(active) - len(old)
    made = min(workload.replicas - new, workload.replicas + workload.surge - len(active))
    for _ in range(made):
        cluster.create(workload)
    spare = _deletable(workload, active, old, cluster) if old else []
    for pod in spare:
        cluster.delete(pod)
    return made > 0 or bool(spare)


def _deletable(workload: Workload, active: list[Pod], old: list[Pod], cluster: Cluster) -> list[Pod]:
    """Old pods that may go: those that are not available first, and never so many that too few are."""
    least = workload.replicas - workload.unavailable
    pending = sum(pod.revision == cluster.revision and not _is_available(pod, cluster) for pod in active)
    unhealthy = [pod for pod in old if not pod.is_ready][: max(len(active) - least - pending, 0)]
    available = [pod for pod in old if _is_available(pod, cluster)]
    spare = sum(_is_available(pod, cluster) for pod in active) - least
    return unhealthy + available[: max(spare, 0)]


def _stateful_set(workload: Workload, cluster: Cluster) -> bool:
    """Each member at most once: one that ends is made again when it is gone. Old ones are replaced from the last to the
    first, and the next only when the one before it is available."""
    members = {pod.ordinal: pod for pod in cluster.pods_of(workload)}
    missing = [ordinal for ordinal in range(workload.replicas) if ordinal not in members]
    if workload.is_ordered:
        missing = [ordinal for ordinal in missing[:1] if all(members[lower].is_ready for lower in range(ordinal))]
    for ordinal in missing:
        cluster.create(workload, ordinal)
    if missing:
        return True
    for _, pod in sorted(members.items(), reverse=True):
        if pod.revision != cluster.revision and not pod.is_ending:
            cluster.delete(pod)
            return True
        if not _is_available(pod, cluster):
            return False
    return False


def evict(pod: Pod, cluster: Cluster) -> bool:
    """Ask for a pod's end, as drains do. Tells whether that was granted."""
    labels = pod.workload.pod.labels
    budgets = [budget for budget in cluster.release.budgets if budget.selector.matches(labels)]
    if len(budgets) > 1 or not all(_grants(budget, pod, cluster) for budget in budgets):
        return False
    cluster.delete(pod)
    return True


def _grants(budget: Budget, pod: Pod, cluster: Cluster) -> bool:
    if not pod.is_ready and budget.lets_unhealthy_go:
        return True
    guarded = [each for each in cluster.release.workloads if budget.selector.matches(each.pod.labels)]
    healthy = sum(each.is_ready for workload in guarded for each in cluster.pods_of(workload))
    return budget.allows(healthy, sum(workload.replicas for workload in guarded))

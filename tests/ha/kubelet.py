"""Starts pods: their init containers wait for backends, and some programs for the end of the one before them."""

from __future__ import annotations

from ha.cluster import Cluster, Phase, Pod


def start(cluster: Cluster) -> bool:
    """Bring on all pods that wait for nothing any more."""
    waiting = [pod for pod in cluster.pods if pod.phase is Phase.WAITING]
    if not waiting:
        return False
    ready = {pod.workload.component for pod in cluster.pods if pod.is_ready}
    unready = {workload.component for workload in cluster.release.workloads} - ready
    begun = [pod for pod in waiting if _may_begin(pod, unready, cluster)]
    for pod in begun:
        pod.phase = Phase.WORKING
        seconds = max(cluster.pace.start, pod.workload.pod.ready_after)
        cluster.after(seconds, lambda pod=pod: _becomes_ready(pod, cluster))  # type: ignore[misc]
    return bool(begun)


def _may_begin(pod: Pod, unready: set[str], cluster: Cluster) -> bool:
    prepared = pod.since + cluster.pace.prepare
    if pod.is_ending or pod.node is None or pod.node.is_silent or cluster.now < prepared:
        return False
    return pod.workload.pod.waits_for.isdisjoint(unready) and _is_alone(pod, prepared, cluster)


def _is_alone(pod: Pod, prepared: float, cluster: Cluster) -> bool:
    """Whether its program may begin: the one before it has ended, or has had the time for that."""
    longest = pod.workload.pod.alone
    others = [each for each in cluster.pods_of(pod.workload) if each is not pod and each.phase is not Phase.PENDING]
    if longest is None or not any(each.works for each in others):
        return True
    if cluster.now < prepared + longest:
        # It is asked again then, if nothing happens before.
        cluster.after(prepared + longest - cluster.now, lambda: None)
        return False
    return True


def _becomes_ready(pod: Pod, cluster: Cluster) -> None:
    is_there = pod.node is not None and not pod.node.is_silent
    if is_there and not pod.is_ending and pod.phase is Phase.WORKING:
        pod.phase, pod.since = Phase.READY, cluster.now
        # When it counts as available.
        cluster.after(pod.workload.steady, lambda: None)

"""What is done to a cluster: drains, losses, a rollout of everything, an autoscaler of nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ha import controllers, kubelet, scheduler
from ha.cluster import HOST, ZONE, Cluster, Node, Pace, Phase, Volumes
from ha.guarantees import AUTOSCALER_WAITS, FOR_THE_REST, Guarantees
from ha.manifests import Labels, Release

RETRY = 60
"""Seconds after which a drain asks again for an eviction that was refused."""
EVICTION_WAIT = 120
"""Seconds for which Cluster Autoscaler asks, until it leaves a node alone (--max-pod-eviction-time)."""
FOR_EVER = 4 * 60 * 60
"""What has not ended after four hours will not end."""
SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"


@dataclass(frozen=True)
class Place:
    """What kind of cluster it is."""

    nodes: int = 3
    zones: int = 3
    volumes: Volumes = "anywhere"
    pace: Pace = field(default_factory=Pace)


class Trial:
    """A release that runs in a cluster, and what is done to it. ``broken`` is what did not hold then."""

    def __init__(self, release: Release, place: Place) -> None:
        labels = {"kubernetes.io/arch": "amd64", **_asked_for(release)}
        nodes = [_node(number, place.zones, labels) for number in range(place.nodes)]
        actors = (controllers.reconcile, scheduler.schedule, kubelet.start)
        self.cluster = Cluster(release, nodes, place.pace, place.volumes, actors)
        self._guarantees = Guarantees()
        self.is_up = self.settles()
        self.cluster.observers.append(self._guarantees)

    @property
    def broken(self) -> dict[str, float]:
        """What did not hold, and after how many seconds first."""
        return self._guarantees.broken

    def settles(self, within: float = FOR_EVER) -> bool:
        """Whether all pods come to be ready, of the present revision and none too many."""
        return self.cluster.run_until(self._is_settled, within)

    def _is_settled(self) -> bool:
        return all(
            len(pods := self.cluster.pods_of(workload)) == workload.replicas
            and all(pod.is_ready and pod.revision == self.cluster.revision for pod in pods)
            for workload in self.cluster.release.workloads
        )

    # --- drains

    def drain_each_node(self, at_once: int = 1) -> None:
        """Drain nodes, so many at once, and let them come back when they are empty, and then the next ones."""
        nodes = list(self.cluster.nodes)
        for first in range(0, len(nodes), at_once):
            drained = nodes[first : first + at_once]
            for node in drained:
                self.begin_drain(node)
            if not self._expect("a drain ends", lambda drained=drained: self._empty(drained)):  # type: ignore[misc]
                return
            for node in drained:
                node.is_cordoned = False
            self._expect("pods are back after a drain", self.settles)

    def begin_drain(self, node: Node) -> None:
        """Ask for the end of all pods of a node, until all have heard it."""
        node.is_cordoned = True
        self._ask(node, lambda: True)

    def _empty(self, nodes: list[Node]) -> bool:
        return self.cluster.run_until(lambda: not any(map(self.cluster.pods_on, nodes)), within=FOR_EVER)

    def _ask(self, node: Node, go_on: Callable[[], bool]) -> None:
        """Ask for the end of all pods of a node, again and again while that is refused."""
        left = [pod for pod in self.cluster.pods_on(node) if not pod.is_ending]
        refused = [pod for pod in left if not controllers.evict(pod, self.cluster)]
        if refused and go_on():
            self.cluster.after(RETRY, lambda: self._ask(node, go_on))

    # --- losses

    def lose(self, nodes: list[Node], seconds: float = 900) -> None:
        """Nodes are without power for some time, and come back."""
        for node in nodes:
            self.cluster.lose(node)
        self.cluster.run_for(seconds)
        for node in nodes:
            self.cluster.come_back(node)
        self._expect("pods are back after a loss", self.settles)

    def cut_off(self, node: Node, seconds: float = 900) -> None:
        """Kubernetes does not see a node for some time."""
        self.cluster.cut_off(node)
        self.cluster.run_for(seconds)
        self.cluster.come_back(node)
        self._expect("pods are back after a cut", self.settles)

    def nodes_by(self, key: str) -> Iterator[list[Node]]:
        """The nodes of each place."""
        for value in sorted({node.labels[key] for node in self.cluster.nodes}):
            yield [node for node in self.cluster.nodes if node.labels[key] == value]

    def lose_each(self, key: str) -> None:
        """Lose one place after the other, each of which comes back."""
        for nodes in list(self.nodes_by(key)):
            self.lose(nodes)

    # --- changes

    def roll_everything(self) -> None:
        """All pods have another template at once."""
        self.cluster.revision += 1
        self._expect("a rollout ends", self.settles)

    def scale_in(self, to: int, *, skips_scratch: bool) -> None:
        """Cluster Autoscaler removes nodes, one at a time, as long as it may and more are there than some.

        Args:
            to: the number of nodes that stay.
            skips_scratch: leave nodes alone that have pods with empty directories (--skip-nodes-with-local-storage).
        """
        for node in list(self.cluster.nodes):
            if len(self.cluster.nodes) > to and self._may_remove(node, skips_scratch=skips_scratch):
                node.is_cordoned = True
                end = self.cluster.now + EVICTION_WAIT
                self._ask(node, lambda end=end: self.cluster.now < end)  # type: ignore[misc]
                longest = EVICTION_WAIT + AUTOSCALER_WAITS
                for pod in self.cluster.pods_on(node):
                    if pod.workload.finishes + FOR_THE_REST > AUTOSCALER_WAITS:
                        self.broken.setdefault(f"work of {pod.workload.component} is cut short", self.cluster.now)
                self.cluster.run_until(lambda node=node: not self.cluster.pods_on(node), longest)  # type: ignore[misc]
                if all(pod.is_ending for pod in self.cluster.pods_on(node)):
                    self.cluster.take_away(node)
                else:
                    node.is_cordoned = False
                self._expect("pods are back after a scale-in", self.settles)

    def _may_remove(self, node: Node, *, skips_scratch: bool) -> bool:
        return all(
            pod.workload.pod.annotations.get(SAFE_TO_EVICT) != "false"
            and not (skips_scratch and pod.workload.pod.has_scratch)
            and any(scheduler.fits(pod, other, self.cluster) for other in self.cluster.nodes if other is not node)
            for pod in self.cluster.pods_on(node)
        )

    def _expect(self, what: str, holds: Callable[[], bool]) -> bool:
        is_so = holds()
        if not is_so:
            waiting = [pod.name for pod in self.cluster.pods if pod.phase is not Phase.READY]
            self.broken.setdefault(f"not so: {what} ({', '.join(waiting) or 'pods stay'})", self.cluster.now)
        return is_so


def _node(number: int, zones: int, labels: Labels) -> Node:
    name = f"node-{number}"
    return Node(name, {**labels, HOST: name, ZONE: f"zone-{number % zones}"})


def _asked_for(release: Release) -> dict[str, str]:
    """The labels that the nodes of this release need."""
    return {key: value for workload in release.workloads for key, value in workload.pod.node_selector.items()}

"""Nodes, pods and a clock: a cluster of Kubernetes, as far as it decides where pods run and when they end.

What acts on it are the scheduler, the controllers and the kubelets; they act until nothing is left to do, and then
the clock goes to the next event.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from ha.manifests import Labels, Release, Workload

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"

NOTICED_AFTER = 45
"""Seconds until a silent kubelet is noticed: node-monitor-grace-period, 40 to 50 s."""


class Phase(Enum):
    """What a pod has come to."""

    PENDING = auto()
    WAITING = auto()
    """On a node; its init containers, or what keeps its program from its work, have not ended."""
    WORKING = auto()
    READY = auto()


@dataclass(frozen=True)
class Pace:
    """How long pods take, in seconds: to be prepared on a node, and from their start until they are ready.

    ``stop`` is the part of its grace period that a pod takes to stop.
    """

    prepare: float = 5
    start: float = 10
    stop: float = 1.0


Volumes = Literal["anywhere", "zone", "node"]
"""Where a volume can be used, once it is made: what kind of storage the cluster has."""


@dataclass(eq=False)
class Node:
    """A node.

    ``is_lost``: its pods do nothing; ``is_cut_off``: they go on, but Kubernetes does not see them; ``is_noticed``:
    Kubernetes knows that something is wrong.
    """

    name: str
    labels: Labels
    is_cordoned: bool = False
    is_lost: bool = False
    is_cut_off: bool = False
    is_noticed: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether its kubelet is not heard, and hears nothing."""
        return self.is_lost or self.is_cut_off

    @property
    def takes_pods(self) -> bool:
        """Whether the scheduler may choose it."""
        return not self.is_cordoned and not self.is_noticed


@dataclass(eq=False)
class Pod:
    """A pod. ``claimed`` is where its volume is, by a label of nodes; None while it is anywhere."""

    workload: Workload
    name: str
    revision: int
    ordinal: int
    node: Node | None = None
    phase: Phase = Phase.PENDING
    since: float = 0
    is_ending: bool = False

    @property
    def is_ready(self) -> bool:
        """As Kubernetes sees it."""
        return self.phase is Phase.READY and not self.is_ending and self.node is not None and not self.node.is_noticed

    @property
    def answers(self) -> bool:
        """Whether it does its work, and takes more of it."""
        return self.phase is Phase.READY and not self.is_ending and self.node is not None and not self.node.is_silent

    @property
    def works(self) -> bool:
        """Whether its program does anything."""
        is_there = self.node is not None and not self.node.is_lost
        return is_there and self.phase in (Phase.WORKING, Phase.READY)


Actor = Callable[["Cluster"], bool]
"""Acts on a cluster, and tells whether it has."""
Observer = Callable[["Cluster"], None]


@dataclass
class Cluster:
    """A release in a cluster."""

    release: Release
    nodes: list[Node]
    pace: Pace = field(default_factory=Pace)
    volumes: Volumes = "anywhere"
    actors: tuple[Actor, ...] = ()
    observers: list[Observer] = field(default_factory=list)
    now: float = 0
    revision: int = 1
    claims: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Where the volume of each member is, by a label of nodes and its value."""
    _pods: defaultdict[str, list[Pod]] = field(default_factory=lambda: defaultdict(list))
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    # --- pods

    def pods_of(self, workload: Workload) -> list[Pod]:
        """The pods of a workload, those that end too."""
        return self._pods[workload.name]

    @property
    def pods(self) -> Iterable[Pod]:
        """All pods."""
        return itertools.chain.from_iterable(self._pods.values())

    def pods_on(self, node: Node) -> list[Pod]:
        """The pods of a node."""
        return [pod for pod in self.pods if pod.node is node]

    def create(self, workload: Workload, ordinal: int | None = None) -> None:
        """Make a pod of the present revision."""
        number = next(self._numbers)
        name = f"{workload.name}-{number if ordinal is None else ordinal}"
        self._pods[workload.name].append(Pod(workload, name, self.revision, -1 if ordinal is None else ordinal))

    def delete(self, pod: Pod) -> None:
        """Ask a pod to end. It does so when its kubelet hears of it."""
        if not pod.is_ending:
            pod.is_ending = True
            pod.since = self.now
            self.end(pod)

    def end(self, pod: Pod) -> None:
        """Let a kubelet end a pod that was asked to."""
        if pod.node is None:
            self.remove(pod)
        elif not pod.node.is_silent:
            begun = pod.phase in (Phase.WORKING, Phase.READY)
            seconds = pod.workload.pod.grace * self.pace.stop if begun else 0
            self.after(seconds, lambda: self._ended(pod))

    def _ended(self, pod: Pod) -> None:
        if pod.node is None or not pod.node.is_silent:
            self.remove(pod)

    def remove(self, pod: Pod) -> None:
        """Take a pod out that is no longer there."""
        if pod in self._pods[pod.workload.name]:
            self._pods[pod.workload.name].remove(pod)

    # --- time

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), action))

    def run_until(self, done: Callable[[], bool], within: float) -> bool:
        """Let time pass until something is so. Tells whether it has become so within some seconds."""
        end = self.now + within
        self._act()
        while not done():
            if not self._events or self._events[0][0] > end:
                return False
            self.now, _, action = heapq.heappop(self._events)
            action()
            self._act()
        return True

    def run_for(self, seconds: float) -> None:
        """Let some time pass."""
        end = self.now + seconds
        self.run_until(lambda: False, seconds)
        self.now = end

    def _act(self) -> None:
        while sum(actor(self) for actor in self.actors):
            pass
        for observe in self.observers:
            observe(self)

    # --- nodes

    def lose(self, node: Node) -> None:
        """A node has no power."""
        node.is_lost = True
        self.after(NOTICED_AFTER, lambda: self._notice(node))

    def cut_off(self, node: Node) -> None:
        """A node cannot be reached by Kubernetes, and its pods still reach each other."""
        node.is_cut_off = True
        self.after(NOTICED_AFTER, lambda: self._notice(node))

    def _notice(self, node: Node) -> None:
        if node.is_silent:
            node.is_noticed = True
            for pod in self.pods_on(node):
                if pod.workload.pod.stays < float("inf"):
                    self.after(pod.workload.pod.stays, lambda pod=pod: self._taken_off(pod, node))  # type: ignore[misc]

    def _taken_off(self, pod: Pod, node: Node) -> None:
        if node.is_noticed:
            self.delete(pod)

    def come_back(self, node: Node) -> None:
        """A node is there again. What was lost with its power starts anew, unless it was to end."""
        began_anew = node.is_lost
        node.is_lost = node.is_cut_off = node.is_noticed = False
        for pod in self.pods_on(node):
            if pod.is_ending and began_anew:
                self.remove(pod)
            elif pod.is_ending:
                self.end(pod)
            elif began_anew:
                pod.phase, pod.since = Phase.WAITING, self.now
                self.after(self.pace.prepare, lambda: None)

    def take_away(self, node: Node) -> None:
        """A node is no longer part of the cluster, nor are the pods that were left on it."""
        for pod in self.pods_on(node):
            self.remove(pod)
        self.nodes.remove(node)

"""What the HorizontalPodAutoscaler's controller makes of an autoscaler and a load, on a clock of its own.

The rules are those of Kubernetes (pkg/controller/podautoscaler: horizontal.go, replica_calculator.go), as they are
described at https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/. KEDA hands the load on, as it
was at its last look, and has its own rule for looks that fail (pkg/fallback/fallback.go).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

from constructs_st2.kube.documents import Document

PERIOD = 15
TOLERANCE = 0.1

Load = Callable[[int], float | None]
"""The work, or the percent of one pod's requests that all pods use together, at a second; None if nobody can tell."""


class Change(NamedTuple):
    """Another number of pods at a second."""

    at: int
    before: int
    after: int


@dataclass(frozen=True)
class Autoscaler:
    """What matters of a HorizontalPodAutoscaler, or of a ScaledObject."""

    least: int
    greatest: int
    target: float
    behavior: Document
    polling: int = PERIOD
    fallback: Document = field(default_factory=dict)

    @staticmethod
    def of(document: Document) -> Autoscaler:
        """Read it from a manifest."""
        spec = document["spec"]
        if document["kind"] == "HorizontalPodAutoscaler":
            (metric,) = spec["metrics"]
            target = metric["containerResource"]["target"]["averageUtilization"]
            return Autoscaler(spec["minReplicas"], spec["maxReplicas"], target, spec["behavior"])
        trigger = spec["triggers"][0]
        return Autoscaler(
            spec["minReplicaCount"],
            spec["maxReplicaCount"],
            float(trigger["metadata"]["queryValue"]),
            spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"],
            spec["pollingInterval"] if trigger["useCachedMetrics"] else PERIOD,
            spec["fallback"],
        )

    def needed(self, load: float) -> int:
        """The number of pods for a load, but for all that slows changes down."""
        return min(max(math.ceil(load / self.target), self.least), self.greatest)


@dataclass
class Run:
    """The history of a Deployment under an autoscaler."""

    scaler: Autoscaler
    load: Load
    pods: int
    changes: list[Change] = field(default_factory=list)
    _advised: list[tuple[int, int]] = field(default_factory=list)
    _failures: int = 0

    def until(self, end: int) -> Run:
        """Let time pass."""
        for now in range(0, end, PERIOD):
            self._step(now)
        return self

    @property
    def arrivals(self) -> list[Change]:
        """When there were more pods."""
        return [change for change in self.changes if change.after > change.before]

    @property
    def departures(self) -> list[Change]:
        """When there were fewer pods."""
        return [change for change in self.changes if change.after < change.before]

    @property
    def turns(self) -> int:
        """How often growth became shrinking, or the other way round."""
        directions = [change.after > change.before for change in self.changes]
        return sum(one != other for one, other in pairwise(directions))

    def _step(self, now: int) -> None:
        load = self._seen(now)
        if load is None:
            return
        ratio = load / (self.scaler.target * self.pods)
        advice = self.pods if abs(ratio - 1) <= TOLERANCE else math.ceil(load / self.scaler.target)
        self._advised.append((now, advice))
        wanted = self._limited(self._stabilized(advice, now), now)
        if wanted != self.pods:
            self.changes.append(Change(now, self.pods, wanted))
            self.pods = wanted

    def _seen(self, now: int) -> float | None:
        scaler = self.scaler
        load = self.load(now - now % scaler.polling)
        if load is not None:
            self._failures = 0
            return load
        if now % scaler.polling < PERIOD:
            self._failures += 1
        if not scaler.fallback or self._failures <= scaler.fallback["failureThreshold"]:
            return None
        assert scaler.fallback["behavior"] == "currentReplicasIfHigher"
        replicas: int = max(scaler.fallback["replicas"], self.pods)
        return scaler.target * replicas

    def _stabilized(self, advice: int, now: int) -> int:
        def recent(direction: str) -> list[int]:
            window = self.scaler.behavior[direction]["stabilizationWindowSeconds"]
            latest = takewhile(lambda advised: advised[0] > now - window, reversed(self._advised))
            return [number for _, number in latest] or [advice]

        lower, upper = min(*recent("scaleUp"), advice), max(*recent("scaleDown"), advice)
        return min(max(self.pods, lower), upper)

    def _limited(self, wanted: int, now: int) -> int:
        wanted = min(max(wanted, self.scaler.least), self.scaler.greatest)
        if wanted > self.pods:
            return min(wanted, max(self.pods, *self._limits("scaleUp", now)))
        if wanted < self.pods:
            return max(wanted, min(self.pods, *self._limits("scaleDown", now)))
        return wanted

    def _limits(self, direction: str, now: int) -> Iterator[int]:
        sign = 1 if direction == "scaleUp" else -1
        policies: list[Any] = self.scaler.behavior[direction]["policies"]
        for policy in policies:
            recent = [change for change in self.changes if change.at > now - policy["periodSeconds"]]
            before = self.pods - sum(change.after - change.before for change in recent)
            share = before * policy["value"] / 100 if policy["type"] == "Percent" else policy["value"]
            yield math.ceil(before + sign * share)

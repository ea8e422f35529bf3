"""What the generated objects of a release say about where its pods run, how they begin and how they end."""

from __future__ import annotations

import configparser
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
Labels = Mapping[str, str]

COMPONENT = "app.kubernetes.io/name"
OURS = {"app.kubernetes.io/managed-by": "constructs-st2"}
WAIT_PREFIX = "wait-for-"
ALONE = "--alone"
"""The option that keeps a program from its work while the one before it has not ended, for at most some seconds."""
PROBES = ("startupProbe", "readinessProbe")
DEFAULT_GRACE = 30
"""Seconds to stop, where a pod says nothing."""
DEFAULT_TOLERATION = 300
"""Seconds that a pod stays on a lost node, where it says nothing: the admission plugin DefaultTolerationSeconds."""
RUNNER = "st2actionrunner"


@dataclass(frozen=True)
class Selector:
    """Which labels a pod must have."""

    equal: Labels
    expressions: tuple[Document, ...]

    @classmethod
    def of(cls, selector: Document) -> Selector:
        """Read a LabelSelector."""
        return cls(selector.get("matchLabels", {}), tuple(selector.get("matchExpressions", ())))

    def matches(self, labels: Labels) -> bool:
        """Whether a pod with these labels is meant."""
        return self.equal.items() <= labels.items() and all(_holds(each, labels) for each in self.expressions)


def _holds(expression: Document, labels: Labels) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", ())
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


@dataclass(frozen=True)
class Spread:
    """A topology spread constraint. ``hard``: a pod rather waits than violates it."""

    key: str
    skew: int
    hard: bool
    selector: Selector
    of_revision: bool


@dataclass(frozen=True)
class Apart:
    """A term of pod anti-affinity. ``hard``: required, not preferred."""

    key: str
    hard: bool
    selector: Selector


@dataclass(frozen=True)
class PodFacts:
    """A pod template.

    ``stays`` are the seconds on a lost node, ``alone`` those for which a program waits at most for the one before it,
    None where it does not. ``waits_for`` are the components of which one pod must be ready before it starts.
    ``ready_after`` is the least time from its start until Kubernetes asks whether it is ready.
    """

    labels: Labels
    annotations: Labels
    node_selector: Labels
    grace: int
    stays: float
    spreads: tuple[Spread, ...]
    aparts: tuple[Apart, ...]
    waits_for: frozenset[str]
    ready_after: int
    alone: int | None
    has_claim: bool
    has_scratch: bool


@dataclass(frozen=True)
class Workload:
    """A Deployment or StatefulSet.

    ``steady``: seconds for which a pod must be ready until it counts as available. ``finishes``: seconds for which its
    program lets running work finish when it stops, by st2.conf.
    """

    name: str
    is_stateful: bool
    replicas: int
    surge: int
    unavailable: int
    recreates: bool
    steady: int
    is_ordered: bool
    pod: PodFacts
    finishes: int = 0

    @property
    def component(self) -> str:
        """What it is in the cluster: its name without that of the release."""
        return self.pod.labels[COMPONENT]

    @property
    def app(self) -> str:
        """The service that it is an instance of: pools of runners and partitions of sensors have one in common."""
        return self.pod.labels["app"]


@dataclass(frozen=True)
class Budget:
    """A PodDisruptionBudget. One of the two numbers is None."""

    selector: Selector
    max_unavailable: int | str | None
    min_available: int | str | None
    lets_unhealthy_go: bool

    def allows(self, healthy: int, expected: int) -> bool:
        """Whether one more healthy pod may be evicted."""
        if self.min_available is not None:
            return healthy > _count(self.min_available, expected, math.ceil)
        assert self.max_unavailable is not None
        return healthy > expected - _count(self.max_unavailable, expected, math.ceil)


@dataclass(frozen=True)
class Release:
    """All that runs for ever, and what drains must respect."""

    workloads: tuple[Workload, ...]
    budgets: tuple[Budget, ...]

    @classmethod
    def of(cls, objects: Iterable[Document]) -> Release:
        """Read the objects that are ours."""
        ours = [each for each in objects if OURS.items() <= each["metadata"].get("labels", {}).items()]
        floors = _floors(ours)
        files = _files(ours)
        return cls(
            tuple(_workload(each, floors, files) for each in ours if each["kind"] in ("Deployment", "StatefulSet")),
            tuple(_budget(each) for each in ours if each["kind"] == "PodDisruptionBudget"),
        )


def _floors(objects: Iterable[Document]) -> Mapping[str, int]:
    """The least number of pods of what an autoscaler scales."""
    scalers = {"HorizontalPodAutoscaler": "minReplicas", "ScaledObject": "minReplicaCount"}
    return {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"][scalers[each["kind"]]]
        for each in objects
        if each["kind"] in scalers
    }


def _files(objects: Iterable[Document]) -> Mapping[str, str]:
    """The files of all ConfigMaps."""
    return {
        name: text for each in objects if each["kind"] == "ConfigMap" for name, text in each.get("data", {}).items()
    }


def _finishes(labels: Labels, files: Mapping[str, str]) -> int:
    """What st2 reads in the files of settings of a runner, of which the last one wins."""
    if labels["app"] != RUNNER:
        return 0
    conf = configparser.RawConfigParser(strict=False)
    for name in ("st2.docker.conf", "st2.user.conf", f"{labels[COMPONENT]}.conf"):
        conf.read_string(files.get(name, ""))
    return conf.getint("actionrunner", "exit_still_active_check")


def _workload(document: Document, floors: Mapping[str, int], files: Mapping[str, str]) -> Workload:
    spec, name = document["spec"], document["metadata"]["name"]
    replicas = spec.get("replicas", floors.get(name, 1))
    strategy = spec.get("strategy", {})
    rolling = strategy.get("rollingUpdate", {})
    surge = _count(rolling.get("maxSurge", "25%"), replicas, math.ceil)
    unavailable = _count(rolling.get("maxUnavailable", "25%"), replicas, math.floor)
    return Workload(
        name=name,
        is_stateful=document["kind"] == "StatefulSet",
        replicas=replicas,
        surge=surge,
        # Kubernetes does not let both be nothing.
        unavailable=unavailable or (0 if surge else 1),
        recreates=strategy.get("type") == "Recreate",
        steady=spec.get("minReadySeconds", 0),
        is_ordered=spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady",
        pod=_pod(spec["template"], has_claim="volumeClaimTemplates" in spec),
        finishes=_finishes(spec["template"]["metadata"]["labels"], files),
    )


def _pod(template: Document, *, has_claim: bool) -> PodFacts:
    spec, metadata = template["spec"], template["metadata"]
    main = spec["containers"][0]
    waits = (each["name"] for each in spec.get("initContainers", ()) if each["name"].startswith(WAIT_PREFIX))
    volumes = spec.get("volumes", ())
    return PodFacts(
        labels=metadata["labels"],
        annotations=metadata.get("annotations", {}),
        node_selector=spec.get("nodeSelector", {}),
        grace=spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE),
        stays=_stays(spec.get("tolerations", ())),
        spreads=tuple(map(_spread, spec.get("topologySpreadConstraints", ()))),
        aparts=tuple(_aparts(spec.get("affinity", {}).get("podAntiAffinity", {}))),
        waits_for=frozenset(name.removeprefix(WAIT_PREFIX) for name in waits),
        ready_after=max(main.get(probe, {}).get("initialDelaySeconds", 0) for probe in PROBES),
        alone=_alone(main.get("command", [])),
        has_claim=has_claim or any("persistentVolumeClaim" in each for each in volumes),
        has_scratch=any("emptyDir" in each for each in volumes),
    )


def _alone(command: list[str]) -> int | None:
    return int(command[command.index(ALONE) + 1]) if ALONE in command else None


def _stays(tolerations: Iterable[Document]) -> float:
    for each in tolerations:
        of_loss = each.get("key") in (None, "", "node.kubernetes.io/unreachable")
        if of_loss and each.get("effect") in (None, "", "NoExecute"):
            return float(each.get("tolerationSeconds", math.inf))
    return DEFAULT_TOLERATION


def _spread(constraint: Document) -> Spread:
    return Spread(
        key=constraint["topologyKey"],
        skew=constraint["maxSkew"],
        hard=constraint.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule",
        selector=Selector.of(constraint.get("labelSelector", {})),
        of_revision="pod-template-hash" in constraint.get("matchLabelKeys", ()),
    )


def _aparts(affinity: Document) -> Iterable[Apart]:
    for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution", ()):
        yield Apart(term["topologyKey"], hard=True, selector=Selector.of(term.get("labelSelector", {})))
    for preferred in affinity.get("preferredDuringSchedulingIgnoredDuringExecution", ()):
        term = preferred["podAffinityTerm"]
        yield Apart(term["topologyKey"], hard=False, selector=Selector.of(term.get("labelSelector", {})))


def _budget(document: Document) -> Budget:
    spec = document["spec"]
    return Budget(
        selector=Selector.of(spec["selector"]),
        max_unavailable=spec.get("maxUnavailable"),
        min_available=spec.get("minAvailable"),
        lets_unhealthy_go=spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow",
    )


def _count(value: int | str, of: int, rounded: Any) -> int:
    """A number, or a percentage of some pods."""
    return int(rounded(int(value.removesuffix("%")) * of / 100)) if isinstance(value, str) else value

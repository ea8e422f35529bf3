"""How workloads of ours run: several pods that survive a drain, single ones that are never doubled, clean stops."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from constructs_st2.checks.data import at, label, mapping, namespace_of, strings
from constructs_st2.checks.index import CONTROLLERS, Index, Scale
from constructs_st2.checks.pods import Container, PodTemplate
from constructs_st2.checks.problem import Problem
from constructs_st2.facts.release import WAIT_FOR
from constructs_st2.kube.documents import Document, identity

SINGLE = {
    "st2timersengine": "a second one fires every timer twice",
    "st2sensorcontainer": "a second one runs every sensor twice",
    "st2chatops": "a second one answers every message twice",
    "st2garbagecollector": "a second one deletes what the first one is deleting",
}
"""Services, by their label ``app``, of which at most one pod may run at any time; and why."""

DEFAULT_GRACE = 30
"""Seconds that Kubernetes gives a pod to stop when its template says nothing."""

_SLEEP = re.compile(r"\bsleep\s+(\d+)\b")
_STOP_SCRIPT = re.compile(r"(.*/)?stop[\w.-]*")
_ON_TERM_SCRIPT = "on-term.bash"
_TAG = re.compile(r"[^/]+:([^/:@]+)(@.*)?")


def disruption_budgets(index: Index) -> Iterator[Problem]:
    """Exactly one budget, which lets a node be drained, wherever there are several pods; none for a single pod."""
    budgets: dict[int, list[Document]] = defaultdict(list)
    for budget in index.of_kind("PodDisruptionBudget"):
        for pod in index.pods_of(namespace_of(budget), index.selector_of(budget)):
            budgets[id(pod.owner)].append(budget)
    for workload in _controllers(index):
        scale, found = index.scale_of(workload), budgets[id(workload)]
        if scale.least >= 2 and not found:
            message = f"{scale.least} replicas have no PodDisruptionBudget; add one with maxUnavailable: 1"
            yield Problem("disruption-budget", identity(workload), "spec.replicas", message)
        if len(found) > 1:
            names = ", ".join(sorted(map(identity, found)))
            message = f"more than one PodDisruptionBudget ({names}): Kubernetes then evicts no pod at all; keep one"
            yield Problem("disruption-budget", identity(workload), "spec.selector", message)
        for budget in found:
            yield from _budget_problems(budget, workload, scale)


def _budget_problems(budget: Document, workload: Document, scale: Scale) -> Iterator[Problem]:
    spec = mapping(budget.get("spec"))
    if scale.greatest < 2:
        message = f"{identity(workload)} has a single pod, whose node could not be drained; remove the budget"
        yield Problem("disruption-budget", identity(budget), "spec.selector", message)
    elif scale.least >= 2 and _evictable(spec, scale.least) < 1:
        field = "spec.minAvailable" if "minAvailable" in spec else "spec.maxUnavailable"
        message = f"lets none of {scale.least} pods be evicted, so no node can be drained; use maxUnavailable: 1"
        yield Problem("disruption-budget", identity(budget), field, message)


def _evictable(spec: Document, replicas: int) -> int:
    """How many of some healthy pods a budget lets go. Kubernetes rounds both percentages up."""
    if "minAvailable" in spec:
        return replicas - _count(spec["minAvailable"], replicas)
    return _count(spec.get("maxUnavailable", 0), replicas)


def _count(value: object, replicas: int) -> int:
    text = str(value)
    number = text.removesuffix("%")
    if not number.isdecimal():
        return 0
    return math.ceil(int(number) * replicas / 100) if text.endswith("%") else int(number)


def spread(index: Index) -> Iterator[Problem]:
    """Several pods are told to keep apart."""
    for workload in _controllers(index):
        spec = index.pods_made_by(workload).spec
        apart = spec.get("topologySpreadConstraints") or at(spec, "affinity", "podAntiAffinity")
        if index.scale_of(workload).least >= 2 and not apart:
            message = "is missing, so all replicas may share one node; spread them over zones and hosts"
            yield index.pods_made_by(workload).problem("spread", "spec.topologySpreadConstraints", message)


def single_services(index: Index) -> Iterator[Problem]:
    """Services that must not run twice have one pod, which ends before the next one starts."""
    for workload in index.own_of_kind("Deployment"):
        reason = SINGLE.get(label(workload, "app") or "")
        if reason is None:
            continue
        if index.scale_of(workload).greatest > 1:
            message = f"must be at most 1: {reason}"
            yield Problem("single", identity(workload), "spec.replicas", message)
        if at(workload, "spec", "strategy", "type") != "Recreate":
            message = f"must be Recreate, because a rolling update runs two pods for a while: {reason}"
            yield Problem("single", identity(workload), "spec.strategy.type", message)


def grace_periods(index: Index) -> Iterator[Problem]:
    """A pod has longer to stop than passes before its processes are told to."""
    for pod in index.own_pods:
        given = pod.spec.get("terminationGracePeriodSeconds")
        grace = given if isinstance(given, int) else DEFAULT_GRACE
        hooks = [_pre_stop_seconds(each) + _drain_seconds(each) for each in pod.containers if not _sleeps(each, grace)]
        longest = max(hooks, default=-1)
        if longest >= grace:
            message = f"is {grace} s, of which {longest} s pass before a process is told to stop; make it longer"
            yield pod.problem("grace-period", "spec.terminationGracePeriodSeconds", message)


def _sleeps(container: Container, grace: int) -> bool:
    """Whether a preStop hook sleeps longer than the API server takes, which is told elsewhere."""
    if "lifecycle" not in container.spec:
        return False
    seconds = at(container.spec, "lifecycle", "preStop", "sleep", "seconds")
    return isinstance(seconds, int) and seconds > grace


def _pre_stop_seconds(container: Container) -> int:
    """Seconds that a preStop hook takes, as far as its command tells: ``sleep N``, or ``stop.sh N``."""
    if "lifecycle" not in container.spec:
        return 0
    hook = mapping(at(container.spec, "lifecycle", "preStop"))
    built_in = at(hook, "sleep", "seconds")
    if isinstance(built_in, int):
        return built_in
    command = strings(at(hook, "exec", "command"))
    slept = sum(map(int, _SLEEP.findall(" ".join(command))))
    for position, word in enumerate(command):
        if _STOP_SCRIPT.fullmatch(word):
            return slept + _first_number(command[position + 1 :])
    return slept


def _drain_seconds(container: Container) -> int:
    """Seconds that the main process waits when it is told to stop: ``on-term.bash SIGNAL N``."""
    command = strings(container.spec.get("command"))
    names = [word.rpartition("/")[2] for word in command]
    script = names.index(_ON_TERM_SCRIPT) if _ON_TERM_SCRIPT in names else None
    return 0 if script is None else _first_number(command[script + 1 :])


def _first_number(words: Sequence[str]) -> int:
    return next((int(word) for word in words if word.isdecimal()), 0)


def resource_requests(index: Index) -> Iterator[Problem]:
    """Containers say what they need, so that the scheduler does not pile them up."""
    for pod in index.own_pods:
        for container in _own_containers(pod):
            for resource in ("cpu", "memory"):
                if at(container.spec, "resources", "requests", resource) is None:
                    message = f"is missing; say how much {resource} the container normally uses"
                    field = f"{container.field}.resources.requests.{resource}"
                    yield Problem("resources", pod.identity, field, message)


def image_tags(index: Index) -> Iterator[Problem]:
    """Images are of a known version."""
    for pod in index.own_pods:
        for container in _own_containers(pod):
            image = str(container.spec.get("image", ""))
            tag = _TAG.fullmatch(image.rpartition("/")[2])
            if "@sha256:" in image or (tag and tag[1] != "latest"):
                continue
            message = f'"{image}" may be another version tomorrow; give a tag other than latest, or a digest'
            yield Problem("image", pod.identity, f"{container.field}.image", message)


def readiness_probes(index: Index) -> Iterator[Problem]:
    """The main container of a Deployment has a readiness probe where it has a port."""
    for workload in index.own_of_kind("Deployment"):
        pod = index.pods_made_by(workload)
        main = pod.main_container
        if main.ports and not main.spec.get("readinessProbe"):
            message = "is missing: requests would reach the container before it listens"
            yield Problem("readiness", pod.identity, f"{main.field}.readinessProbe", message)


def tokens_and_links(index: Index) -> Iterator[Problem]:
    """No pod gets a token or addresses of the cluster unasked."""
    for pod in index.own_pods:
        if not pod.spec.get("serviceAccountName") and pod.spec.get("automountServiceAccountToken") is not False:
            message = "must be false where no serviceAccountName is set: the pod would get a token that it does not use"
            yield pod.problem("token", "spec.automountServiceAccountToken", message)
        if pod.spec.get("enableServiceLinks") is not False:
            # A Service called "st2-api" would set ST2_API_PORT to "tcp://…", and programs read such variables.
            message = "must be false: Kubernetes would set variables that st2 takes for settings"
            yield pod.problem("service-links", "spec.enableServiceLinks", message)


def _controllers(index: Index) -> Iterator[Document]:
    return index.own_of_kind(*CONTROLLERS)


def _own_containers(pod: PodTemplate) -> list[Container]:
    """The containers that are certainly not the user's: further ones of a Deployment or StatefulSet may be."""
    if pod.owner["kind"] not in CONTROLLERS:
        return list(pod.containers)
    waits = [c for c in pod.containers if c.init and c.name.startswith(WAIT_FOR)]
    return [*waits, pod.main_container]


RULES = (
    disruption_budgets,
    spread,
    single_services,
    grace_periods,
    resource_requests,
    image_tags,
    readiness_probes,
    tokens_and_links,
)

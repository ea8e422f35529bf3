"""The Job controller and the kubelet in virtual time: what becomes of Jobs when the things that they need come late.

Rules are those of https://kubernetes.io/docs/concepts/workloads/controllers/job/ for pods that are not restarted.
Programs are not run. What waits ends when that is there, or at its own limit; anything else takes a few seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from constructs_st2.facts.release import WAVE_ANNOTATION
from constructs_st2.kube.documents import Document

STEP = 5.0
"""Seconds that any program takes which does not wait."""
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 360.0
NEVER = math.inf

_WAIT_FOR = "/opt/constructs-st2/wait-for.sh"
_AWAIT_LOGIN = "constructs_st2.parts.jobs.scripts.await_login"


@dataclass(frozen=True)
class World:
    """What happens around the Jobs.

    Args:
        late: when a Service can be reached, in seconds, by its name; others can from the start.
        failures: how often the command of a Job fails before it succeeds, by the Job.
    """

    late: Mapping[str, float] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Run:
    """What has become of a Job. Times are seconds since its manifests were applied.

    ``commands``: when its own command was started, once per attempt that came so far. ``attempts_failed`` counts the
    pods that failed.
    """

    created: float = NEVER
    commands: list[float] = field(default_factory=list)
    attempts_failed: int = 0
    completed: float = NEVER
    failed: float = NEVER
    reason: str = ""


def _nothing() -> bool:
    return False


class _Wait(NamedTuple):
    """Until a moment, or until something is there before that."""

    until: float
    is_there: Callable[[], bool] = _nothing


_Process = Iterator[_Wait]


def simulate(objects: Sequence[Document], world: World, *, by_waves: bool = False) -> dict[str, Run]:
    """Run all Jobs of some manifests to their ends.

    Args:
        objects: the manifests.
        world: what happens around the Jobs.
        by_waves: whether a Job is made only when those of lower waves are complete, as Argo CD does it.

    Returns:
        What has become of each Job, by its name without release, ``job-`` and hash.
    """
    simulation = _Simulation(objects, world, by_waves)
    simulation.run()
    return simulation.runs


def name_of(job: Document) -> str:
    """The name of a Job without release, ``job-`` and hash."""
    component: str = job["metadata"]["labels"]["app.kubernetes.io/name"]
    return component.removeprefix("job-")


class _Simulation:
    def __init__(self, objects: Sequence[Document], world: World, by_waves: bool) -> None:
        self.now = 0.0
        self.runs: dict[str, Run] = {}
        self._world = world
        self._by_waves = by_waves
        self._waiting = {name_of(each): each for each in objects if each["kind"] == "Job"}
        self._waves = {name: _wave(job) for name, job in self._waiting.items()}
        self._running: dict[str, tuple[_Process, _Wait, float]] = {}
        self._ports = {
            each["metadata"]["name"]: {str(port["port"]) for port in each["spec"]["ports"]}
            for each in objects
            if each["kind"] == "Service"
        }
        self.runs = {name: Run() for name in self._waiting}

    def run(self) -> None:
        self._create()
        while self._running:
            if not self._go_on():
                self.now = self._next_event()
            self._create()

    def _create(self) -> None:
        ready = [name for name in self._waiting if not self._by_waves or self._is_its_turn(name)]
        for name in ready:
            job = self._waiting.pop(name)
            self.runs[name].created = self.now
            deadline = self.now + job["spec"]["activeDeadlineSeconds"]
            self._running[name] = self._job(name, job["spec"]), _Wait(self.now), deadline

    def _is_its_turn(self, name: str) -> bool:
        return all(run.completed < NEVER for other, run in self.runs.items() if self._waves[other] < self._waves[name])

    def _go_on(self) -> bool:
        """Let those go on whose wait is over. Returns whether there were any."""
        found = False
        for name, (process, wait, deadline) in list(self._running.items()):
            if self.now >= deadline:
                self._fail(name, "DeadlineExceeded")
            elif self.now >= wait.until or wait.is_there():
                following = next(process, None)
                if following is None:
                    self._running.pop(name, None)
                else:
                    self._running[name] = process, following, deadline
            else:
                continue
            found = True
        return found

    def _next_event(self) -> float:
        moments = [moment for _, wait, deadline in self._running.values() for moment in (wait.until, deadline)]
        return min(moment for moment in (*moments, *self._world.late.values()) if moment > self.now)

    def _job(self, name: str, spec: Document) -> _Process:
        run, pod = self.runs[name], spec["template"]["spec"]
        while True:
            if (yield from self._attempt(name, pod)):
                run.completed = self.now
                return
            run.attempts_failed += 1
            if run.attempts_failed > spec["backoffLimit"]:
                self._fail(name, "BackoffLimitExceeded")
                return
            yield _Wait(self.now + min(FIRST_BACKOFF * 2 ** (run.attempts_failed - 1), LONGEST_BACKOFF))

    def _attempt(self, name: str, pod: Document) -> Generator[_Wait, None, bool]:
        """One pod. With the policy Never, the failure of any container is that of the pod."""
        assert pod["restartPolicy"] == "Never"
        for container in pod.get("initContainers", ()):
            seconds, is_there = self._program(container)
            yield _Wait(self.now + seconds, is_there or _nothing)
            if is_there and not is_there():
                return False
        run = self.runs[name]
        run.commands.append(self.now)
        yield _Wait(self.now + STEP)
        return len(run.commands) > self._world.failures.get(name, 0)

    def _program(self, container: Document) -> tuple[float, Callable[[], bool] | None]:
        """How long an init container may take, and what it waits for, if it waits."""
        command, args = container.get("command", []), container.get("args", [])
        if _WAIT_FOR in command:
            _, seconds, host, port = args
            return float(seconds), lambda: self._is_up(host, port)
        if _AWAIT_LOGIN in command:
            seconds, *rest = args
            roles = [each for each in rest if not each.startswith("--action=")]
            needed = [*(["apply-rbac"] if roles else []), *(["register-content"] if len(rest) > len(roles) else [])]
            return float(seconds), lambda: self._can_log_in(needed)
        return STEP, None

    def _is_up(self, service: str, port: str) -> bool:
        return port in self._ports.get(service, ()) and self.now >= self._world.late.get(service, 0)

    def _can_log_in(self, jobs: Sequence[str]) -> bool:
        up = self._is_up("st2-st2auth", "9100") and self._is_up("st2-st2api", "9101")
        return up and all(job in self.runs and self.runs[job].completed <= self.now for job in jobs)

    def _fail(self, name: str, reason: str) -> None:
        self.runs[name].failed, self.runs[name].reason = self.now, reason
        self._running.pop(name, None)


def _wave(job: Document) -> int:
    return int(job["metadata"].get("annotations", {}).get(WAVE_ANNOTATION, 0))

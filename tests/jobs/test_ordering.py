"""Jobs start in any order and whatever is late: each waits for what it needs, and none gives up too early."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from support import LONG, Objects, Synth

from constructs_st2.facts.jobs import PURPOSES

from .kubernetes_jobs import NEVER, STEP, World, name_of, simulate

SERVICES = ("mongodb", "rabbitmq", "redis", "st2auth", "st2api", "st2stream")
DELAYS = (300.0, 3000.0, NEVER)
DEADLINE = 3600.0
BACKOFF_LIMIT = 6
SHORT_STEPS = 10 * STEP
"""More than all the steps of a Job together that do not wait."""

BACKENDS = {"mongodb", "rabbitmq"}
API = {"st2auth", "st2api"}
NEEDS: Mapping[str, set[str]] = {
    "secrets-bootstrap": set(),
    "packs-write-test": set(),
    "apply-rbac": BACKENDS,
    "register-content": BACKENDS,
    "key-load": {*API, "apply-rbac"},
    "apikey-load": {*API, "apply-rbac"},
    "smoke-test": {*API, "st2stream", "apply-rbac", "register-content"},
    "of-api": {*API, "apply-rbac", "register-content"},
    "of-all": {*SERVICES, "apply-rbac"},
    "of-locks": {"redis"},
    "extra-helm-hook-a": {*API, "apply-rbac", "register-content"},
}
"""What each Job needs: Services, and other Jobs that must be complete."""

CLAIM = {"create": {"size": "1Gi"}}
COMMAND = {"command": ["true"]}
VALUES: dict[str, Any] = {
    "st2": {
        "rbac": {"enabled": True},
        "keyvalue": [{"name": "a", "value": "b"}],
        "apikeys": [{"user": "a", "id": "a" * 24, "key_hash": "b" * 128}],
        "packs": {
            "images": [{"repository": "images", "tag": "1"}],
            "volumes": {"enabled": True, "packs": CLAIM, "virtualenvs": CLAIM},
        },
    },
    "jobs": {
        "smokeTest": {"enabled": True},
        "preRegisterContentCommand": ["true"],
        "extra": [
            {"name": "of-api", "actions": ["aws.list"], **COMMAND},
            {
                "name": "of-all",
                "needs": ["database", "messaging", "coordination", "st2auth", "st2api", "st2stream"],
                **COMMAND,
            },
            {"name": "of-locks", "needs": ["coordination"], **COMMAND},
        ],
        "extra_hooks": [{"name": "a", "hook": "post-install", **COMMAND}],
    },
}
WITHOUT_ROLES = {**VALUES, "st2": {**VALUES["st2"], "rbac": {"enabled": False}}}


@pytest.fixture(scope="module", params=[VALUES, WITHOUT_ROLES], ids=["with RBAC", "without RBAC"])
def objects(request: pytest.FixtureRequest, synth: Synth) -> Objects:
    """The manifests of a cluster with all Jobs that there are."""
    return synth(request.param)


@pytest.fixture(scope="module")
def needs(objects: Objects) -> dict[str, set[str]]:
    """What each of its Jobs needs."""
    jobs = {name_of(job) for job in objects.of_kind("Job")}
    assert sorted(jobs - NEEDS.keys()) == [], "say what it waits for in NEEDS of tests/jobs/test_ordering.py"
    return {job: NEEDS[job] & {*SERVICES, *jobs} for job in jobs}


def test_there_are_all_jobs(synth: Synth) -> None:
    jobs = {name_of(job) for job in synth(VALUES).of_kind("Job")}
    missing = sorted({*NEEDS, *PURPOSES} - jobs)
    assert missing == [], "say in VALUES of tests/jobs/test_ordering.py what brings it about"


def worlds() -> Iterator[World]:
    """All that can be late together, each of them by one of the delays.

    In short runs it is every third: with four choices for each, they hold all combinations for all services but one.
    """
    combinations = itertools.product((0.0, *DELAYS), repeat=len(SERVICES))
    for delays in itertools.islice(combinations, 0, None, 1 if LONG else 3):
        yield World({f"st2-{service}": delay for service, delay in zip(SERVICES, delays, strict=True) if delay})


def failing_worlds(jobs: Mapping[str, set[str]]) -> Iterator[World]:
    """One Job at a time whose command fails some times, while nothing, or its own backends, are late."""
    for job, times, delay in itertools.product(jobs, (1, BACKOFF_LIMIT, BACKOFF_LIMIT + 1, 100), (0.0, 300.0)):
        yield World({"st2-mongodb": delay, "st2-st2api": delay}, {job: times})


def ready(job: str, needs: Mapping[str, set[str]], world: World) -> tuple[float, float]:
    """When all is there that a Job needs, at the earliest and at the latest."""
    earliest = latest = 0.0
    for need in needs[job]:
        if need in needs:
            first, last = ready(need, needs, world)
            first, last = first + STEP, last + SHORT_STEPS
            if world.failures.get(need, 0):
                last += 1000 if world.failures[need] <= BACKOFF_LIMIT else NEVER
        else:
            first = last = world.late.get(f"st2-{need}", 0.0)
        earliest, latest = max(earliest, first), max(latest, last)
    return earliest, latest


def check(objects: Objects, needs: Mapping[str, set[str]], world: World) -> None:
    runs = simulate(objects, world)
    for job, run in runs.items():
        earliest, latest = ready(job, needs, world)
        own_failures = world.failures.get(job, 0)
        assert all(start >= earliest for start in run.commands), f"{job} starts too early in {world}"
        for need in needs[job] & runs.keys():
            assert all(start >= runs[need].completed for start in run.commands), f"{job} is before {need} in {world}"
        if run.failed < NEVER and own_failures <= BACKOFF_LIMIT:
            assert run.reason == "DeadlineExceeded", f"{job} gives up in {world}"
        if own_failures > BACKOFF_LIMIT:
            assert run.completed == NEVER
            assert len(run.commands) <= BACKOFF_LIMIT + 1
        elif latest + SHORT_STEPS + (1000 if own_failures else 0) < DEADLINE:
            assert run.completed < NEVER, f"{job} does not complete in {world}"
        assert (run.completed < NEVER) != (run.failed < NEVER)
        assert run.failed == NEVER or run.reason != "DeadlineExceeded" or run.failed == DEADLINE


def test_jobs_wait_for_whatever_is_late_and_complete_when_it_comes(
    objects: Objects, needs: dict[str, set[str]]
) -> None:
    for world in worlds():
        check(objects, needs, world)


def test_jobs_are_tried_again_and_those_that_wait_for_them_go_on(objects: Objects, needs: dict[str, set[str]]) -> None:
    for world in failing_worlds(needs):
        check(objects, needs, world)


def test_a_wait_is_no_failed_attempt(objects: Objects) -> None:
    late = World({f"st2-{service}": 3000.0 for service in SERVICES})
    assert {name: run.attempts_failed for name, run in simulate(objects, late).items() if run.attempts_failed} == {}


def test_a_command_that_always_fails_ends_its_job_after_all_attempts(objects: Objects) -> None:
    run = simulate(objects, World(failures={"register-content": 100}))["register-content"]
    assert len(run.commands) == BACKOFF_LIMIT + 1
    assert run.reason == "BackoffLimitExceeded"


@pytest.mark.parametrize("values", [VALUES, WITHOUT_ROLES], ids=["with RBAC", "without RBAC"])
@pytest.mark.parametrize("gitops", ["tracked", "argo-hooks"])
def test_no_job_waits_for_one_of_a_later_wave(synth: Synth, values: dict[str, Any], gitops: str) -> None:
    objects = synth({**values, "gitops": {"jobs": gitops}})
    runs = simulate(objects, World(), by_waves=True)
    assert [name for name, run in runs.items() if run.completed == NEVER] == []
    assert max(runs, key=lambda name: runs[name].created) == "smoke-test"

"""How long services take to stop; one value per service, from which everything else follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.catalogue import BESIDES_RUNNING_WORK, CATALOGUE, ST2ACTIONRUNNER, CatalogueEntry
from constructs_st2.values.model import Values
from constructs_st2.values.model.services import Service


@dataclass(frozen=True)
class StopTiming:
    """Seconds of a pod's end.

    ``drain`` pass before the process gets its signal; ``finish`` is st2's own limit for running work, None for
    services that have none; ``grace`` covers all of it, then the kubelet kills.
    """

    grace: int
    drain: int
    finish: int | None


def stop_timing(entry: CatalogueEntry, settings: Service) -> StopTiming:
    """The timing of a service under its values."""
    grace = (
        entry.grace if settings.termination_grace_period_seconds is None else settings.termination_grace_period_seconds
    )
    drain = entry.drain if settings.pre_stop_sleep is None else settings.pre_stop_sleep
    finish = grace - drain - BESIDES_RUNNING_WORK if entry.finishes_work else None
    return StopTiming(grace, drain, finish)


def impossible_timings(values: Values) -> list[ValueProblem]:
    """Grace periods that leave a service no time to stop."""
    problems = []
    for entry in CATALOGUE:
        timing = stop_timing(entry, getattr(values, entry.name))
        key = f"{entry.name}.terminationGracePeriodSeconds"
        if timing.finish is not None and timing.finish <= 0:
            problems.append(
                ValueProblem(
                    key,
                    f"must be more than {timing.drain + BESIDES_RUNNING_WORK}: st2 gets {BESIDES_RUNNING_WORK} s "
                    "to record what it abandons, and the rest for running work to finish",
                )
            )
        elif timing.grace <= timing.drain:
            problems.append(
                ValueProblem(key, f"is {timing.grace} s, but preStopSleep alone takes {timing.drain} s; make it longer")
            )
    return [*problems, *_of_pools(values)]


def _of_pools(values: Values) -> Iterator[ValueProblem]:
    """The limit for running work is an option of st2.conf, which all runners share."""
    shared = stop_timing(ST2ACTIONRUNNER, values.st2actionrunner)
    for index, pool in enumerate(values.st2actionrunner.pools):
        given = pool.model_fields_set & {"termination_grace_period_seconds", "pre_stop_sleep"}
        timing = stop_timing(
            ST2ACTIONRUNNER, values.st2actionrunner.model_copy(update={n: getattr(pool, n) for n in given})
        )
        if (timing.finish or 0) < (shared.finish or 0):
            key = f"st2actionrunner.pools[{index}].terminationGracePeriodSeconds"
            least = timing.grace + (shared.finish or 0) - (timing.finish or 0)
            message = f"must be at least {least}: runners of all pools let running work finish for {shared.finish} s"
            yield ValueProblem(key, message)

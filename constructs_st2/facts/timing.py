"""How long services take to stop; one value per service, from which everything else follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.catalogue import (
    BESIDES_RUNNING_WORK,
    CATALOGUE,
    ST2ACTIONRUNNER,
    ST2SENSORCONTAINER,
    CatalogueEntry,
)
from constructs_st2.values.model import Values
from constructs_st2.values.model.services import Service


class StopTiming(NamedTuple):
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
    for where, entry, settings in _all_settings(values):
        timing = stop_timing(entry, settings)
        key = f"{where}.terminationGracePeriodSeconds"
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
    return problems


def _all_settings(values: Values) -> Iterator[tuple[str, CatalogueEntry, Service]]:
    """Where in the values each service has its settings, those of pools and single sensors too."""
    for entry in CATALOGUE:
        yield entry.name, entry, getattr(values, entry.name)
    for index, pool in enumerate(values.st2actionrunner.pools):
        yield f"{ST2ACTIONRUNNER.name}.pools[{index}]", ST2ACTIONRUNNER, pool.over(values.st2actionrunner)
    for index, sensor in enumerate(values.st2.packs.sensors):
        yield f"st2.packs.sensors[{index}]", ST2SENSORCONTAINER, sensor.over(values.st2sensorcontainer)

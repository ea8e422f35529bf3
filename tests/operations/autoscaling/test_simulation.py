"""How the number of pods follows the load, by the rules of the controllers."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from operations.autoscaling.controllers import Autoscaler, Load, Run
from support import Synth

MINUTE, HOUR = 60, 3600
FLOOR, CEILING = 2, 20

ON: dict[str, object] = {"enabled": True, "maxReplicas": CEILING}


@pytest.fixture(scope="module")
def runner(synth: Synth) -> Autoscaler:
    return Autoscaler.of(synth({"st2actionrunner": {"autoscaling": ON}}).named("ScaledObject", "st2-st2actionrunner"))


@pytest.fixture(scope="module")
def scalers(synth: Synth, runner: Autoscaler) -> dict[str, Autoscaler]:
    """One of each sort."""
    objects = synth({"st2api": {"autoscaling": ON}, "st2actionrunner": {"autoscaling": {**ON, "mode": "cpu"}}})
    return {
        "work": runner,
        "cpu": Autoscaler.of(objects.named("HorizontalPodAutoscaler", "st2-st2actionrunner")),
        "http": Autoscaler.of(objects.named("HorizontalPodAutoscaler", "st2-st2api")),
    }


def steady(pods: float) -> Callable[[float], Load]:
    """Loads that keep some pods busy; they are given the target of a pod."""
    return lambda target: lambda _: pods * target


def bursts(pods: float, *, every: int, lasting: int) -> Callable[[float], Load]:
    return lambda target: lambda now: pods * target if now % every < lasting else 0


def noise(pods: float, *, width: float, seed: int) -> Callable[[float], Load]:
    def load(target: float) -> Load:
        numbers = random.Random(seed)
        values = [pods * target * numbers.uniform(1 - width, 1 + width) for _ in range(24 * HOUR // 15)]
        return lambda now: values[now // 15]

    return load


def day(pods: float) -> Callable[[float], Load]:
    """Nothing at night, and a working day with its peaks at ten and at three."""
    hours = [0, 0, 0, 0, 0, 0, 0.1, 0.3, 0.7, 0.9, 1, 0.8, 0.5, 0.6, 0.9, 1, 0.8, 0.4, 0.2, 0.1, 0, 0, 0, 0]
    return lambda target: lambda now: pods * target * hours[now // HOUR % 24]


LOADS = {
    "idle": steady(0),
    "too much": steady(100),
    "bursts": bursts(12, every=HOUR, lasting=10 * MINUTE),
    "short bursts": bursts(8, every=5 * MINUTE, lasting=30),
    "noise": noise(8, width=0.3, seed=1),
    "much noise": noise(3, width=1, seed=2),
    "day": day(15),
}


@pytest.fixture(scope="module", params=LOADS)
def load(request: pytest.FixtureRequest) -> Callable[[float], Load]:
    return LOADS[request.param]


@pytest.fixture(scope="module", params=["work", "cpu", "http"])
def run(request: pytest.FixtureRequest, scalers: dict[str, Autoscaler], load: Callable[[float], Load]) -> Run:
    """Some hours of a Deployment that begins with one pod, because its manifest has no number."""
    scaler = scalers[request.param]
    return Run(scaler, load(scaler.target), pods=1).until(24 * HOUR if load is LOADS["day"] else 5 * HOUR)


def test_there_are_never_fewer_pods_than_the_floor_nor_more_than_the_ceiling(run: Run) -> None:
    assert run.changes[0].at == 0
    assert all(FLOOR <= change.after <= CEILING for change in run.changes)


def test_pods_go_one_at_a_time_with_a_pause(run: Run) -> None:
    pause = 60 if run.scaler.target == 80 else 120
    assert all(change.before - change.after == 1 for change in run.departures)
    assert all(later.at - earlier.at >= pause for earlier, later in pairwise(run.departures))


def test_a_pod_goes_only_when_it_was_not_needed_for_a_while(run: Run) -> None:
    while_ = 300 if run.scaler.target == 80 else 600
    for change in run.departures:
        seen = [run.load(at) for at in range(max(0, change.at - while_ + 15), change.at + 1, run.scaler.polling)]
        assert all(load is not None and run.scaler.needed(load) <= change.after for load in seen)


def test_there_are_enough_pods_soon(runner: Autoscaler) -> None:
    wanted = 12
    run = Run(runner, steady(wanted)(runner.target), pods=FLOOR).until(HOUR)
    assert run.pods == wanted
    assert run.changes[-1].at <= 3 * MINUTE


def test_many_pods_double_at_once(runner: Autoscaler) -> None:
    run = Run(runner, steady(CEILING)(runner.target), pods=CEILING // 2).until(MINUTE)
    assert run.changes == [(0, CEILING // 2, CEILING)]


def test_all_pods_that_are_too_many_go_in_the_end(runner: Autoscaler) -> None:
    run = Run(runner, steady(0)(runner.target), pods=CEILING).until(HOUR)
    assert run.pods == FLOOR
    assert run.arrivals == []


@pytest.mark.parametrize("seed", range(10))
def test_noise_makes_no_flapping(runner: Autoscaler, seed: int) -> None:
    run = Run(runner, noise(8, width=0.2, seed=seed)(runner.target), pods=FLOOR).until(6 * HOUR)
    assert run.turns <= 2


def test_bursts_in_short_succession_find_their_pods_still_there(runner: Autoscaler) -> None:
    run = Run(runner, bursts(8, every=5 * MINUTE, lasting=MINUTE)(runner.target), pods=FLOOR).until(6 * HOUR)
    assert run.pods >= 8
    assert run.departures == []


class TestWithoutMongodb:
    """KEDA cannot look at the work."""

    def test_pods_stay(self, runner: Autoscaler) -> None:
        def load(now: int) -> float | None:
            return 10 * runner.target if now < HOUR else None

        run = Run(runner, load, pods=FLOOR).until(4 * HOUR)
        assert run.pods == 10
        assert run.departures == []

    def test_there_are_as_many_as_without_an_autoscaler(self, runner: Autoscaler) -> None:
        run = Run(runner, lambda _: None, pods=FLOOR).until(HOUR)
        assert run.pods == 5
        assert run.changes[0].at > MINUTE

    def test_a_short_absence_does_not_matter(self, runner: Autoscaler) -> None:
        run = Run(runner, lambda now: None if now % HOUR < 90 else 0, pods=FLOOR).until(6 * HOUR)
        assert run.changes == []


def test_pools_share_the_work(synth: Synth) -> None:
    pools = [{"name": name, "autoscaling": ON} for name in ("a", "b")]
    objects = synth({"st2actionrunner": {"replicas": 0, "pools": pools}})
    scalers = [Autoscaler.of(document) for document in objects.of_kind("ScaledObject")]
    busy = 12 * 36
    runs = [Run(scaler, lambda _: busy, pods=FLOOR).until(HOUR) for scaler in scalers]
    assert [run.pods for run in runs] == [6, 6]

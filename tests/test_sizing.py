"""Clusters of several sizes: their values are right, and each does more than the one before."""

from __future__ import annotations

from itertools import pairwise

import pytest

from constructs_st2.commands import sizing
from constructs_st2.commands.costs import Costs
from constructs_st2.construct.build import build


def made(name: str) -> tuple[sizing.Capacity, Costs]:
    cluster = sizing.cluster_of_size(name)
    objects = build(cluster).objects
    return sizing.capacity(cluster, objects), Costs.of(objects)


def test_each_size_does_more_than_the_one_before_and_costs_more() -> None:
    for (less, cheaper), (more, dearer) in pairwise(map(made, sizing.SIZES)):
        assert 2 * less.executions < more.executions
        assert cheaper.cpu < dearer.cpu
        assert cheaper.memory < dearer.memory
        assert sum(cheaper.storage.values()) < sum(dearer.storage.values())


@pytest.mark.parametrize("name", sizing.SIZES[1:])
def test_no_bound_is_far_above_the_others(name: str) -> None:
    """Otherwise something would be asked for in vain."""
    can, _ = made(name)
    assert can.kept < 5 * can.executions


def test_all_files_are_in_the_table() -> None:
    assert {file.stem for file in sizing.FOLDER.glob("*.yaml")} == set(sizing.SIZES)


def test_by_hand() -> None:
    """Five runners of 0.1 CPU and 60 threads; 30 GiB, of which 70 % hold what comes in 30 days."""
    can, costs = made("small")
    assert can == sizing.Capacity(threads=21600, cpu=1800, kept=1529)
    assert can.executions == 1500
    assert costs.storage == {None: (3 * 30 + 3 * 8 + 3) * 2**30}

"""Tries whether packs can be written to the shared volumes, before somebody finds out by an installation that fails."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.jobs import PACKS_WRITE_TEST
from constructs_st2.parts import packs
from constructs_st2.parts.jobs.job import Task
from constructs_st2.parts.packs import Delivery
from constructs_st2.parts.packs.scripts import TEST_PACKS_VOLUMES
from constructs_st2.parts.pods import scripts

_WAVE = 5
"""Before the services, which would start with volumes that cannot be used."""


def task(cluster: Cluster) -> Task | None:
    """It needs nothing but the volumes."""
    if packs.delivery(cluster.values) is not Delivery.SHARED:
        return None
    volumes = packs.shared_mounts(cluster)
    return Task(
        PACKS_WRITE_TEST,
        command=scripts.command(TEST_PACKS_VOLUMES, *(mount.path for mount in volumes)),
        settings=cluster.values.jobs,
        mounts=[*volumes, packs.scripts_mount(cluster.release)],
        wave=_WAVE,
    )

"""Registers packs, with their configurations and overrides, in the database."""

from __future__ import annotations

from constructs_st2.facts.catalogue import Content, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.jobs import REGISTER_CONTENT
from constructs_st2.facts.pod_paths import PROGRAMS, home_of
from constructs_st2.parts import packs
from constructs_st2.parts.jobs.job import Task, container, job_image
from constructs_st2.parts.services.contents import mounts_of
from constructs_st2.parts.services.process import configured

_PROGRAM = f"{PROGRAMS}/st2-register-content"


def task(cluster: Cluster) -> Task:
    """It needs the database and the message bus, which hears of each trigger and sensor, but no service of st2."""
    values = cluster.values
    settings = configured(REGISTER_CONTENT, cluster)
    own = values.jobs.pre_register_content_command
    mounts = [
        *settings.mounts,
        *packs.seeded_mounts(cluster),
        *mounts_of(Content.CONFIGS, cluster),
        *mounts_of(Content.OVERRIDES, cluster),
    ]
    preparing = packs.seeding(cluster, job_image(cluster.values.jobs, cluster))
    if own:
        home = {"HOME": home_of(cluster.values)}
        preparing.append(container(Task("pre-register-content", own, values.jobs, env=home, mounts=mounts), cluster))
    return Task(
        REGISTER_CONTENT,
        command=[*values.image.entrypoint, _PROGRAM],
        args=[*settings.args, "--register-all", "--register-fail-on-failure"],
        settings=values.jobs,
        env=settings.env,
        mounts=mounts,
        needs=(Need.DATABASE, Need.MESSAGING),
        preparing=preparing,
    )

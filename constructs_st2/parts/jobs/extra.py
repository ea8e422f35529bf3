"""The user's own Jobs, also those in the chart's form."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.facts.catalogue import Content, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.jobs import EXTRA_HOOK
from constructs_st2.parts import packs
from constructs_st2.parts.jobs.job import ANY_ACTION, WAVE, Login, Task, client_env, job_image, roles_of_administrator
from constructs_st2.parts.services.contents import mounts_of
from constructs_st2.parts.services.process import configured
from constructs_st2.values.model.jobs import ExtraJob, HookJob

_WAVE = WAVE + 1
"""Behind the Jobs that load content."""


def tasks(cluster: Cluster) -> Iterator[Task]:
    """One task for each. They wait for a login where they need the API, and for content to be registered."""
    jobs = cluster.values.jobs
    for extra in jobs.extra:
        needs = tuple(need for need in Need if need.value in extra.needs)
        yield _task(extra.name, extra, needs, tuple(extra.actions), cluster)
    for hook in jobs.extra_hooks:
        yield _task(f"{EXTRA_HOOK}{hook.name}", hook, (Need.AUTH, Need.API), (ANY_ACTION,), cluster)


def _task(
    name: str,
    given: ExtraJob | HookJob,
    needs: tuple[Need, ...],
    actions: tuple[str, ...],
    cluster: Cluster,
) -> Task:
    settings = given.over(cluster.values.jobs)
    program = configured(name, cluster)
    uses_api = Need.API in needs and Need.AUTH in needs
    return Task(
        name,
        command=given.command,
        settings=settings,
        env={**program.env, **client_env(cluster.values)},
        mounts=[
            *program.mounts,
            *mounts_of(Content.CREDENTIALS, cluster),
            *mounts_of(Content.PACKS, cluster, manages_packs=True),
            *mounts_of(Content.VIRTUALENVS, cluster, manages_packs=True),
            *mounts_of(Content.CONFIGS, cluster, manages_packs=True),
            *mounts_of(Content.OVERRIDES, cluster),
        ],
        needs=needs,
        login=Login(roles_of_administrator(cluster), actions) if uses_api else None,
        preparing=packs.copies(cluster, job_image(settings, cluster)),
        wave=_WAVE,
        loads=False,
    )

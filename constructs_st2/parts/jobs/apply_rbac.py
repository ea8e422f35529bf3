"""Makes the roles and role assignments of the database those of the files."""

from __future__ import annotations

from constructs_st2.facts.catalogue import Content, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.jobs import APPLY_RBAC
from constructs_st2.facts.pod_paths import PROGRAMS
from constructs_st2.parts.jobs.job import Task
from constructs_st2.parts.services.contents import mounts_of
from constructs_st2.parts.services.process import configured

_PROGRAM = f"{PROGRAMS}/st2-apply-rbac-definitions"


def task(cluster: Cluster) -> Task | None:
    """It needs the database and the message bus. Roles that came from files which are gone are removed."""
    values = cluster.values
    if not values.st2.rbac.enabled:
        return None
    settings = configured(APPLY_RBAC, cluster)
    return Task(
        APPLY_RBAC,
        command=[*values.image.entrypoint, _PROGRAM],
        args=["--verbose", *settings.args],
        settings=values.jobs,
        env=settings.env,
        mounts=[*settings.mounts, *mounts_of(Content.RBAC, cluster)],
        needs=(Need.DATABASE, Need.MESSAGING),
    )

"""Tries everything out: the command line, the APIs, actions, a workflow, a rule, the datastore, and the web UI."""

from __future__ import annotations

from constructs_st2.cluster import Cluster
from constructs_st2.jobs import programs
from constructs_st2.jobs.job import Login, Task, client_env, roles_of_administrator
from constructs_st2.jobs.names import SMOKE_TEST
from constructs_st2.secrets import contract
from constructs_st2.services.catalogue import ST2WEB, Content, Need
from constructs_st2.services.contents import mounts_of

_SECONDS = 600
_WAVE = 30
"""Behind all that it tries."""


def task(cluster: Cluster) -> Task:
    """It needs the APIs, a login, and registered content."""
    values = cluster.values
    roles = roles_of_administrator(cluster)
    scheme = "https" if values.st2web.tls.enabled else "http"
    return Task(
        SMOKE_TEST,
        command=[*values.image.entrypoint, *programs.SMOKE_TEST],
        args=[str(_SECONDS)],
        settings=values.jobs,
        env={
            **programs.ENVIRONMENT,
            **client_env(cluster),
            "EXPECTED_VERSION": cluster.version,
            "EXPECTED_USER": values.st2.system_user.user,
            "WEB_URL": f"{scheme}://{cluster.release.named(ST2WEB.name)}",
            "RBAC_ROLES": " ".join(roles),
            "DATASTORE_ENCRYPTED": str(contract.DATASTORE.in_use(values)).lower(),
        },
        mounts=[programs.mount(cluster), *mounts_of(Content.CREDENTIALS, cluster)],
        needs=(Need.AUTH, Need.API, Need.STREAM),
        login=Login(roles, actions=("core.local",)),
        wave=_WAVE,
    )

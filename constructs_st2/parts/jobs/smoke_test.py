"""Tries everything out: the command line, the APIs, every service, the datastore, the web UI, and the chat bot."""

from __future__ import annotations

from constructs_st2.facts.catalogue import CATALOGUE, ST2CHATOPS, ST2WEB, Content, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.jobs import SMOKE_TEST
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.st2_conf.settings import Settings
from constructs_st2.parts.jobs import programs
from constructs_st2.parts.jobs.job import ANY_ACTION, Login, Task, client_env, roles_of_administrator
from constructs_st2.parts.services.components import workloads_of
from constructs_st2.parts.services.contents import mounts_of

_SECONDS = 300
_WAVE = 30
"""Behind all that it tries."""
_REGISTRY_SECONDS = 31
"""The drivers of tooz that st2 uses forget a process 30 s after its last sign of life (`membership_timeout`)."""


def task(cluster: Cluster) -> Task:
    """It needs the APIs, a login, and registered content."""
    values, release = cluster.values, cluster.release
    roles = roles_of_administrator(cluster)
    scheme = "https" if values.st2web.tls.enabled else "http"
    chatops = f"http://{release.named(ST2CHATOPS.name)}:{ST2CHATOPS.port}" if values.st2chatops.enabled else ""
    return Task(
        SMOKE_TEST,
        command=[*values.image.entrypoint, *programs.SMOKE_TEST],
        args=[str(_SECONDS)],
        settings=values.jobs,
        env={
            **programs.ENVIRONMENT,
            **client_env(cluster.values),
            "NAMESPACE": release.namespace,
            "RELEASE": release.name,
            "EXPECTED_VERSION": cluster.version,
            "EXPECTED_USER": values.st2.system_user.user,
            "WEB_URL": f"{scheme}://{release.named(ST2WEB.name)}",
            "CHATOPS_URL": chatops,
            "RBAC_ROLES": " ".join(roles),
            "DATASTORE_ENCRYPTED": str(contract.DATASTORE.in_use(values)).lower(),
            "ACTION_TRIGGERS": str(_sends_action_triggers(cluster.settings)).lower(),
            **_services(cluster),
        },
        mounts=[programs.mount(cluster.release), *mounts_of(Content.CREDENTIALS, cluster)],
        needs=(Need.AUTH, Need.API, Need.STREAM),
        login=Login(roles, actions=(ANY_ACTION,)),
        wave=_WAVE,
    )


def _services(cluster: Cluster) -> dict[str, str]:
    """What runs, and what of it is in st2's service registry."""
    running = [
        (entry, component)
        for entry in CATALOGUE
        for component, settings in workloads_of(entry, cluster)
        if settings.least_replicas
    ]
    names = dict.fromkeys(name for entry, component in running for name in (entry.name, component))
    groups = [f"{component}={entry.registered_as}" for entry, component in running if entry.registered_as]
    registered = cluster.settings.is_true("coordination", "service_registry", default=False)
    return {
        "SERVICES": " ".join(names),
        "REGISTRY": " ".join(groups) if registered else "",
        "REGISTRY_SECONDS": str(_REGISTRY_SECONDS),
    }


def _sends_action_triggers(settings: Settings) -> bool:
    """Whether st2notifier tells of executions that succeed."""
    states = settings.options.get(("action_sensor", "emit_when"), "succeeded")
    enabled = settings.is_true("action_sensor", "enable", default=True)
    return enabled and "succeeded" in [state.strip() for state in states.split(",")]

"""The pod that looks for executions that nobody works on any more.

It asks st2api as the administrator, like a Job, and Kubernetes for the pods of the runners, which are what it may list.
It has no connection of its own to the database: st2api tells all that it must know and changes what it shall change,
with all that follows from that, in every version of st2. A Deployment, and no CronJob: it logs in once a day (st2
never deletes tokens that have expired), and it remembers since when a runner has been gone.
"""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.catalogue import ST2ACTIONRUNNER, Content, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import EXECUTION_WATCH as COMPONENT
from constructs_st2.facts.components import STATSD_EXPORTER
from constructs_st2.facts.images import NODES, ST2_UID
from constructs_st2.facts.monitoring import STATSD_PORT, STATSD_PURPOSE
from constructs_st2.facts.pod_paths import home_of
from constructs_st2.facts.release import CHECKSUM_ANNOTATION, Release
from constructs_st2.kube.builders import config_map, identity, lone_deployment
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.execution_watch.alerts import ALERTS
from constructs_st2.parts.flows import KUBERNETES_API_PORTS, Component, Flow, Place, Table, flows_to
from constructs_st2.parts.jobs.job import client_env, job_image
from constructs_st2.parts.jobs.programs import PACKAGE
from constructs_st2.parts.optional import PartHooks
from constructs_st2.parts.pods import python_programs as programs
from constructs_st2.parts.pods.pod import Container, dns_config, extra_mounts, pod_spec
from constructs_st2.parts.pods.python_programs import Programs
from constructs_st2.parts.pods.rolling import checksums
from constructs_st2.parts.pods.scripts import MOUNT_PATH
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid, restricted_pod
from constructs_st2.parts.pods.variables import environment
from constructs_st2.parts.pods.volumes import SERVICE_ACCOUNT_PATH, Mount, Volume
from constructs_st2.parts.services import internal_tls
from constructs_st2.parts.services.contents import mounts_of
from constructs_st2.parts.services.process import scratch
from constructs_st2.parts.services.urls import URLS, urls, urls_env
from constructs_st2.values.model import Values

PROGRAMS = Programs(PACKAGE, ("st2_api", "watch_executions"))

_MINUTE = 60
_GRACE = 10
_RULES: list[Document] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
"""Labels do not bound rights: these are all pods of the namespace, whose specs hold no secrets."""


def documents(cluster: Cluster, _: Table | None = None) -> list[Document]:
    """The objects, in the order in which they are applied."""
    image = job_image(cluster.values.jobs, cluster)
    metadata = _metadata(cluster)
    labels = {**cluster.values.execution_watch.labels, **_labels(cluster.release, version=image.version)}
    settings = cluster.values.execution_watch
    container = _container(cluster)
    reads = {**checksums([container], live=True), f"{CHECKSUM_ANNOTATION}{URLS}": fingerprint(urls(cluster))}
    template = {
        "metadata": {"labels": labels, "annotations": {**settings.annotations, **reads}},
        "spec": pod_spec(
            settings,
            [container],
            security=overlaid(restricted_pod(ST2_UID), cluster.values.pod_security_context),
            grace=_GRACE,
            serviceAccountName=metadata["name"],
            nodeSelector={**NODES, **settings.node_selector},
            dnsPolicy=cluster.values.dns_policy,
            dnsConfig=dns_config(cluster.values.dns_config),
        ),
    }
    return [
        *identity(metadata, _RULES),
        config_map(metadata, PROGRAMS.texts),
        # Two would end the same executions.
        lone_deployment(
            {**metadata, "labels": labels}, settings.annotations, cluster.release.selector(COMPONENT), template
        ),
    ]


def _container(cluster: Cluster) -> Container:
    settings = cluster.values.execution_watch
    volume = PROGRAMS.volume("programs", cluster.release.named(COMPONENT))
    return Container(
        name=COMPONENT,
        image=job_image(cluster.values.jobs, cluster),
        command=[*cluster.values.image.entrypoint, *PROGRAMS.command("watch_executions")],
        args=list(_arguments(cluster)),
        env=environment({**programs.ENVIRONMENT, **client_env(cluster.values)}, {}),
        env_from=[urls_env(cluster.release)],
        resources=settings.resources,
        security=overlaid(RESTRICTED_CONTAINER, cluster.values.security_context, settings.security_context),
        mounts=[
            Mount(volume, MOUNT_PATH),
            Mount(Volume.api_token(), SERVICE_ACCOUNT_PATH),
            *mounts_of(Content.CREDENTIALS, cluster),
            *internal_tls.authority_mounts(cluster),
            *scratch(home_of(cluster.values)),
        ],
        extra_mounts=extra_mounts(settings),
    )


def _arguments(cluster: Cluster) -> Iterator[str]:
    values, release = cluster.values, cluster.release
    settings = values.execution_watch
    yield f"--runners={release.named(ST2ACTIONRUNNER.name)}-"
    yield f"--selector=app={ST2ACTIONRUNNER.name},release={release.name}"
    yield f"--container={ST2ACTIONRUNNER.name}"
    yield f"--interval={settings.interval_seconds}"
    yield f"--waiting={settings.waiting_minutes * _MINUTE}"
    yield f"--overdue={settings.overdue_minutes * _MINUTE}"
    if not _has_registry(cluster):
        yield "--no-registry"
    if values.monitoring.enabled:
        yield f"--statsd={release.host(STATSD_EXPORTER)}:{STATSD_PORT}"
    if settings.cleanup.enabled:
        yield f"--end-after={settings.cleanup.after_minutes * _MINUTE}"
        yield f"--most={settings.cleanup.most}"
        if settings.cleanup.dry_run:
            yield "--dry-run"


def _has_registry(cluster: Cluster) -> bool:
    """Whether services tell the service registry that they are there."""
    said = cluster.settings.options.get(("coordination", "service_registry"), "")
    return cluster.values.coordination_backend != "none" and said.lower() == "true"


def _labels(release: Release, *, version: str | None = None) -> dict[str, str]:
    return release.labels(COMPONENT, "operations", version=version)


def _metadata(cluster: Cluster) -> Document:
    return {
        "name": cluster.release.named(COMPONENT),
        "namespace": cluster.release.namespace,
        "labels": {**cluster.values.execution_watch.labels, **_labels(cluster.release)},
    }


def _components(_: Cluster) -> list[Component]:
    return [Component(COMPONENT, "operations", "monitoring", COMPONENT)]


def _flows(cluster: Cluster) -> Iterator[Flow]:
    yield from flows_to(COMPONENT, (Need.AUTH, Need.API), cluster)
    for port in KUBERNETES_API_PORTS:
        yield Flow(COMPONENT, Place.KUBERNETES_API, port, "pods of runners")
    if cluster.values.monitoring.enabled:
        yield Flow(COMPONENT, STATSD_EXPORTER, STATSD_PORT, STATSD_PURPOSE, protocol="UDP")


def _problems(values: Values, _: Release) -> Iterator[ValueProblem]:
    if values.execution_watch.cleanup.enabled and values.coordination_backend == "none":
        message = "needs the service registry, and there is none with coordination.backend none"
        yield ValueProblem("executionWatch.cleanup.enabled", message)


PART = PartHooks(documents, _components, _flows, _problems, alerts={"stackstorm": ALERTS})

"""Metrics of the whole cluster for Prometheus, alerts, and dashboards for Grafana.

StackStorm sends its own metrics by StatsD; an exporter turns them into metrics of Prometheus. The backends serve theirs
themselves, or have an exporter beside them.
"""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.catalogue import CATALOGUE, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import STATSD_EXPORTER
from constructs_st2.facts.monitoring import STATSD_METRICS_PORT, STATSD_PORT, STATSD_PURPOSE
from constructs_st2.facts.release import Release
from constructs_st2.kube.documents import Document
from constructs_st2.parts.flows import Component, Flow, Place, Table
from constructs_st2.parts.jobs.tasks import is_users, tasks
from constructs_st2.parts.monitoring.alerts import names
from constructs_st2.parts.monitoring.dashboards import config_maps
from constructs_st2.parts.monitoring.pod_monitors import pod_monitors
from constructs_st2.parts.monitoring.rules import prometheus_rule
from constructs_st2.parts.monitoring.statsd import exporter
from constructs_st2.parts.optional import PartHooks
from constructs_st2.parts.services.components import workloads_of
from constructs_st2.values.model import Values
from constructs_st2.values.problems import there_is_no


def documents(cluster: Cluster, _: Table | None = None) -> list[Document]:
    """The objects, in the order in which they are applied. None where monitoring is not enabled."""
    settings = cluster.values.monitoring
    if not settings.enabled:
        return []
    return [
        *exporter(cluster),
        *(pod_monitors(cluster) if settings.pod_monitors.enabled else ()),
        *([prometheus_rule(cluster)] if settings.rules.enabled else ()),
        *(config_maps(cluster) if settings.dashboards.enabled else ()),
    ]


def problems(values: Values, _: Release) -> Iterator[ValueProblem]:
    """What cannot be honoured about the values."""
    known = list(names())
    for index, name in enumerate(values.monitoring.rules.disabled):
        if name not in known:
            message = there_is_no("alert", name, known, "docs/how-to/runbooks.md has a section for each")
            yield ValueProblem(f"monitoring.rules.disabled[{index}]", message)
    for index, mapping in enumerate(values.monitoring.statsd_exporter.mappings):
        missing = [key for key in ("match", "name") if not isinstance(mapping.get(key), str)]
        if missing:
            message = f"must have {' and '.join(missing)}, as the configuration of statsd_exporter needs them"
            yield ValueProblem(f"monitoring.statsdExporter.mappings[{index}]", message)


def _components(_: Cluster) -> list[Component]:
    return [Component(STATSD_EXPORTER, "operations", "monitoring", STATSD_EXPORTER)]


def _flows(cluster: Cluster) -> Iterator[Flow]:
    # Whatever uses the database is a program of st2 that reads st2.conf.
    services = [
        name
        for entry in CATALOGUE
        if Need.DATABASE in (*entry.needs, *entry.uses)
        for name, _ in workloads_of(entry, cluster)
    ]
    jobs = [task.component for task in tasks(cluster) if Need.DATABASE in task.needs or is_users(task, cluster.values)]
    for client in (*services, *jobs):
        yield Flow(client, STATSD_EXPORTER, STATSD_PORT, STATSD_PURPOSE, protocol="UDP")
    yield Flow(Place.MONITORING, STATSD_EXPORTER, STATSD_METRICS_PORT, "metrics")


PART = PartHooks(documents, _components, _flows, problems)

"""Backups of the database, and their restore."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.backends import ETCD
from constructs_st2.facts.catalogue import Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import BACKUP, RESTORE
from constructs_st2.facts.release import Release
from constructs_st2.kube.documents import Document
from constructs_st2.parts.backup.alerts import ALERTS
from constructs_st2.parts.flows import Component, Flow, Place, Table, flows_to
from constructs_st2.parts.optional import PartHooks
from constructs_st2.values.model import Values


def documents(cluster: Cluster, _: Table | None = None) -> list[Document]:
    """The CronJob and its claim; none where there are only backups to restore."""
    if not cluster.values.backup.enabled:
        return []
    from constructs_st2.parts.backup import cron_job

    return cron_job.documents(cluster)


def _components(cluster: Cluster) -> Iterator[Component]:
    if cluster.values.backup.enabled:
        yield Component(BACKUP, "operations", "jobs", BACKUP)
    if cluster.values.backup.destination:
        # Its Job is made by hand, and not there as a rule.
        yield Component(RESTORE, "operations", "jobs", RESTORE, least=0)


def _flows(cluster: Cluster) -> Iterator[Flow]:
    settings = cluster.values.backup
    if not settings.destination:
        return
    for client in (component.name for component in _components(cluster)):
        yield from flows_to(client, [Need.DATABASE], cluster)
        if s3 := settings.destination.s3:
            parts = urlsplit(s3.endpoint or "https://")
            yield Flow(client, Place.OUTSIDE, parts.port or {"http": 80}.get(parts.scheme, 443), "storage of backups")
            if s3.credentials is None:
                # Clouds give their identities away there: on the node, or by HTTPS.
                for port in (80, 443):
                    yield Flow(client, Place.OUTSIDE, port, "identity in the cloud")
    if settings.enabled and settings.etcd and cluster.backends.get("coordination") is ETCD:
        yield Flow(BACKUP, ETCD.component, ETCD.port, "snapshot")


def _problems(values: Values, _: Release) -> Iterator[ValueProblem]:
    from constructs_st2.parts.backup import problems

    return problems.problems(values)


PART = PartHooks(documents, _components, _flows, _problems, alerts={"kubernetes": ALERTS})

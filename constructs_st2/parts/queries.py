"""What queries must know of a cluster: which time series are its own, and how many members backends have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from constructs_st2.facts.backends import BACKENDS
from constructs_st2.facts.catalogue import CATALOGUE
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import EXECUTION_WATCH, STATSD_EXPORTER
from constructs_st2.facts.monitoring import sources
from constructs_st2.facts.release import Release
from constructs_st2.values.model.monitoring import MonitoringRules

_MEMBER = "[0-9]+"
_OF_DEPLOYMENT = ".+"

WORK_QUEUES = tuple(queue for entry in CATALOGUE for queue in entry.queues)


class Facts(NamedTuple):
    """A cluster, as queries see it.

    ``kinds`` are the sources of metrics that it has: components, and ``kubernetes``. ``members`` are the numbers of
    members of its backends, ``look_seconds`` the time between two looks for executions that nobody works on. All
    queries select by namespace and pod, which PodMonitors and the usual configuration of annotations both provide as
    labels.
    """

    release: Release
    kinds: frozenset[str]
    members: Mapping[str, int]
    vhost: str
    rules: MonitoringRules
    look_seconds: int

    @classmethod
    def of(cls, cluster: Cluster) -> Facts:
        """The facts of a cluster."""
        values = cluster.values
        backends = [backend.component for backend in BACKENDS]
        return cls(
            release=cluster.release,
            kinds=frozenset(
                {
                    "kubernetes",
                    *(source.component for source in sources(values)),
                    *([EXECUTION_WATCH] if values.watches_executions else []),
                }
            ),
            members={name: getattr(values, name).replicas for name in backends},
            vhost=values.rabbitmq.vhost,
            rules=values.monitoring.rules,
            look_seconds=values.execution_watch.interval_seconds,
        )

    def statsd(self, metric: str, **labels: str) -> str:
        """A metric of StackStorm itself."""
        return self._of_pods(metric, STATSD_EXPORTER, _OF_DEPLOYMENT, labels)

    def mongodb(self, metric: str, **labels: str) -> str:
        """A metric of the members of MongoDB."""
        return self._of_pods(metric, "mongodb", _MEMBER, labels)

    def replication_delay(self) -> str:
        """How far each secondary of MongoDB is behind the primary, in seconds. The metric is in milliseconds."""
        metric = "mongodb_members_optimeDate"
        primary = f"max({self.mongodb(metric, member_state='PRIMARY')})"
        secondary = f"max by (member_idx) ({self.mongodb(metric, member_state='SECONDARY')})"
        return f"(scalar({primary}) - {secondary}) / 1000"

    def rabbitmq(self, metric: str, **labels: str) -> str:
        """A metric of the nodes of RabbitMQ."""
        return self._of_pods(metric, "rabbitmq", _MEMBER, labels)

    def queues(self, metric: str) -> str:
        """A metric of each of the work queues."""
        names = "|".join(WORK_QUEUES).replace(".", "[.]")
        return self.rabbitmq(metric, vhost=self.vhost, queue=f"~{names}")

    def redis(self, metric: str, **labels: str) -> str:
        """A metric of the members of Redis."""
        return self._of_pods(metric, "redis", _MEMBER, labels)

    def etcd(self, metric: str, **labels: str) -> str:
        """A metric of the members of etcd."""
        return self._of_pods(metric, "etcd", _MEMBER, labels)

    def members_of(self, component: str, metric: str, **labels: str) -> str:
        """A metric that has the name of one of the members of a backend in the label `pod`."""
        return self._of_pods(metric, component, _MEMBER, labels)

    def volumes(self, metric: str) -> str:
        """A metric of the release's volume claims: those of members of backends, and others."""
        return self.kubernetes(metric, persistentvolumeclaim=f"~(data-)?{self.release.name}-.+")

    def pods(self, metric: str, **labels: str) -> str:
        """A metric that has the name of one of the release's pods in the label `pod`."""
        return self.kubernetes(metric, pod=f"~{self.release.name}-.+", **labels)

    def kubernetes(self, metric: str, **labels: str) -> str:
        """A metric of the release's namespace. A label whose value begins with ``~`` fits a regular expression."""
        return series(metric, namespace=self.release.namespace, **labels)

    def _of_pods(self, metric: str, component: str, rest: str, labels: Mapping[str, str]) -> str:
        return self.kubernetes(metric, pod=f"~{self.release.named(component)}-{rest}", **labels)


def series(metric: str, **labels: str) -> str:
    """A selector of PromQL. A label whose value begins with ``~`` fits a regular expression."""
    matchers = (
        f'{name}=~"{value.removeprefix("~")}"' if value.startswith("~") else f'{name}="{value}"'
        for name, value in labels.items()
    )
    return f"{metric}{{{','.join(matchers)}}}"

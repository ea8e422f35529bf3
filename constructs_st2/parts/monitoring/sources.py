"""What serves metrics in a cluster: the pods, and the port and paths at which Prometheus finds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from constructs_st2.parts.backends.etcd.members import METRICS_PORT as ETCD_PORT
from constructs_st2.parts.backends.mongodb.members import EXPORTER_PORT as MONGODB_PORT
from constructs_st2.parts.backends.rabbitmq.members import METRICS_PORT as RABBITMQ_PORT
from constructs_st2.parts.backends.redis.members import EXPORTER_PORT as REDIS_PORT
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.custom import custom_object
from constructs_st2.kube.documents import Document
from constructs_st2.values.model import Values

STATSD_EXPORTER = "statsd-exporter"
STATSD_METRICS_PORT = 9102
PORT_NAME = "metrics"
"""The name that the port with the metrics has in every pod."""

_QUEUES = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count"
"""Metrics of each queue, which RabbitMQ otherwise adds up.

https://www.rabbitmq.com/docs/prometheus#detailed-endpoint
"""


@dataclass(frozen=True)
class Source:
    """Pods that serve metrics, by their component: the port, and the paths at which they are."""

    component: str
    port: int
    paths: tuple[str, ...] = ("/metrics",)


def sources(values: Values) -> Iterator[Source]:
    """What serves metrics, with these values."""
    if not values.monitoring.enabled:
        return
    yield Source(STATSD_EXPORTER, STATSD_METRICS_PORT)
    exports = values.monitoring.exports
    if values.mongodb.enabled and exports(values.mongodb.metrics.enabled):
        yield Source("mongodb", MONGODB_PORT)
    if values.rabbitmq.enabled and values.rabbitmq.metrics.enabled:
        yield Source("rabbitmq", RABBITMQ_PORT, ("/metrics", _QUEUES))
    if values.coordination_backend == "redis" and exports(values.redis.metrics.enabled):
        yield Source("redis", REDIS_PORT)
    if values.coordination_backend == "etcd":
        yield Source("etcd", ETCD_PORT)


def scrape_annotations(component: str, values: Values) -> dict[str, str]:
    """The annotations of the pods of a component by which Prometheus finds them. None with PodMonitors.

    They are a convention of the configuration that Prometheus comes with, which knows only one path for each pod.
    """
    settings = values.monitoring
    if not settings.scrape_annotations or settings.pod_monitors.enabled:
        return {}
    return {
        f"prometheus.io/{name}": value
        for source in sources(values)
        if source.component == component
        for name, value in (("scrape", "true"), ("port", str(source.port)), ("path", source.paths[0]))
    }


def pod_monitors(cluster: Cluster) -> list[Document]:
    """A PodMonitor for each source of metrics."""
    return [_pod_monitor(source, cluster) for source in sources(cluster.values)]


def _pod_monitor(source: Source, cluster: Cluster) -> Document:
    release, settings = cluster.release, cluster.values.monitoring.pod_monitors
    return custom_object(
        "PodMonitor",
        {
            "name": release.named(source.component),
            "namespace": release.namespace,
            # A Prometheus often selects by the label `release`, which here is the user's to say.
            "labels": {**release.labels(source.component, "operations"), **settings.labels},
        },
        {
            "selector": {"matchLabels": release.selector(source.component)},
            "podMetricsEndpoints": [_endpoint(source, path, settings.interval) for path in source.paths],
        },
    )


def _endpoint(source: Source, path: str, interval: str) -> Document:
    url = urlsplit(path)
    endpoint: Document = {"port": PORT_NAME, "path": url.path, "interval": interval}
    if parameters := parse_qs(url.query):
        endpoint["params"] = parameters
    if path != source.paths[0]:
        # Both paths of a pod have the same labels, and some of the same metrics.
        endpoint["relabelings"] = [{"targetLabel": "endpoint", "replacement": "queues"}]
    return endpoint

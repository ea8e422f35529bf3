"""What serves metrics in a cluster: the pods, and the port and paths at which Prometheus finds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from constructs_st2.facts.backends import ETCD, MONGODB, RABBITMQ, REDIS_SENTINEL
from constructs_st2.facts.components import STATSD_EXPORTER
from constructs_st2.facts.ini import ConfValue
from constructs_st2.facts.release import Release
from constructs_st2.values.model import Values

STATSD_METRICS_PORT = 9102
STATSD_PORT = 9125
STATSD_PURPOSE = "numbers of what happens"
PORT_NAME = "metrics"
"""The name that the port with the metrics has in every pod."""

_QUEUES = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count"
"""Metrics of each queue, which RabbitMQ otherwise adds up.

https://www.rabbitmq.com/docs/prometheus#detailed-endpoint
"""


class Source(NamedTuple):
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
        yield Source(MONGODB.component, MONGODB.metrics_port)
    if values.rabbitmq.enabled and exports(values.rabbitmq.metrics.enabled):
        yield Source(RABBITMQ.component, RABBITMQ.metrics_port, ("/metrics", _QUEUES))
    if values.coordination_backend == "redis" and exports(values.redis.metrics.enabled):
        yield Source(REDIS_SENTINEL.component, REDIS_SENTINEL.metrics_port)
    if values.coordination_backend == "etcd":
        yield Source(ETCD.component, ETCD.metrics_port)


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


def metrics_settings(release: Release) -> dict[str, dict[str, ConfValue]]:
    """The options of st2.conf by which StackStorm sends its metrics."""
    return {
        "metrics": {
            "driver": "statsd",
            # st2 looks the name up for each value that it sends (statsd.Connection of python-statsd 2.1.0, which
            # st2common/metrics/drivers/statsd_driver.py makes anew each time). This form of it takes one question.
            "host": release.named(STATSD_EXPORTER),
            "port": STATSD_PORT,
        },
        # That library writes a line for each value. The other two are in the st2.conf of the images.
        "log": {"excludes": ["requests", "paramiko", "statsd"]},
    }

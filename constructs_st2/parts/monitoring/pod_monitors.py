"""The PodMonitors, by which the Prometheus Operator finds what serves metrics."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.monitoring import PORT_NAME, Source, sources
from constructs_st2.kube.custom import custom_object
from constructs_st2.kube.documents import Document


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

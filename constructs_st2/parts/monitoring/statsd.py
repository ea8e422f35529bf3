"""statsd_exporter: StackStorm sends it what happens, and Prometheus reads the sums.

One pod for all services. StackStorm sends by UDP and waits for nobody, so that its work goes on when the pod is gone;
what happens meanwhile is not counted.
"""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import STATSD_EXPORTER
from constructs_st2.facts.images import Image
from constructs_st2.facts.monitoring import (
    PORT_NAME,
    STATSD_METRICS_PORT,
    STATSD_PORT,
    scrape_annotations,
)
from constructs_st2.facts.pod_paths import OWN
from constructs_st2.facts.release import Release
from constructs_st2.kube.builders import config_map, lone_deployment
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.monitoring.mapping import mapping
from constructs_st2.parts.pods.pod import Container, extra_mounts, pod_spec, template_of_pods
from constructs_st2.parts.pods.rolling import checksums
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid, restricted_pod
from constructs_st2.parts.pods.volumes import Mount, Volume

UID = 65534
"""The user `nobody` of the image."""
STATSD_PORT_NAME = "statsd"

_REPOSITORY = "docker.io/prom/statsd-exporter"
_TAG = "v0.28.0"
_MAPPING = "mapping.yml"
_GRACE = 10
_TAG_STYLES = ("dogstatsd", "influxdb", "librato", "signalfx")

_PROBES: Document = {
    "livenessProbe": {
        "httpGet": {"path": "/-/healthy", "port": PORT_NAME},
        "periodSeconds": 20,
        "timeoutSeconds": 5,
        "failureThreshold": 6,
    },
    "readinessProbe": {
        "httpGet": {"path": "/-/ready", "port": PORT_NAME},
        "periodSeconds": 5,
        "timeoutSeconds": 5,
        "failureThreshold": 2,
    },
}


def exporter(cluster: Cluster) -> list[Document]:
    """The objects of the exporter, in the order in which they are applied."""
    settings = cluster.values.monitoring.statsd_exporter
    prefix = cluster.settings.options.get(("metrics", "prefix"))
    files = {_MAPPING: mapping(prefix, settings.mappings)}
    return [
        config_map(_metadata(cluster, _config_name(cluster.release)), files),
        _service(cluster),
        _deployment(cluster, files),
    ]


def _config_name(release: Release) -> str:
    return release.named(f"{STATSD_EXPORTER}-config")


def _metadata(cluster: Cluster, name: str | None = None, *, version: str | None = None) -> Document:
    return {
        "name": name or cluster.release.named(STATSD_EXPORTER),
        "namespace": cluster.release.namespace,
        "labels": {
            **cluster.values.monitoring.statsd_exporter.labels,
            **cluster.release.labels(STATSD_EXPORTER, "operations", version=version),
        },
    }


def _service(cluster: Cluster) -> Document:
    ports: list[Document] = [
        {"name": STATSD_PORT_NAME, "protocol": "UDP", "port": STATSD_PORT, "targetPort": STATSD_PORT_NAME},
        {"name": PORT_NAME, "port": STATSD_METRICS_PORT, "targetPort": PORT_NAME},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(cluster),
        "spec": {"type": "ClusterIP", "selector": cluster.release.selector(STATSD_EXPORTER), "ports": ports},
    }


def _deployment(cluster: Cluster, files: dict[str, str]) -> Document:
    settings = cluster.values.monitoring.statsd_exporter
    image = _image(cluster)
    # Two would each count a part, and the Service would not send all of one service to the same.
    return lone_deployment(
        _metadata(cluster, version=image.version),
        settings.annotations,
        cluster.release.selector(STATSD_EXPORTER),
        _template(cluster, image, files),
    )


def _template(cluster: Cluster, image: Image, files: dict[str, str]) -> Document:
    settings = cluster.values.monitoring.statsd_exporter
    config = Volume.config_map("config", _config_name(cluster.release), fingerprint=fingerprint(files))
    container = Container(
        name=STATSD_EXPORTER,
        image=image,
        args=[
            f"--statsd.mapping-config={OWN}/{_MAPPING}",
            f"--statsd.listen-udp=:{STATSD_PORT}",
            "--statsd.listen-tcp=",
            f"--web.listen-address=:{STATSD_METRICS_PORT}",
            # Parts of names, which may come from outside, must not become labels.
            *(f"--no-statsd.parse-{style}-tags" for style in _TAG_STYLES),
        ],
        ports={PORT_NAME: STATSD_METRICS_PORT},
        resources=settings.resources,
        security=overlaid(RESTRICTED_CONTAINER, settings.security_context),
        probes=_PROBES,
        mounts=[Mount(config, OWN)],
        extra_mounts=extra_mounts(settings),
    )
    spec = pod_spec(settings, [container], security=restricted_pod(UID), grace=_GRACE)
    spec["containers"][0]["ports"].append({"name": STATSD_PORT_NAME, "containerPort": STATSD_PORT, "protocol": "UDP"})
    scraped = scrape_annotations(STATSD_EXPORTER, cluster.values)
    annotations = {**scraped, **settings.annotations, **checksums([container])}
    return template_of_pods(_metadata(cluster, version=image.version)["labels"], annotations, spec)


def _image(cluster: Cluster) -> Image:
    override = cluster.values.monitoring.statsd_exporter.image
    return cluster.images.other(f"{override.repository or _REPOSITORY}:{override.tag or _TAG}", override)

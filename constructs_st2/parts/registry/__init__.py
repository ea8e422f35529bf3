"""A Docker registry in the cluster, for packs images.

One pod with two processes on the same volume. Everybody who reaches a node can pull from the one; nobody can push
but through `kubectl port-forward` to the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import DOCKER_REGISTRY as COMPONENT
from constructs_st2.facts.images import Image
from constructs_st2.facts.pod_paths import OWN
from constructs_st2.facts.release import Release
from constructs_st2.kube.builders import config_map, lone_deployment, volume_claim
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.flows import Component, Flow, Place, Table
from constructs_st2.parts.optional import PartHooks
from constructs_st2.parts.pods.pod import Container, extra_mounts, pod_spec, template_of_pods
from constructs_st2.parts.pods.rolling import checksums
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid, restricted_pod
from constructs_st2.parts.pods.variables import env_text
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.parts.registry.config import (
    ENDPOINTS,
    PULL,
    PULL_PORT,
    PUSH_PORT,
    STORAGE_PATH,
    Endpoint,
    files,
)

UID = 1000
"""Any: the image has no user of its own, and its program needs none."""

CONFIG_PATH = OWN
GRACE = 30

_REPOSITORY = "docker.io/library/registry"
_TAG = "3"
_PORT_NAME = "http"

_ALIVE: Document = {"httpGet": {"path": "/", "port": _PORT_NAME}}
# The kubelet cannot reach the loopback of a pod.
_ALIVE_INSIDE: Document = {"exec": {"command": ["wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{PUSH_PORT}/"]}}
_LIVENESS: Document = {"periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 6}
_PROBES: Mapping[str, Mapping[str, Document]] = {
    "pull": {
        "livenessProbe": {**_ALIVE, **_LIVENESS},
        "readinessProbe": {**_ALIVE, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 2},
    },
    # It has no readiness probe, because images can be pulled also while none can be pushed.
    "push": {"livenessProbe": {**_ALIVE_INSIDE, **_LIVENESS}},
}


def documents(cluster: Cluster, _: Table | None = None) -> list[Document]:
    """The objects of the registry, in the order in which they are applied. None where it is not enabled."""
    settings = cluster.values.docker_registry
    if not settings.enabled:
        return []
    claims = [] if settings.persistence.existing_claim else [_claim(cluster)]
    config = config_map(_metadata(cluster, _config_name(cluster.release)), files())
    return [config, *claims, _service(cluster), _deployment(cluster)]


def _config_name(release: Release) -> str:
    return release.named(f"{COMPONENT}-config")


def _metadata(cluster: Cluster, name: str | None = None, *, version: str | None = None) -> Document:
    return {
        "name": name or cluster.release.named(COMPONENT),
        "namespace": cluster.release.namespace,
        "labels": {
            **cluster.values.docker_registry.labels,
            **cluster.release.labels(COMPONENT, "operations", version=version),
        },
    }


def _claim(cluster: Cluster) -> Document:
    persistence = cluster.values.docker_registry.persistence
    return volume_claim(
        _metadata(cluster),
        access_mode="ReadWriteOnce",
        size=persistence.size,
        storage_class=persistence.storage_class,
        annotations=persistence.annotations,
    )


def _service(cluster: Cluster) -> Document:
    """Makes every node a way to the registry, so that `localhost` is its name on each of them."""
    port = {
        "name": _PORT_NAME,
        "port": PULL_PORT,
        "targetPort": _PORT_NAME,
        "nodePort": cluster.values.docker_registry.node_port,
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(cluster),
        "spec": {"type": "NodePort", "selector": cluster.release.selector(COMPONENT), "ports": [port]},
    }


def _deployment(cluster: Cluster) -> Document:
    settings = cluster.values.docker_registry
    image = _image(cluster)
    # The volume can be on one node only.
    return lone_deployment(
        _metadata(cluster, version=image.version),
        settings.annotations,
        cluster.release.selector(COMPONENT),
        _template(cluster, image),
    )


def _template(cluster: Cluster, image: Image) -> Document:
    settings = cluster.values.docker_registry
    containers = [_container(endpoint, cluster, image) for endpoint in ENDPOINTS]
    return template_of_pods(
        _metadata(cluster, version=image.version)["labels"],
        {**settings.annotations, **checksums(containers)},
        pod_spec(settings, containers, security=restricted_pod(UID), grace=GRACE),
    )


def _container(endpoint: Endpoint, cluster: Cluster, image: Image) -> Container:
    settings = cluster.values.docker_registry
    claim = settings.persistence.existing_claim or cluster.release.named(COMPONENT)
    config = Volume.config_map("config", _config_name(cluster.release), fingerprint=fingerprint(files()))
    images = Volume("images", {"persistentVolumeClaim": {"claimName": claim}})
    return Container(
        name=endpoint.name,
        image=image,
        command=["registry", "serve", f"{CONFIG_PATH}/{endpoint.file}"],
        # Version 3 sends traces to localhost unless it is told not to.
        env=[env_text("OTEL_TRACES_EXPORTER", "none")],
        ports={_PORT_NAME: PULL_PORT} if endpoint is PULL else {},
        resources=settings.resources,
        security=overlaid(RESTRICTED_CONTAINER, settings.security_context),
        probes=_PROBES[endpoint.name],
        mounts=[Mount(config, CONFIG_PATH), Mount(images, STORAGE_PATH, writable=endpoint.writable)],
        extra_mounts=extra_mounts(settings),
    )


def _image(cluster: Cluster) -> Image:
    override = cluster.values.docker_registry.image
    return cluster.images.other(f"{override.repository or _REPOSITORY}:{override.tag or _TAG}", override)


def _components(_: Cluster) -> list[Component]:
    return [Component(COMPONENT, "operations", "registry", COMPONENT)]


def _flows(_: Cluster) -> list[Flow]:
    return [Flow(Place.NODES, COMPONENT, PULL_PORT, "images")]


PART = PartHooks(documents, _components, _flows)

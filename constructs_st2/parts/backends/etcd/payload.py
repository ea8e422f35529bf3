"""How the library that st2 needs for etcd reaches the pods of st2."""

from __future__ import annotations

import base64

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.pods.pod import Mount, Volume
from constructs_st2.values.model.backends import ETCD_SCHEMES

_NAME = "st2-etcd-library"
_DIRECTORY = "/opt/constructs-st2-etcd"


def is_needed(cluster: Cluster) -> bool:
    """Whether st2 coordinates through etcd."""
    external = cluster.values.coordination.external
    return cluster.values.coordination_backend == "etcd" or bool(external and external.url.startswith(ETCD_SCHEMES))


def mounts(cluster: Cluster) -> list[Mount]:
    """The mount that brings the library to a pod; its path belongs into PYTHONPATH."""
    if not is_needed(cluster):
        return []
    from constructs_st2.parts.backends.etcd.library import LIBRARY_FILE

    name = cluster.release.named(_NAME)
    volume = Volume.config_map("etcd-library", name, fingerprint=fingerprint(_content(cluster)))
    return [Mount(volume, f"{_DIRECTORY}/{LIBRARY_FILE}", sub_path=LIBRARY_FILE)]


def config_map(cluster: Cluster) -> Document | None:
    """The ConfigMap that holds the library."""
    if not is_needed(cluster):
        return None
    from constructs_st2.parts.backends.etcd.library import LIBRARY_FILE

    metadata: Document = {
        "name": cluster.release.named(_NAME),
        "namespace": cluster.release.namespace,
        "labels": cluster.release.labels("st2", "backend"),
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "binaryData": {LIBRARY_FILE: _content(cluster)},
    }


def _content(cluster: Cluster) -> str:
    from constructs_st2.parts.backends.etcd.library import library

    return base64.b64encode(library(cluster.version)).decode()

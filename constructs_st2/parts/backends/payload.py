"""How the library that st2 needs for its coordination backend reaches the pods of st2."""

from __future__ import annotations

import base64
from functools import cache
from typing import NamedTuple

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.kube.shipped import shipped
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model import Values
from constructs_st2.values.model.backends import ETCD_SCHEMES, REDIS_SCHEME


class _Library(NamedTuple):
    """A file for PYTHONPATH, with a driver for a backend. ``content`` is as ``binaryData`` has it."""

    backend: str
    file: str
    content: str
    fingerprint: str

    @property
    def name(self) -> str:
        return f"st2-{self.backend}-library"


def mounts(cluster: Cluster) -> list[Mount]:
    """The mount that brings the library to a pod; its path belongs into PYTHONPATH."""
    library = _library(cluster)
    if library is None:
        return []
    name = cluster.release.named(library.name)
    volume = Volume.config_map(f"{library.backend}-library", name, fingerprint=library.fingerprint)
    return [Mount(volume, f"/opt/constructs-st2-{library.backend}/{library.file}", sub_path=library.file)]


def config_map(cluster: Cluster) -> Document | None:
    """The ConfigMap that holds the library."""
    library = _library(cluster)
    if library is None:
        return None
    metadata: Document = {
        "name": cluster.release.named(library.name),
        "namespace": cluster.release.namespace,
        "labels": cluster.release.labels("st2", "backend"),
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "binaryData": {library.file: library.content},
    }


def _library(cluster: Cluster) -> _Library | None:
    match _backend(cluster.values):
        case "etcd":
            from constructs_st2.parts.backends.etcd import library as etcd

            return _made("etcd", etcd.LIBRARY_FILE, etcd.library(cluster.version))
        case "redis":
            from constructs_st2.parts.backends.redis import library as redis

            return _made("redis", redis.LIBRARY_FILE, redis.library())
        case _:
            return None


def _backend(values: Values) -> str:
    """What st2 coordinates through, wherever that runs."""
    external = values.coordination.external
    if values.coordination_backend == "external" and external:
        drivers = {REDIS_SCHEME: "redis", **dict.fromkeys(ETCD_SCHEMES, "etcd")}
        return drivers.get(external.url.partition("://")[0], "external")
    return values.coordination_backend


@cache
def _made(backend: str, file: str, content: bytes) -> _Library:
    # It is long, and nearly all pods mount it.
    text = shipped(base64.b64encode(content).decode())
    return _Library(backend, file, text, fingerprint(text))

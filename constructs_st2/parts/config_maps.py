"""ConfigMaps of a release."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_st2.facts.catalogue import ST2WEB
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Role
from constructs_st2.kube import builders as objects
from constructs_st2.kube.documents import Document


def config_map(name: str, data: Mapping[str, str], cluster: Cluster, *, component: str = "st2") -> Document:
    """A ConfigMap of the release.

    Args:
        name: its name, after the release's.
        data: file names and contents.
        cluster: the cluster that it belongs to.
        component: the part of the cluster that reads it; by default several do.
    """
    role: Role = "frontend" if component == ST2WEB.name else "backend"
    metadata: Document = {
        "name": cluster.release.named(name),
        "namespace": cluster.release.namespace,
        "labels": cluster.release.labels(component, role),
    }
    return objects.config_map(metadata, data)

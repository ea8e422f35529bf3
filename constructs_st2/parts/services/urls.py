"""Where clients inside the cluster find the APIs."""

from __future__ import annotations

from constructs_st2.facts.catalogue import ST2API, ST2AUTH, ST2STREAM
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Release
from constructs_st2.kube.documents import Document
from constructs_st2.parts.services import internal_tls

URLS = "st2-urls"
"""The ConfigMap with them."""


def urls_env(release: Release) -> Document:
    """All of them as environment variables."""
    return {"configMapRef": {"name": release.named(URLS)}}


def urls(cluster: Cluster) -> dict[str, str]:
    """Where clients inside the cluster find the APIs, as the st2 command line and the chat bot expect it."""
    scheme = "https" if internal_tls.is_on(cluster.values) else "http"
    return {
        **{
            f"ST2_{entry.name.removeprefix('st2').upper()}_URL": (
                f"{scheme}://{cluster.release.named(entry.name)}:{entry.port}/"
            )
            for entry in (ST2AUTH, ST2API, ST2STREAM)
        },
        **internal_tls.client_env(cluster.values),
    }

"""Secrets in the manifests themselves: for development only."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import SECRETS_MODE_LABEL
from constructs_st2.facts.secrets.programs.generate import from_seed
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL
from constructs_st2.parts.secrets.generated import secret_manifests


def documents(cluster: Cluster) -> list[Document]:
    """The Secrets. What is not given follows from the seed, so that the same values give the same manifests."""
    seed = cluster.values.secrets.seed or ""
    made = []
    # Unlike Secrets that somebody makes in the cluster, these belong to the manifests, and go with them.
    labels = {INSTANCE_LABEL: cluster.release.name, SECRETS_MODE_LABEL: "plain"}
    for manifest in secret_manifests(cluster, from_seed(seed), labels=labels):
        del manifest["metadata"]["annotations"]
        made.append(manifest)
    return made

"""Who makes the Secrets of a cluster, and what the manifests hold for it."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document


def secret_documents(cluster: Cluster) -> list[Document]:
    """The objects by which the Secrets come into being. Those of other modes are not even imported."""
    match cluster.values.secrets.mode:
        case "bootstrap":
            if not cluster.values.secrets.bootstrap.enabled:
                return []
            from constructs_st2.parts.secrets.job import documents as bootstrap

            return bootstrap(cluster)
        case "existing":
            return []
        case "external-secrets":
            from constructs_st2.parts.secrets.external import documents as external

            return external(cluster)
        case "plain":
            from constructs_st2.parts.secrets.plain import documents as plain

            return plain(cluster)

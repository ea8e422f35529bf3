"""The namespace of a release, and the identity of its pods."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.builders import KEPT
from constructs_st2.kube.documents import Document

POD_SECURITY = "pod-security.kubernetes.io"
POD_SECURITY_MODES = ("enforce", "warn")


def namespace(cluster: Cluster, strictest: str) -> Document:
    """The Namespace.

    Args:
        cluster: the cluster that it is for.
        strictest: the strictest Pod Security level that all pods meet.
    """
    values = cluster.values.namespace
    level = strictest if values.pod_security == "auto" else values.pod_security
    enforced = {f"{POD_SECURITY}/{mode}": level for mode in POD_SECURITY_MODES} if level != "none" else {}
    release = cluster.release
    metadata: Document = {
        "name": release.namespace,
        "labels": {**values.labels, **release.labels("namespace", "operations"), **enforced},
    }
    metadata["annotations"] = {**KEPT, **values.annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def service_account(cluster: Cluster) -> Document:
    """The ServiceAccount for pods whose service asks for one. No pod gets its token unasked."""
    values = cluster.values.service_account
    release = cluster.release
    metadata: Document = {
        "name": cluster.service_account,
        "namespace": release.namespace,
        "labels": {**values.service_account_labels, **release.labels("st2", "backend")},
    }
    if values.service_account_annotations:
        metadata["annotations"] = dict(values.service_account_annotations)
    document: Document = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }
    if values.pull_secret:
        document["imagePullSecrets"] = [{"name": values.pull_secret}]
    return document

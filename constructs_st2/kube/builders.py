"""Small objects that several parts of a cluster make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constructs_st2.kube.documents import Document

SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
KEPT: Mapping[str, str] = {SYNC_OPTIONS: "Prune=false,Delete=false"}
"""Annotations of what holds data that nobody could make anew: Argo CD then never deletes it."""
PRUNED_LAST: Mapping[str, str] = {SYNC_OPTIONS: "PruneLast=true"}
"""Annotations of what former pods cannot do without: Argo CD prunes it when all the others have rolled."""


def config_map(metadata: Document, data: Mapping[str, str]) -> Document:
    """A ConfigMap of file names and contents."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def identity(metadata: Document, rules: Sequence[Document]) -> list[Document]:
    """A service account, and what it may do in its namespace. Only pods that ask for its token get it."""
    account = {"kind": "ServiceAccount", "name": metadata["name"], "namespace": metadata["namespace"]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": metadata["name"]}
    api = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "automountServiceAccountToken": False},
        {**api, "kind": "Role", "metadata": metadata, "rules": list(rules)},
        {**api, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [account]},
    ]


def volume_claim(
    metadata: Document, *, access_mode: str, size: str, storage_class: str | None, annotations: Mapping[str, str]
) -> Document:
    """A claim that stays when the manifests no longer have it."""
    spec: Document = {"accessModes": [access_mode], "resources": {"requests": {"storage": size}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {**metadata, "annotations": {**KEPT, **annotations}},
        "spec": spec,
    }


def lone_deployment(
    metadata: Document, annotations: Mapping[str, str], selector: Mapping[str, str], template: Document
) -> Document:
    """A Deployment of one pod, of which there must never be two at once."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**metadata, **({"annotations": dict(annotations)} if annotations else {})},
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 5,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": dict(selector)},
            "template": template,
        },
    }


def disruption_budget(metadata: Document, selector: Mapping[str, str]) -> Document:
    """Lets a drain evict one of several pods at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": dict(selector)},
            # A pod that is not ready anyway must not hold up a drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }

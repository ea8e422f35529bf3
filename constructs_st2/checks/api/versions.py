"""Versions of the API that no Kubernetes serves any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_st2.checks.index import Index
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import identity

_GONE: Mapping[str, str] = {
    "apiextensions.k8s.io/v1beta1": "apiextensions.k8s.io/v1",
    "apps/v1beta1": "apps/v1",
    "apps/v1beta2": "apps/v1",
    "autoscaling/v2beta1": "autoscaling/v2",
    "autoscaling/v2beta2": "autoscaling/v2",
    "batch/v1beta1": "batch/v1",
    "batch/v2alpha1": "batch/v1",
    "discovery.k8s.io/v1beta1": "discovery.k8s.io/v1",
    "extensions/v1beta1": "apps/v1 or networking.k8s.io/v1",
    "policy/v1beta1": "policy/v1",
    "rbac.authorization.k8s.io/v1alpha1": "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1": "rbac.authorization.k8s.io/v1",
    "scheduling.k8s.io/v1beta1": "scheduling.k8s.io/v1",
}
"""What came after them: https://kubernetes.io/docs/reference/using-api/deprecation-guide/"""
_GONE_OF_KINDS: Mapping[tuple[str, str], str] = {
    ("networking.k8s.io/v1beta1", "Ingress"): "networking.k8s.io/v1",
    ("networking.k8s.io/v1beta1", "IngressClass"): "networking.k8s.io/v1",
    ("coordination.k8s.io/v1beta1", "Lease"): "coordination.k8s.io/v1",
    ("storage.k8s.io/v1beta1", "StorageClass"): "storage.k8s.io/v1",
}


def versions_are_served(index: Index) -> Iterator[Problem]:
    """Every object is of a version that there is."""
    for document in index.objects:
        version, kind = document["apiVersion"], document["kind"]
        if newer := _GONE.get(version) or _GONE_OF_KINDS.get((version, kind)):
            message = f"{version} is no longer served by any supported Kubernetes; use {newer}"
            yield Problem("api", identity(document), "apiVersion", message)

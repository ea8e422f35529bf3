"""Small objects that several parts of a cluster make."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_st2.kubernetes import Document


def config_map(metadata: Document, data: Mapping[str, str]) -> Document:
    """A ConfigMap of file names and contents."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


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

"""Autoscaling by the use of CPU and memory: HorizontalPodAutoscalers, which need metrics-server in the cluster."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document
from constructs_st2.parts.autoscaling.scaled import Scaled


def autoscaler(one: Scaled, cluster: Cluster) -> Document:
    """The HorizontalPodAutoscaler of a Deployment."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": one.metadata(cluster),
        "spec": {
            "scaleTargetRef": one.target(cluster),
            "minReplicas": one.settings.least_replicas,
            "maxReplicas": one.scaler.max_replicas,
            "metrics": [
                {
                    # Of the main container alone: one sidecar without requests would make the pods' use unknown.
                    "type": "ContainerResource",
                    "containerResource": {
                        "name": resource,
                        "container": one.entry.name,
                        "target": {"type": "Utilization", "averageUtilization": percent},
                    },
                }
                for resource, percent in one.resource_targets
            ],
            "behavior": one.behavior,
        },
    }

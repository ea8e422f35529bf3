"""The PriorityClasses of a release."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.priorities import PRIORITIES, class_name
from constructs_st2.kube.builders import PRUNED_LAST
from constructs_st2.kube.documents import Document


def documents(cluster: Cluster) -> list[Document]:
    """The PriorityClasses of a release; none where the user wants none."""
    settings, release = cluster.values.scheduling.priority_classes, cluster.release
    if not settings.create:
        return []
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {
                "name": class_name(priority, release),
                "labels": release.labels(f"priority-{priority.name}", "operations"),
                # Without the class, pods that still name it are refused: a member that is lost in the midst of a
                # rollout would not come back, and the rollout would wait for it.
                "annotations": dict(PRUNED_LAST),
            },
            "value": priority.value,
            "preemptionPolicy": "PreemptLowerPriority" if settings.preempt and priority.may_displace else "Never",
            "description": priority.purpose,
        }
        for priority in PRIORITIES
    ]

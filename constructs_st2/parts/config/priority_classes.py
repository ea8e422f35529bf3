"""The PriorityClasses of a release."""

from __future__ import annotations

from constructs_st2.facts.priorities import CONTROL, DATA, WORK
from constructs_st2.facts.release import Release
from constructs_st2.kube.documents import Document


def classes(release: Release) -> list[Document]:
    """The PriorityClasses of a release."""
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {
                "name": release.named(priority.name),
                "labels": release.labels(f"priority-{priority.name}", "operations"),
            },
            "value": priority.value,
            "preemptionPolicy": "PreemptLowerPriority" if priority.displaces else "Never",
            "description": priority.purpose,
        }
        for priority in (DATA, CONTROL, WORK)
    ]

"""All that is looked at, each by a pure function of what should be and what is. Causes stand before consequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from constructs_st2.commands.doctor.examinations import (
    admission,
    backends,
    certificates,
    controllers,
    names,
    nodes,
    pods,
    storage,
    versions,
    work,
)
from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Facts
from constructs_st2.commands.doctor.findings import Finding


@dataclass(frozen=True)
class Examination:
    """Something to look at.

    Args:
        find: what is wrong, by what should be and what is.
        needs: the fields of the facts without which nothing can be said. Others it may use, too.
        applied: only makes sense of a release that has been applied.
    """

    find: Callable[[Expected, Facts], Iterable[Finding]]
    needs: tuple[str, ...] = ()
    applied: bool = False


EXAMINATIONS: Sequence[Examination] = (
    Examination(backends.guarded, ("pods",), applied=True),
    Examination(backends.quorums, ("workloads",), applied=True),
    Examination(versions.of_cluster),
    Examination(admission.namespace),
    Examination(names.secrets, ("secrets",)),
    Examination(names.others),
    Examination(controllers.kinds, ("kinds",)),
    Examination(controllers.programs, ("deployed",)),
    Examination(controllers.metrics, ("kinds",)),
    Examination(controllers.ingress, ("ingress_classes",)),
    Examination(admission.refused),
    Examination(admission.quotas, ("quotas",)),
    Examination(admission.priorities, ("priority_classes",)),
    Examination(nodes.architecture, ("nodes",)),
    Examination(nodes.avx, ("nodes",)),
    Examination(nodes.room, ("nodes",)),
    Examination(nodes.health, ("nodes",)),
    Examination(nodes.zones, ("nodes",)),
    Examination(nodes.families, ("nodes",)),
    Examination(storage.classes, ("storage_classes",)),
    Examination(storage.claims, ("claims",), applied=True),
    Examination(storage.usage, applied=True),
    Examination(pods.workloads, ("workloads",), applied=True),
    Examination(pods.not_ready, ("pods",), applied=True),
    Examination(pods.not_made, ("events",), applied=True),
    Examination(pods.restarts, ("pods",), applied=True),
    Examination(work.jobs, ("jobs",), applied=True),
    Examination(work.backups, ("cron_jobs",), applied=True),
    Examination(work.queues, applied=True),
    Examination(work.autoscalers, ("autoscalers",), applied=True),
    Examination(certificates.ends),
    Examination(controllers.says, ("customs",), applied=True),
    Examination(backends.apart, ("pods",), applied=True),
    Examination(versions.of_kubectl),
)
"""In the order in which findings of the same level are told."""

"""Autoscaling by the work that MongoDB knows of: ScaledObjects of KEDA (https://keda.sh, API keda.sh/v1alpha1).

The length of st2's queues says nothing: a runner takes every message at once, acknowledges it, and keeps it in memory
until one of its threads is free (st2common/transport/consumers.py). What waits and runs is in the database.

KEDA asks the database and makes a HorizontalPodAutoscaler of the answer, which divides it by the target. There is no
`cooldownPeriod`: it only delays the step to zero pods, which is never taken here
(https://keda.sh/docs/latest/reference/scaledobject-spec/).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.catalogue import ST2ACTIONRUNNER
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.st2_conf.settings import Settings
from constructs_st2.facts.work import ACTIONS_POOL, POOL_SIZES, WORK, Work, used
from constructs_st2.kube.custom import custom_object
from constructs_st2.kube.documents import Document
from constructs_st2.parts.autoscaling.scaled import Scaled
from constructs_st2.values.model import Values
from constructs_st2.values.model.autoscaling import WorkAutoscaling

_FAILURES = 3
"""Looks at MongoDB that must fail, one after the other, before the fallback takes their place."""


def access(cluster: Cluster) -> Document:
    """The TriggerAuthentication, by which KEDA reaches MongoDB."""
    secret = contract.AUTOSCALING
    metadata: Document = {
        "name": _access_name(cluster.release),
        "namespace": cluster.release.namespace,
        "labels": cluster.release.labels(secret.component, "operations"),
    }
    target = {"parameter": "connectionString", "name": cluster.secret(secret), "key": contract.CONNECTION_STRING}
    return custom_object("TriggerAuthentication", metadata, {"secretTargetRef": [target]})


def scaled_object(one: Scaled, scaler: WorkAutoscaling, sharing: int, cluster: Cluster) -> Document:
    """The ScaledObject of a Deployment.

    Args:
        one: the Deployment.
        scaler: its settings.
        sharing: how many Deployments, this one among them, are scaled by the same work.
        cluster: the cluster that it belongs to.
    """
    least, greatest = one.settings.least_replicas, scaler.max_replicas
    fallback = scaler.fallback_replicas or min(max(one.settings.replicas, least), greatest)
    spec: Document = {
        "scaleTargetRef": one.target(cluster),
        "minReplicaCount": least,
        "maxReplicaCount": greatest,
        "pollingInterval": scaler.polling_interval,
        "fallback": {
            "failureThreshold": _FAILURES,
            "replicas": fallback,
            # Runners must not go because MongoDB could not be asked. Needs KEDA 2.17.
            "behavior": "currentReplicasIfHigher",
        },
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": one.behavior}},
        "triggers": [
            *(
                _work_trigger(work, target * sharing, cluster)
                for work, target in _targets(one, scaler, cluster.settings)
            ),
            *_resource_triggers(one),
        ],
    }
    return custom_object("ScaledObject", one.metadata(cluster), spec)


def sharing(one: Scaled, found: Sequence[Scaled]) -> int:
    """How many Deployments are scaled by the same work: all runners take it from the same queues."""
    return sum(
        each.entry is one.entry and isinstance(each.scaler, WorkAutoscaling) and each.scaler.uses_keda for each in found
    )


def unreachable_targets(found: Sequence[Scaled], settings: Settings) -> Iterator[ValueProblem]:
    """Targets of runners that are beyond what a runner works on: the rest waits in its memory."""
    size = _pool_size(ACTIONS_POOL, settings)
    for one in found:
        target = one.scaler.target_busy if isinstance(one.scaler, WorkAutoscaling) else None
        if one.entry is ST2ACTIONRUNNER and target is not None and target > size:
            message = f"is {target}, but a runner works on {size} actions at most ([actionrunner] actions_pool_size)"
            yield ValueProblem(f"{one.key}.targetBusy", message)


def _access_name(release: Release) -> str:
    return release.named(contract.AUTOSCALING.component)


def _targets(one: Scaled, scaler: WorkAutoscaling, settings: Settings) -> Iterator[tuple[Work, int]]:
    """The work of a service, and how much of it a pod may have."""
    for number, work in enumerate(WORK[one.entry.name]):
        target = used(_pool_size(work.pool, settings)) if work.pool else work.target
        yield work, (number == 0 and scaler.target_busy) or target


def _work_trigger(work: Work, target: int, cluster: Cluster) -> Document:
    return {
        "type": "mongodb",
        # It is the default, but KEDA before 2.18 refuses a fallback unless it is said (CheckFallbackValid).
        "metricType": "AverageValue",
        # Otherwise the HorizontalPodAutoscaler asks every 15 seconds, whatever the polling interval is.
        "useCachedMetrics": True,
        "authenticationRef": {"name": _access_name(cluster.release)},
        "metadata": {
            "dbName": _database(cluster.values),
            "collection": work.collection,
            "query": json.dumps(work.query),
            # Each of several Deployments sees all the work, and shall take its part of it.
            "queryValue": str(target),
        },
    }


def _pool_size(pool: str, settings: Settings) -> int:
    return int(settings.options.get(("actionrunner", pool), POOL_SIZES[pool]))


def _database(values: Values) -> str:
    mongodb = values.mongodb
    return mongodb.external.database if mongodb.external else mongodb.auth.database


def _resource_triggers(one: Scaled) -> list[Document]:
    return [
        {
            "type": resource,
            "metricType": "Utilization",
            "metadata": {"value": str(percent), "containerName": one.entry.name},
        }
        for resource, percent in one.resource_targets
    ]

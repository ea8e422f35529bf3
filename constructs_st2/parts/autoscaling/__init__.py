"""Autoscalers: by the work that MongoDB knows of (KEDA), or by the use of CPU and memory (HorizontalPodAutoscaler)."""

from __future__ import annotations

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document
from constructs_st2.parts.autoscaling import keda, resources
from constructs_st2.parts.autoscaling.scaled import Scaled, scaled
from constructs_st2.values.model.autoscaling import WorkAutoscaling


def documents(cluster: Cluster) -> list[Document]:
    """The autoscalers of a cluster, and how KEDA reaches MongoDB. None where nothing is scaled.

    Raises:
        InvalidValues: a target cannot be reached.
    """
    found = list(scaled(cluster.values))
    if unreachable := list(keda.unreachable_targets(found, cluster)):
        raise InvalidValues(*unreachable)
    access = [keda.access(cluster)] if cluster.values.uses_keda else []
    return [*access, *(_scaler(each, found, cluster) for each in found)]


def _scaler(one: Scaled, found: list[Scaled], cluster: Cluster) -> Document:
    if isinstance(one.scaler, WorkAutoscaling) and one.scaler.uses_keda:
        return keda.scaled_object(one, one.scaler, keda.sharing(one, found), cluster)
    return resources.autoscaler(one, cluster)

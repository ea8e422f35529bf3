"""Autoscalers: by the work that MongoDB knows of (KEDA), or by the use of CPU and memory (HorizontalPodAutoscaler)."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.backends import MONGODB
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Release
from constructs_st2.kube.documents import Document
from constructs_st2.parts.autoscaling import keda, resources
from constructs_st2.parts.autoscaling import problems as of_values
from constructs_st2.parts.autoscaling.scaled import Scaled, scaled
from constructs_st2.parts.flows import Flow, Place, Table
from constructs_st2.parts.optional import PartHooks
from constructs_st2.values.model import Values
from constructs_st2.values.model.autoscaling import WorkAutoscaling


def documents(cluster: Cluster, _: Table | None = None) -> list[Document]:
    """The autoscalers of a cluster, and how KEDA reaches MongoDB. None where nothing is scaled.

    Raises:
        InvalidValues: a target cannot be reached.
    """
    found = list(scaled(cluster.values))
    if unreachable := list(keda.unreachable_targets(found, cluster.settings)):
        raise InvalidValues(*unreachable)
    access = [keda.access(cluster)] if cluster.values.uses_keda else []
    return [*access, *(_scaler(each, found, cluster) for each in found)]


def _scaler(one: Scaled, found: list[Scaled], cluster: Cluster) -> Document:
    if isinstance(one.scaler, WorkAutoscaling) and one.scaler.uses_keda:
        return keda.scaled_object(one, one.scaler, keda.sharing(one, found), cluster)
    return resources.autoscaler(one, cluster)


def _flows(cluster: Cluster) -> list[Flow]:
    if not cluster.values.uses_keda or "database" not in cluster.backends:
        return []
    return [Flow(Place.KEDA, MONGODB.component, MONGODB.port, "work to do")]


def _problems(values: Values, _: Release) -> Iterator[ValueProblem]:
    return of_values.problems(values)


PART = PartHooks(documents, flows=_flows, problems=_problems)

"""Settings of pods, whatever runs in them.

Replicas and resources come from the profile (``constructs_st2/values/profiles``), which lies under the user's files.
"""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from constructs_st2.values.model.base import (
    AnnotationKey,
    Annotations,
    Count,
    Labels,
    LabelValue,
    ObjectName,
    Seconds,
    StrictModel,
    key,
    same,
)
from constructs_st2.values.model.kubernetes import (
    Affinity,
    Container,
    HostAlias,
    PodSecurityContext,
    Probe,
    ResourceRequirements,
    SecurityContext,
    Toleration,
    TopologySpreadConstraint,
)
from constructs_st2.values.model.names import PriorityClassName, RuntimeClassName
from constructs_st2.values.model.volumes import ExtraVolume

SINGLE_STAYS = 30
"""Seconds that a pod stays of which there is only one: nobody does its work in the meantime."""
ONE_OF_MANY_STAYS = 60
"""The same for pods beside which others go on. A node that comes back soon finds them as they were."""


def _only_false(value: bool) -> bool:
    if value:
        raise ValueError("must be a probe, or false, which removes it")
    return value


OwnProbe: TypeAlias = Probe | Annotated[bool, AfterValidator(_only_false), WithJsonSchema({"const": False})]
"""Takes the place of a probe, unless it is empty; false removes it."""


class PodTemplate(StrictModel):
    """Settings that all pods have, those of Jobs too."""

    resources: ResourceRequirements = key("Requests and limits. The default comes from the profile.", {})
    annotations: Annotations = key("Annotations of the workload and its pods.", {})
    labels: Labels = key("Further labels of the workload and its pods.", {})
    extra_volumes: list[ExtraVolume] = same(
        "extra_volumes", "Volumes to mount: `name`, `mount` (a volume mount) and `volume` (its source).", []
    )
    init_containers: list[Container] = key("Further init containers, after those that wait or prepare.", [])
    node_selector: dict[AnnotationKey, LabelValue] = key("Labels of the nodes to run on.", {})
    tolerations: list[Toleration] = key("Taints that the pods tolerate.", [])
    affinity: Affinity | None = key("Scheduling constraints.")
    priority_class_name: PriorityClassName | None = key(
        "Priority class of the pods. Default: none, or that of `scheduling.priorityClasses`."
    )
    runtime_class_name: RuntimeClassName | None = key("Runtime class of the pods.")
    scheduler_name: ObjectName | None = key("The scheduler that finds nodes for the pods.")
    host_aliases: list[HostAlias] = key("Further lines of the pods' /etc/hosts.", [])
    security_context: SecurityContext = key(
        "Laid over the containers' security settings, key by key. Default for st2client and Jobs: st2actionrunner's.",
        {},
    )
    pod_security_context: PodSecurityContext = key(
        "Laid over the pods' security settings, key by key. Default for st2client and Jobs: st2actionrunner's.", {}
    )


class Pods(PodTemplate):
    """Settings that the pods of every workload have which runs for ever."""

    replicas: Count = key("Number of pods. The default comes from the profile.", 1)
    sidecars: list[Container] = key("Further containers of the pods.", [])
    topology_spread: list[TopologySpreadConstraint] | None = key(
        "Replaces the default spread over zones and hosts; [] where `affinity` keeps the pods apart."
    )
    liveness_probe: OwnProbe | None = key("Replaces the liveness probe; false removes it.")
    readiness_probe: OwnProbe | None = key("Replaces the readiness probe; false removes it.")
    startup_probe: OwnProbe | None = key("Replaces the startup probe; false removes it.")
    termination_grace_period_seconds: Seconds | None = key("Time for a pod to stop.")
    toleration_seconds: Seconds | None = key(
        "Seconds that a pod stays on a node that is lost (not ready or unreachable) until another takes its place. "
        "Tolerations of your own for these taints win. Default: that of `failover`; for backends Kubernetes' own, 300."
    )

    @property
    def least_replicas(self) -> int:
        """The least number of pods."""
        return self.replicas

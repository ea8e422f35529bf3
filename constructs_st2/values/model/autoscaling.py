"""Settings of what decides how many pods there are, and which of them go first where there is no room for all."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator
from typing_extensions import Self

from constructs_st2.values.model.base import StrictModel, key, same, section
from constructs_st2.values.model.kubernetes import HorizontalPodAutoscalerBehavior
from constructs_st2.values.model.names import SecretName

LEAST = 2
"""Fewer pods than this an autoscaler never leaves: one alone is down during every drain and every restart, and a
runner that is the last one abandons what it runs when it stops."""

CPU_OF_WORK = 70
"""Percent of the requested CPU, for services that share work, are scaled by it alone, and are given no target."""

Several: TypeAlias = Annotated[int, Field(ge=LEAST, le=1000)]
Percent: TypeAlias = Annotated[int, Field(ge=1, le=1000)]


class Autoscaling(StrictModel):
    """What all autoscalers have."""

    enabled: bool = key(
        "Let the load decide how many pods there are. `replicas` is then left out of the manifest.", False
    )
    max_replicas: Several = key("Greatest number of pods.", 10)
    target_memory: Percent | None = same(
        "targetMemoryUtilizationPercentage",
        "Memory that pods should use on average, in percent of what they request. Python gives little back: "
        "pods that came for it seldom go.",
    )
    behavior: HorizontalPodAutoscalerBehavior = key("Laid over how fast pods come and go, direction by direction.", {})

    def least(self, replicas: int) -> int:
        """The least number of pods, where it would be ``replicas`` without an autoscaler."""
        return max(LEAST, replicas)

    @property
    def cpu(self) -> int | None:
        """CPU that pods should use on average, in percent of what they request."""
        return None


class HttpAutoscaling(Autoscaling):
    """How many pods there are, by a HorizontalPodAutoscaler."""

    min_replicas: Several | None = key("Least number of pods. Default: `replicas`, but at least 2.")
    target_cpu: Percent = same(
        "targetCPUUtilizationPercentage",
        "CPU that pods should use on average, in percent of what they request.",
        80,
    )

    def least(self, replicas: int) -> int:
        """The least number of pods, where it would be ``replicas`` without an autoscaler."""
        return super().least(replicas) if self.min_replicas is None else self.min_replicas

    @property
    def cpu(self) -> int | None:
        """CPU that pods should use on average, in percent of what they request."""
        return self.target_cpu


class WorkAutoscaling(Autoscaling):
    """How many pods there are, by the work that MongoDB knows of (KEDA), or by the use of CPU."""

    mode: Literal["keda", "cpu"] = key(
        "`keda`: by the work that is waiting or running; needs KEDA 2.17 or newer in the cluster. "
        "`cpu`: by a HorizontalPodAutoscaler and the use of CPU alone, which says nothing of actions that wait for "
        "others.",
        "keda",
    )
    min_replicas: Several = key("Least number of pods.", LEAST)
    max_replicas: Several = key("Greatest number of pods.", 20)
    target_busy: Annotated[int, Field(ge=1)] | None = key(
        "Work per pod beyond which there are more pods (mode keda). Default: for st2actionrunner 60 % of "
        "`[actionrunner] actions_pool_size`, which is 36 actions that are scheduled or running; for st2workflowengine "
        "40 running workflows; for st2scheduler 50 executions that wait to be scheduled."
    )
    target_cpu: Percent | None = same(
        "targetCPUUtilizationPercentage",
        "CPU that pods should use on average, in percent of what they request. With mode keda it counts besides, if "
        "it is set; with mode cpu the default is 70.",
    )
    polling_interval: Annotated[int, Field(ge=5, le=600)] = key("Seconds between two looks at MongoDB (mode keda).", 30)
    fallback_replicas: Several | None = key(
        "Least number of pods while KEDA cannot look at MongoDB; those that run then stay. Default: `replicas`, "
        "within the bounds."
    )

    def least(self, replicas: int) -> int:  # noqa: ARG002
        """The least number of pods; what there would be without an autoscaler does not matter."""
        return self.min_replicas

    @property
    def cpu(self) -> int | None:
        """CPU that pods should use on average, in percent of what they request."""
        return CPU_OF_WORK if self.target_cpu is None and self.mode == "cpu" else self.target_cpu

    @property
    def uses_keda(self) -> bool:
        """Whether KEDA decides."""
        return self.enabled and self.mode == "keda"

    @model_validator(mode="after")
    def _settings_have_a_use(self) -> Self:
        given = {"target_busy": "targetBusy", "fallback_replicas": "fallbackReplicas"}
        unused = [name for attribute, name in given.items() if getattr(self, attribute) is not None]
        if self.mode == "cpu" and unused:
            raise ValueError(f"{unused[0]} has no effect with mode cpu; remove it")
        return self


class ScalerAccess(StrictModel):
    """How KEDA reaches MongoDB."""

    existing_secret: SecretName | None = key(
        "Your own Secret with the key `connection-string`: the URL of MongoDB with a user who may read StackStorm's "
        "database. Required for a MongoDB that runs elsewhere; the other one has a user for it by itself."
    )


class PriorityClasses(StrictModel):
    """Priority classes of the release."""

    create: bool = key(
        "Make the classes <namespace>-<release>-data (backends), -control (StackStorm's services) and -work (runners, "
        "sensors, Jobs), and use them wherever no `priorityClassName` is set. Needs the right to make a PriorityClass, "
        "which belongs to the whole cluster of Kubernetes.",
        False,
    )
    preempt: bool = key(
        "Let pods of the classes data and control displace pods of lower priority, also those of others, where there "
        "is no room. Else they only get the next room before those.",
        False,
    )


class Scheduling(StrictModel):
    """What concerns the scheduling of all pods."""

    priority_classes: PriorityClasses = section("Priority classes of the release.")

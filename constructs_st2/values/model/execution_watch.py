"""Settings of what looks for executions that nobody works on any more."""

from typing import Annotated, TypeAlias

from pydantic import Field, model_validator
from typing_extensions import Self

from constructs_st2.values.model.base import StrictModel, key, section
from constructs_st2.values.model.pods import PodTemplate

Minutes: TypeAlias = Annotated[int, Field(ge=1, le=10_080)]


class ExecutionCleanup(StrictModel):
    """Ending executions whose runner is gone."""

    enabled: bool = key(
        "End executions whose runner is gone: as `abandoned`, or as `canceled` where that was asked for.", False
    )
    dry_run: bool = key("Only log what would be ended.", False)
    after_minutes: Minutes = key("For how long the runner must have been gone, at each look.", 10)
    most: Annotated[int, Field(ge=1, le=1000)] = key("How many are ended at one look.", 20)


class ExecutionWatch(PodTemplate):
    """The pod that looks for executions that nobody works on any more."""

    enabled: bool | None = key("Run it. Default: with `monitoring.enabled`, and with `cleanup.enabled`.")
    interval_seconds: Annotated[int, Field(ge=10, le=3600)] = key("Seconds between two looks.", 60)
    waiting_minutes: Minutes = key(
        "How long an execution may be `requested` or `scheduled`, and a workflow without a task at work, before it "
        "counts.",
        15,
    )
    overdue_minutes: Minutes = key("How long an action may run after its timeout, before it counts.", 10)
    cleanup: ExecutionCleanup = section("Ending executions whose runner is gone.")

    @model_validator(mode="after")
    def _cleanup_needs_the_pod(self) -> Self:
        if self.cleanup.enabled and self.enabled is False:
            raise ValueError("cannot be off with cleanup.enabled: the pod that looks is the one that ends them")
        return self

"""Settings of autoscalers that are right by themselves but not together."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.errors import ValueProblem
from constructs_st2.parts.autoscaling.scaled import scaled
from constructs_st2.values.model import Values
from constructs_st2.values.model.autoscaling import WorkAutoscaling


def problems(values: Values) -> Iterator[ValueProblem]:
    """What contradicts itself about autoscalers."""
    for one in scaled(values):
        least, greatest = one.scaler.least(one.settings.replicas), one.scaler.max_replicas
        if least > greatest:
            yield ValueProblem(
                f"{one.key}.maxReplicas", f"is {greatest}, but there are at least {least} pods; raise it"
            )
        if isinstance(one.scaler, WorkAutoscaling) and values.coordination_backend == "none":
            message = (
                'cannot be true with coordination.backend "none": a pod that goes could not leave its work to others'
            )
            yield ValueProblem(f"{one.key}.enabled", message)
        fallback = one.scaler.fallback_replicas if isinstance(one.scaler, WorkAutoscaling) else None
        if fallback is not None and not least <= fallback <= greatest:
            yield ValueProblem(f"{one.key}.fallbackReplicas", f"must be from {least} to {greatest}, not {fallback}")
    if values.uses_keda:
        if not values.mongodb.enabled and values.autoscaling.existing_secret is None:
            message = (
                "is required where KEDA looks at a MongoDB that runs elsewhere: give a Secret with the key "
                "connection-string, or set mode: cpu"
            )
            yield ValueProblem("autoscaling.existingSecret", message)
    elif values.autoscaling.existing_secret is not None:
        yield ValueProblem("autoscaling.existingSecret", "has no effect where KEDA scales nothing; remove it")

"""What the cluster would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from constructs_st2.commands.doctor.expected import Expected, Size
from constructs_st2.commands.doctor.facts import Facts
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import gib, listed
from constructs_st2.facts.priorities import CREATE, PRIORITIES
from constructs_st2.kube.quantity import parsed

_MOST = 600
"""Characters of what the API server says."""


def namespace(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """A namespace that the manifests do not make must be there."""
    if not facts.namespace_exists and expected.index.find("Namespace", "", expected.namespace) is None:
        text = "is not there, and the values do not make it (namespace.create)"
        step = f"kubectl create namespace {expected.namespace}"
        yield Finding(Level.BROKEN, f"Namespace {expected.namespace}", text, (step,))


def refused(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """What the API server says of everything when it is tried out. Objects of which it says the same are told once."""
    subjects: dict[tuple[str, bool], list[str]] = {}
    for refusal in facts.refusals:
        subjects.setdefault((refusal.message, refusal.warning), []).append(refusal.subject)
    for (message, warning), names in subjects.items():
        told = listed([name for name in names if name], 3) or "Admission"
        text = message if len(message) <= _MOST else f"{message[:_MOST]}…"
        if warning:
            yield Finding(Level.WARNING, told, f"the cluster warns: {text}", ())
        elif "updates to statefulset spec" in message or "field is immutable" in message:
            steps = ("constructs-st2 plan --against cluster",)
            yield Finding(Level.BROKEN, told, f"cannot be changed so by an apply: {text}", steps)
        else:
            step = f"kubectl describe namespace {expected.namespace}"
            yield Finding(Level.BROKEN, told, f"the cluster refuses it: {text}", (step,))


def priorities(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Where all pods have a priority by default, a class of a lower one makes those of StackStorm the first to go."""
    if not expected.cluster.values.scheduling.priority_classes.create:
        return
    for each in facts.priority_classes:
        below = [priority.name for priority in PRIORITIES if priority.value < each.value]
        if each.default and below:
            text = (
                f"gives {each.value} to all pods that name no class, more than {listed(below)} of StackStorm have: "
                "those may displace these, and are evicted after them"
            )
            step = f"{CREATE}: false, with which StackStorm has it too; or classes of yours: priorityClassName"
            yield Finding(Level.WARNING, f"PriorityClass {each.name}", text, (step,))


_OF_PODS = {
    "cpu": ("requests", "cpu"),
    "memory": ("requests", "memory"),
    "requests.cpu": ("requests", "cpu"),
    "requests.memory": ("requests", "memory"),
    "limits.cpu": ("limits", "cpu"),
    "limits.memory": ("limits", "memory"),
}
"""What a quota may bound: which of the resources of pods that is."""


def quotas(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """What all pods need together must fit into each quota: else the last ones are never made."""
    for quota in facts.quotas:
        if quota.scoped:
            continue
        for name, limit in quota.hard.items():
            hard = parsed(limit)
            needs = _needs(name, expected.sizes)
            if hard is not None and needs is not None and needs > hard:
                is_memory = name.endswith("memory")
                has, wants = (gib(each) if is_memory else f"{float(each):.4g}" for each in (hard, needs))
                text = f"allows {name} {has}, and the release needs {wants}: pods beyond that are never made"
                step = f"{expected.kubectl} describe resourcequota {quota.name}"
                yield Finding(Level.BROKEN, f"ResourceQuota {quota.name}", text, (step,))


def _needs(name: str, sizes: list[Size]) -> Decimal | None:
    if name in ("pods", "count/pods"):
        return Decimal(sum(size.count for size in sizes))
    if name not in _OF_PODS:
        return None
    which, resource = _OF_PODS[name]
    return sum((getattr(size, which).get(resource, Decimal(0)) * size.count for size in sizes), Decimal(0))

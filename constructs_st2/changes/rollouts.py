"""Which pods a change replaces, in which order, how long that takes at most, and what becomes of their work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from constructs_st2.changes.difference import Difference
from constructs_st2.changes.findings import Finding, Section
from constructs_st2.checks.data import at, labels_of
from constructs_st2.checks.index import Index, Scale
from constructs_st2.facts.backends import ETCD, MONGODB, RABBITMQ, REDIS_SENTINEL
from constructs_st2.facts.catalogue import BESIDES_RUNNING_WORK, CATALOGUE, CatalogueEntry
from constructs_st2.facts.components import SECRETS_BOOTSTRAP
from constructs_st2.facts.jobs import JOB, PURPOSES
from constructs_st2.kube.documents import Document

TEMPLATE = ("spec", "template")

_ENTRIES: Mapping[str, CatalogueEntry] = {entry.name: entry for entry in CATALOGUE}


@dataclass(frozen=True)
class Members:
    """How a backend takes it that its members are replaced: all of them, and the only one."""

    name: str
    one_of_many: str
    only_one: str


_AWAY = "StackStorm stands still until it is back; its services wait"
MEMBERS: Mapping[str, Members] = {
    MONGODB.component: Members(
        "MongoDB",
        "a primary that stops hands over first; writes wait for seconds, and services of st2 outlast that",
        f"{_AWAY} for it, and results that end meanwhile can be lost",
    ),
    RABBITMQ.component: Members(
        "RabbitMQ",
        "a node that stops waits until its queues have a majority without it; clients connect to the others",
        f"{_AWAY} for it; messages are on its volume",
    ),
    REDIS_SENTINEL.component: Members(
        "Redis",
        "a master that stops hands over first; locks wait for seconds, and services of st2 outlast that",
        f"{_AWAY} for locks, and the service registry is empty for so long",
    ),
    ETCD.component: Members(
        "etcd",
        "a leader that stops hands over first; locks wait for seconds, and services of st2 outlast that",
        f"{_AWAY} for locks and the service registry",
    ),
}
"""By component."""


def rolls(difference: Difference) -> bool:
    """Whether the pods of a workload are replaced: Kubernetes replaces them whenever their template differs."""
    is_kept = difference.kind in ("Deployment", "StatefulSet", "DaemonSet")
    return is_kept and difference.action == "changed" and bool(difference.at(*TEMPLATE))


def duration(seconds: int) -> str:
    """Seconds as people say them."""
    return f"{seconds} s" if seconds < 120 else f"{-(-seconds // 60)} min"


def rollouts(difference: Difference, old: Index, new: Index) -> Iterator[Finding]:
    """The consequences for the pods of a workload."""
    match difference.kind, difference.action:
        case "Deployment", "changed":
            yield from _deployment(difference, old, new)
        case "StatefulSet", "changed":
            yield from _stateful_set(difference, old, new)
        case (("Deployment" | "StatefulSet"), "new"):
            assert difference.new is not None
            yield Finding(Section.PODS, difference.component, f"new: {_pods(new.scale_of(difference.new))}")
        case "Job", "new":
            yield _job(difference, old)
        case "CronJob", ("new" | "changed"):
            schedule = at(difference.document, "spec", "schedule")
            text = f"from the next time on: {schedule}; a run that goes on is left alone"
            yield Finding(Section.PODS, difference.component, text)


def _pods(scale: Scale) -> str:
    if scale.least != scale.greatest:
        return f"{scale.least} to {scale.greatest} pods"
    return f"{scale.least} pod{'s' if scale.least != 1 else ''}"


def _grace(document: Document) -> int:
    """Seconds that a pod has to stop: as it was started, not as the next one will be."""
    grace = at(document, *TEMPLATE, "spec", "terminationGracePeriodSeconds")
    return grace if isinstance(grace, int) else 30


def entry_of(difference: Difference) -> CatalogueEntry | None:
    """The service of the catalogue that a workload runs, if it runs one."""
    return _ENTRIES.get(labels_of(difference.document).get("app", ""))


def _deployment(difference: Difference, old: Index, new: Index) -> Iterator[Finding]:
    assert difference.old is not None
    assert difference.new is not None
    before, after = old.scale_of(difference.old), new.scale_of(difference.new)
    entry, grace = entry_of(difference), _grace(difference.old)
    subject = difference.component
    if not rolls(difference):
        yield from _scaled(difference, before, after, _end_of_work(entry, grace))
        return
    pods = _pods(before) if before == after else f"{_pods(before)} ({_pods(after)} then)"
    if before.greatest == 0:
        yield Finding(Section.PODS, subject, f"{_pods(after)}; none is replaced")
        return
    if after.greatest == 0:
        yield from _scaled(difference, before, after, "")
        return
    if at(difference.new, "spec", "strategy", "type") == "Recreate":
        meanwhile = entry.replaced if entry else "it is not there meanwhile"
        text = f"{pods}, the old one first: up to {grace} s to stop, and the start; {meanwhile}"
        yield Finding(Section.PAUSES, subject, text)
        return
    rolling = at(difference.new, "spec", "strategy", "rollingUpdate") or {}
    how = "one by one, " if before.greatest > 1 else ""
    # Pods that are about to stop do not hold up the next ones.
    how += "beside a new one" if rolling.get("maxUnavailable") else "each after a new one is ready"
    text = f"{pods}, {how}, up to {grace} s to stop; {_end_of_work(entry, grace)}"
    yield Finding(Section.PODS, subject, text.removesuffix("; "))


def _end_of_work(entry: CatalogueEntry | None, grace: int) -> str:
    """What becomes of what the pods do."""
    if entry is None:
        return ""
    if entry.finishes_work != "actionrunner":
        return entry.replaced
    finish = max(grace - BESIDES_RUNNING_WORK, 0)
    return f"{entry.replaced} within {finish} s; what runs longer becomes `abandoned`"


def _scaled(difference: Difference, before: Scale, after: Scale, work: str) -> Iterator[Finding]:
    if before == after:
        return
    change, subject = f"{_pods(before)} -> {_pods(after)}", difference.component
    if after.greatest == 0 or (after.least == 0 and before.least > 0):
        entry = entry_of(difference)
        away = f"nothing {entry.purpose[0].lower()}{entry.purpose[1:].partition(';')[0]}" if entry else "it is gone"
        yield Finding(Section.PAUSES, subject, f"{change}: {away} any more")
    elif after.least < before.least:
        yield Finding(Section.PODS, subject, f"{change}: those too many stop; {work}".removesuffix("; "))
    else:
        yield Finding(Section.PODS, subject, f"{change}: none is replaced")


def _stateful_set(difference: Difference, old: Index, new: Index) -> Iterator[Finding]:
    assert difference.old is not None
    assert difference.new is not None
    before, after = old.scale_of(difference.old).greatest, new.scale_of(difference.new).greatest
    component = difference.component
    behaviour = MEMBERS.get(component, Members(component, "", "it is not there meanwhile"))
    if before < after:
        voters = f"a majority is then {after // 2 + 1} of {after}" if after > 1 else ""
        text = f"{after - before} members more, which get their data from the others; {voters}".removesuffix("; ")
        yield Finding(Section.PODS, component, text)
    if not rolls(difference):
        return
    grace, steady = _grace(difference.old), at(difference.new, "spec", "minReadySeconds") or 0
    if before == 1:
        text = f"its only member is replaced: up to {grace} s to stop, and its start; {behaviour.only_one}"
        yield Finding(Section.PAUSES, component, text)
        return
    longest = duration(before * (grace + steady))
    text = (
        f"{before} members, one at a time from the last to the first: up to {grace} s to stop, {steady} s ready before "
        f"the next, so at most {longest} besides their starts; {before - 1} of {before} stay, of which "
        f"{before // 2 + 1} are a majority; {behaviour.one_of_many}"
    )
    yield Finding(Section.PODS, component, text.removesuffix("; "))


def _job(difference: Difference, old: Index) -> Finding:
    app = labels_of(difference.document).get("app", difference.component)
    again = any(labels_of(job).get("app") == app for job in old.of_kind("Job"))
    purpose = PURPOSES.get(app.removeprefix(JOB), _OTHER_JOBS.get(app, "a Job of yours"))
    return Finding(Section.JOBS, app.removeprefix(JOB), f"{'again: ' if again else ''}{purpose}")


_OTHER_JOBS: Mapping[str, str] = {
    SECRETS_BOOTSTRAP: "makes Secrets and keys that are missing; those that are there stay as they are"
}

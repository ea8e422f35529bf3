"""Jobs, backups, queues, and autoscalers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from constructs_st2.checks.data import annotations_of, at, name_of, namespace_of
from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import CronJob, Facts, Job
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import in_words, listed
from constructs_st2.facts.components import BACKUP
from constructs_st2.facts.jobs import HOOK_ANNOTATION
from constructs_st2.kube.well_known import MANIFESTS

_LONG = timedelta(minutes=30)
_BACKLOG = 1000
"""Messages in a queue that are more than a burst."""
_FAR_TOO_OLD = 3
"""By how many times a backup is older than it may be, at which one would not call it a delay."""


def jobs(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Jobs that have failed, do not end, or were not applied."""
    there = {job.name: job for job in facts.jobs}
    for document in expected.index.of_kind("Job"):
        name = name_of(document)
        expires = at(document, "spec", "ttlSecondsAfterFinished") is not None
        # Hooks of Argo CD come and go with each sync.
        if namespace_of(document) != expected.namespace or HOOK_ANNOTATION in annotations_of(document):
            continue
        if name in there:
            yield from _of_job(there[name], expected, facts)
        elif not expires:
            text = "is in the manifests, and not in the cluster: what it does is not done"
            yield Finding(Level.WARNING, f"Job {name}", text, (f"kubectl apply -f {MANIFESTS}/",))


def _of_job(job: Job, expected: Expected, facts: Facts) -> Iterator[Finding]:
    logs = f"{expected.kubectl} logs -l batch.kubernetes.io/job-name={job.name} --all-containers --tail 50"
    if job.failed is not None:
        again = f"{expected.kubectl} delete job {job.name} && kubectl apply -f {MANIFESTS}/   # runs it again"
        yield Finding(Level.BROKEN, f"Job {job.name}", f"failed: {job.failed}{_words(job, facts)}", (logs, again))
    elif job.active and facts.age(job.created) > _LONG:
        text = f"has not ended for {in_words(facts.age(job.created))}{_words(job, facts)}"
        yield Finding(Level.WARNING, f"Job {job.name}", text, (logs,))


def _words(job: Job, facts: Facts) -> str:
    """The last words of its pods."""
    pods = {pod.name for pod in facts.pods if pod.owner == f"Job/{job.name}"}
    said = [words for (pod, _), words in facts.words.items() if pod in pods]
    return f": {said[-1]}" if said else ""


def backups(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """How old the last good backup is."""
    for each in facts.cron_jobs:
        if each.component == BACKUP:
            yield from _of_backup(each, expected, facts)
    wanted = [name_of(each) for each in expected.index.of_kind("CronJob")]
    if missing := sorted({*wanted} - {each.name for each in facts.cron_jobs}):
        text = f"in the manifests, and not in the cluster: {listed(missing)}"
        yield Finding(Level.BROKEN, "CronJobs", text, (f"kubectl apply -f {MANIFESTS}/",))
    if expected.cluster.values.mongodb.enabled and not expected.cluster.values.backup.enabled:
        yield Finding(Level.NOTE, "Backups", "none are made by this release (backup.enabled)", ())


def _of_backup(backup: CronJob, expected: Expected, facts: Facts) -> Iterator[Finding]:
    subject = f"CronJob {backup.name}"
    limit = timedelta(hours=expected.cluster.values.monitoring.rules.backup_max_age_hours)
    age = facts.age(backup.last_success or backup.created)
    now = f"{expected.kubectl} create job --from=cronjob/{backup.name} {backup.name}-now"
    failed = [job for job in facts.jobs if job.cron_job == backup.name and job.failed is not None]
    last = max(failed, key=lambda job: job.created, default=None)
    because = f"; the last attempt failed: {last.failed}{_words(last, facts)}" if last else ""
    if last:
        now = f"{expected.kubectl} logs -l batch.kubernetes.io/job-name={last.name} --all-containers --tail 50"
    if backup.suspended:
        step = f"{expected.kubectl} get cronjob {backup.name}"
        yield Finding(Level.WARNING, subject, "is suspended: no backups are made (backup.suspend)", (step,))
    elif age > limit:
        told = "the last good backup was made" if backup.last_success else "no backup has succeeded since it was made,"
        level = Level.BROKEN if backup.last_success is None or age > limit * _FAR_TOO_OLD else Level.WARNING
        yield Finding(level, subject, f"{told} {in_words(age)} ago{because}", (now,))
    elif last and (backup.last_success is None or last.created > backup.last_success):
        yield Finding(Level.WARNING, subject, because.removeprefix("; "), (now,))


def queues(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Messages that nobody takes, or too few do."""
    step = f"{expected.kubectl} get pods -l tier=backend"
    for queue in facts.queues:
        if queue.messages and not queue.consumers:
            text = f"{queue.messages} messages, and nobody takes them"
            yield Finding(Level.BROKEN, f"Queue {queue.name}", text, (step,))
        elif queue.messages >= _BACKLOG:
            text = f"{queue.messages} messages wait for {queue.consumers} consumers"
            yield Finding(Level.WARNING, f"Queue {queue.name}", text, (step,))


def autoscalers(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Autoscalers that see nothing, or want more than they may."""
    own = {size.name for size in expected.sizes}
    for scaler in facts.autoscalers:
        if scaler.target not in own:
            continue
        step = f"{expected.kubectl} describe hpa {scaler.name}"
        told = {each.type: each for each in scaler.conditions}
        active, able, limited = (told.get(each) for each in ("ScalingActive", "AbleToScale", "ScalingLimited"))
        for condition in (active, able):
            # Somebody has scaled to nothing by hand: KEDA does that with none to do.
            if condition and condition.status == "False" and condition.reason != "ScalingDisabled":
                text = f"does not scale: {condition.message or condition.reason}"
                yield Finding(Level.WARNING, f"Autoscaler of {scaler.target}", text, (step,))
        if limited and limited.status == "True" and limited.reason == "TooManyReplicas":
            text = f"wants more than the {scaler.maximum} pods that it may make: there is more work than they can do"
            yield Finding(Level.WARNING, f"Autoscaler of {scaler.target}", text, (step,))

"""Jobs that older manifests had, too: one that is still in the cluster does not run again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from constructs_st2.changes.difference import Difference
from constructs_st2.changes.findings import Finding, Section
from constructs_st2.changes.immutable import kubectl
from constructs_st2.checks.data import annotations_of, labels_of
from constructs_st2.facts.jobs import HOOK_ANNOTATION, JOB
from constructs_st2.kube.documents import Document

Earlier = Callable[[frozenset[str]], Collection[str]]
"""Tells which of some Jobs there have been before, by their names."""


def never(_: frozenset[str]) -> Collection[str]:
    """Nothing is known of earlier manifests."""
    return ()


def task_of(job: Document) -> str:
    """What a Job does whose name tells its content; empty for others.

    Hooks are deleted by Argo CD before it makes them anew. The Job that makes Secrets need not run again: those that it
    has made are there.
    """
    app = labels_of(job).get("app", "")
    if HOOK_ANNOTATION in annotations_of(job) or not app.startswith(JOB):
        return ""
    return app.removeprefix(JOB)


def returning(found: Iterable[Difference], earlier: Earlier) -> list[Difference]:
    """The Jobs that come back, and were there before."""
    new = [each for each in found if each.kind == "Job" and each.action == "new" and task_of(each.document)]
    before = earlier(frozenset(each.name for each in new)) if new else ()
    return [each for each in new if each.name in before]


def not_run(jobs: Iterable[Difference]) -> Iterator[Finding]:
    """That they do not run, with one command for each namespace that makes them."""
    by_namespace: dict[str, list[Difference]] = {}
    for job in jobs:
        by_namespace.setdefault(kubectl(job), []).append(job)
    for command, each in by_namespace.items():
        tasks = ", ".join(task_of(job.document) for job in each)
        text = (
            f"{tasks}: of earlier manifests. kubectl leaves such Jobs in the cluster, Argo CD deletes them with `prune`"
        )
        names = " ".join(job.name for job in each)
        step = f"{command} delete job {names} --ignore-not-found   # before the apply"
        yield Finding(Section.NOT_RUN, f"{len(each)} Job{'s' if len(each) > 1 else ''}", text, (step,))

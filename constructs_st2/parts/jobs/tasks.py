"""The Jobs of a cluster, in the order in which they do their work."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.facts.cluster import Cluster, once_for_each_cluster
from constructs_st2.facts.jobs import left_out, users_jobs
from constructs_st2.kube.documents import Document
from constructs_st2.parts.config_maps import config_map
from constructs_st2.parts.jobs import apply_rbac, packs_write_test, programs, register_content
from constructs_st2.parts.jobs.job import Task, job
from constructs_st2.values.model import Values


@once_for_each_cluster
def tasks(cluster: Cluster) -> tuple[Task, ...]:
    """The tasks of a cluster, without those that the user skips."""
    skipped = left_out(cluster.values.jobs.skip)
    return tuple(task for task in _tasks(cluster) if task.name not in skipped)


def documents(cluster: Cluster) -> list[Document]:
    """The Jobs of a cluster, and the programs that they run."""
    made = tasks(cluster)
    jobs = [job(task, cluster) for task in made]
    # All that use the API wait for a login, by one of the programs.
    if any(task.login for task in made):
        return [config_map(programs.CONFIG_MAP, programs.PROGRAMS.texts, cluster), *jobs]
    return jobs


def _tasks(cluster: Cluster) -> Iterator[Task]:
    """All of them. What a default cluster does not have is not even imported."""
    jobs = cluster.values.jobs
    made = [packs_write_test.task(cluster), apply_rbac.task(cluster)]
    if cluster.values.st2.has_items:
        from constructs_st2.parts.jobs import load_datastore

        made += [load_datastore.key_load(cluster), load_datastore.apikey_load(cluster)]
    made.append(register_content.task(cluster))
    if jobs.smoke_test.enabled:
        from constructs_st2.parts.jobs import smoke_test

        made.append(smoke_test.task(cluster))
    if jobs.extra or jobs.extra_hooks:
        from constructs_st2.parts.jobs import extra

        made += extra.tasks(cluster)
    return (task for task in made if task)


def is_users(task: Task, values: Values) -> bool:
    """Whether a task is the user's own."""
    return any(task.name == name for _, name in users_jobs(values.jobs))

"""Restoring the database from a backup: a Job that somebody starts by hand."""

from __future__ import annotations

import re

from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import RESTORE as COMPONENT
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.backup import connection, pods, storage
from constructs_st2.parts.backup.pods import Step
from constructs_st2.parts.backup.problems import problems_of_restore
from constructs_st2.parts.backup.scripts import FETCH, RESTORE, RESTORE_DUMP
from constructs_st2.values.model.backup import Destination

_DUMP = re.compile(r"[A-Za-z0-9][\w.-]{0,199}")
_BACKUP = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?-(\d{8}T\d{6}Z)")


def documents(cluster: Cluster, backup: str) -> list[Document]:
    """The objects that restore a backup: the Job and its scripts. They do not need the CronJob of backups.

    Args:
        cluster: the cluster to restore.
        backup: the name of the backup, such as `st2-20260131T031700Z`. It may be one of another release.

    Raises:
        UserError: no backup has such a name.
        InvalidValues: the settings do not tell where the backup is, or who may restore it.
    """
    found = _BACKUP.fullmatch(backup)
    if not found:
        raise UserError(f'"{backup}" is no name of a backup, such as {cluster.release.name}-20260131T031700Z')
    problems = list(problems_of_restore(cluster.values))
    destination = cluster.values.backup.destination
    if problems or destination is None:
        raise InvalidValues(*problems)
    return _objects(cluster, _job(RESTORE, backup, found[2].lower(), destination, cluster))


def documents_of_dump(cluster: Cluster, dump: str) -> list[Document]:
    """The objects that restore a plain dump of mongodump, which lies beside the backups.

    Args:
        cluster: the cluster to restore.
        dump: the name of an archive, or of a folder.

    Raises:
        UserError: it is no name.
        InvalidValues: as of `documents`.
    """
    if not _DUMP.fullmatch(dump):
        raise UserError(f'"{dump}" is no name of a file or folder beside the backups')
    problems = list(problems_of_restore(cluster.values))
    destination = cluster.values.backup.destination
    if problems or destination is None:
        raise InvalidValues(*problems)
    return _objects(cluster, _job(RESTORE_DUMP, dump, fingerprint(dump)[:10], destination, cluster))


def _objects(cluster: Cluster, job: Document) -> list[Document]:
    # Where backups are made, the account is part of the cluster, and must not go with the restore.
    account = [] if cluster.values.backup.enabled else pods.service_account(cluster)
    return [*account, pods.scripts_map(cluster, COMPONENT), job]


def _job(script: str, backup: str, ending: str, destination: Destination, cluster: Cluster) -> Document:
    folder = storage.folder(destination, cluster, writable=False)
    arguments = [backup, connection.database(cluster.values)]
    main = pods.database_step(
        Step("restore", script, arguments, [folder], COMPONENT), connection.to_restore(cluster), cluster
    )
    fetching = []
    if s3 := destination.s3:
        parts = ["dump"] if script == RESTORE_DUMP else []
        mounts = [storage.folder(destination, cluster), *storage.password_mounts(s3)]
        fetch = Step("fetch", FETCH, [storage.target(s3), backup, *parts], mounts, COMPONENT)
        fetching.append(pods.storage_step(fetch, storage.environment(s3), cluster))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": pods.workload_metadata(cluster, COMPONENT, f"{COMPONENT}-{ending}"),
        "spec": {
            # What has failed half-way is for people to look at, and to start again.
            "backoffLimit": 0,
            "activeDeadlineSeconds": cluster.values.backup.active_deadline_seconds,
            "template": pods.template(COMPONENT, main, fetching, cluster),
        },
    }

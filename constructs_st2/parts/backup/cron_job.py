"""The CronJob that makes backups of the database.

Its containers run one after the other: the first dumps, the second reads all of it again, and only then
the last one makes a backup of it and removes those that are not kept. What is dumped is a folder and no archive:
mongorestore replays the oplog only of a whole dump, and a whole archive holds MongoDB's users with their passwords of
that day, which would replace those that the Secrets tell.
"""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import BACKUP
from constructs_st2.kube.builders import volume_claim
from constructs_st2.kube.documents import Document
from constructs_st2.parts.backup import connection, pods, storage
from constructs_st2.parts.backup.pods import Step
from constructs_st2.parts.backup.scripts import DUMP, KEEP, UPLOAD, VERIFY
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.scripts import MOUNT_PATH
from constructs_st2.parts.pods.volumes import Mount
from constructs_st2.values.model.backup import Destination, NewBackupClaim


def documents(cluster: Cluster) -> list[Document]:
    """The objects of backups, in the order in which they are applied. None where they are not enabled."""
    destination = cluster.values.backup.destination
    if not cluster.values.backup.enabled or destination is None:
        return []
    claim = destination.claim and destination.claim.create
    return [
        *pods.service_account(cluster),
        pods.scripts_map(cluster, BACKUP),
        *([_claim(claim, cluster)] if claim else []),
        _cron_job(destination, cluster),
    ]


def _claim(claim: NewBackupClaim, cluster: Cluster) -> Document:
    return volume_claim(
        pods.metadata(cluster, BACKUP),
        access_mode="ReadWriteOnce",
        size=claim.size,
        storage_class=claim.storage_class,
        annotations=claim.annotations,
    )


def _cron_job(destination: Destination, cluster: Cluster) -> Document:
    settings = cluster.values.backup
    metadata = pods.workload_metadata(cluster, BACKUP)
    containers = _storing(destination, cluster), _preparing(destination, cluster)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata,
        "spec": {
            "schedule": settings.schedule,
            "timeZone": settings.time_zone,
            "suspend": settings.suspend,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": settings.starting_deadline_seconds,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": metadata["labels"]},
                "spec": {
                    "backoffLimit": 2,
                    "activeDeadlineSeconds": settings.active_deadline_seconds,
                    "template": pods.template(BACKUP, *containers, cluster),
                },
            },
        },
    }


def _preparing(destination: Destination, cluster: Cluster) -> list[Container]:
    """The containers that bring a verified dump."""
    settings = cluster.values.backup
    to, mounts = connection.to_dump(cluster), [storage.folder(destination, cluster)]
    database = connection.database(cluster.values)
    # A member that serves no clients is asked, where there is one.
    what = ["--readPreference=secondaryPreferred"]
    what.append("--oplog" if connection.is_of_the_whole_server(cluster.values) else f"--db={database}")
    dumping = [settings.active_deadline_seconds, *what]
    facts = f"{MOUNT_PATH}/{pods.FACTS}"
    return [
        pods.database_step(Step("dump", DUMP, dumping, mounts), to, cluster),
        *([pods.etcd_step(cluster)] if settings.etcd else []),
        pods.database_step(Step("verify", VERIFY, [facts, database], mounts), to, cluster),
    ]


def _storing(destination: Destination, cluster: Cluster) -> Container:
    """The container that makes a backup of it."""
    settings = cluster.values.backup
    kept = [settings.retention.count, settings.retention.days]
    mounts: list[Mount] = [storage.folder(destination, cluster)]
    s3 = destination.s3
    if s3 is None:
        return pods.shell_step(Step("keep", KEEP, kept, mounts), cluster)
    arguments = [storage.target(s3), settings.active_deadline_seconds, *kept]
    step = Step("upload", UPLOAD, arguments, mounts + storage.password_mounts(s3))
    return pods.storage_step(step, storage.environment(s3), cluster)

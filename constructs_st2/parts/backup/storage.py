"""Where backups are: on a volume, or in a storage that speaks S3, which rclone talks to."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import BACKUP as COMPONENT
from constructs_st2.facts.images import Image
from constructs_st2.kube.documents import Document
from constructs_st2.parts.pods.pod import Mount, Volume, env_of_secret, env_text
from constructs_st2.values.model.backup import Destination, S3Destination

FOLDER = "/backup"
"""Where a pod finds backups, or has room for one."""

_REPOSITORY = "docker.io/rclone/rclone"
_TAG = "1.69"
_REMOTE = "storage"


def folder(destination: Destination, cluster: Cluster, *, writable: bool = True) -> Mount:
    """The volume with the backups; or else one of the pod itself, for a single backup on its way."""
    if destination.claim:
        claim = destination.claim.existing_claim or cluster.release.named(COMPONENT)
        return Mount(Volume("backup", {"persistentVolumeClaim": {"claimName": claim}}), FOLDER, writable=writable)
    room = {"emptyDir": {"sizeLimit": cluster.values.backup.scratch_size}}
    return Mount(Volume("backup", room), FOLDER, writable=writable)


def image(cluster: Cluster) -> Image:
    """The image of rclone."""
    override = cluster.values.backup.storage_image
    return cluster.images.other(f"{override.repository or _REPOSITORY}:{override.tag or _TAG}", override)


def target(s3: S3Destination) -> str:
    """The folder of backups, as rclone names it."""
    return "/".join([f"{_REMOTE}:{s3.bucket}", *(part for part in s3.prefix.split("/") if part)])


def environment(s3: S3Destination) -> list[Document]:
    """What rclone is told: its settings can all be variables (https://rclone.org/docs/#environment-variables)."""
    settings = {
        "TYPE": "s3",
        "PROVIDER": s3.provider or ("Other" if s3.endpoint else "AWS"),
        "ENDPOINT": s3.endpoint,
        "REGION": s3.region,
        # By default it would make the bucket, which the credentials need not allow.
        "NO_CHECK_BUCKET": "true",
    }
    prefix = f"RCLONE_CONFIG_{_REMOTE.upper()}"
    secret = s3.credentials.existing_secret
    return [
        # It would tell each time that it found no file of settings.
        env_text("RCLONE_CONFIG", "/dev/null"),
        env_text("RCLONE_CACHE_DIR", "/tmp"),
        env_text("HOME", "/tmp"),
        *(env_text(f"{prefix}_{name}", value) for name, value in settings.items() if value),
        env_of_secret(f"{prefix}_ACCESS_KEY_ID", secret, s3.credentials.access_key_key),
        env_of_secret(f"{prefix}_SECRET_ACCESS_KEY", secret, s3.credentials.secret_key_key),
    ]

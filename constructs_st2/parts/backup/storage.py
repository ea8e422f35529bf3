"""Where backups are: on a volume, or in a storage that speaks S3, which rclone talks to."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import BACKUP as COMPONENT
from constructs_st2.facts.images import Image
from constructs_st2.facts.pod_paths import OWN
from constructs_st2.kube.documents import Document
from constructs_st2.parts.pods.variables import env_of_secret, env_text
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model.backup import Destination, S3Credentials, S3Destination

FOLDER = "/backup"
"""Where a pod finds backups, or has room for one."""

_REPOSITORY = "docker.io/rclone/rclone"
_TAG = "1.69"
_REMOTE = "storage"
_PASSWORD_PATH = f"{OWN}/encryption"


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


def password_mounts(s3: S3Destination) -> list[Mount]:
    """The file with the password that backups are encrypted with, if they are."""
    if s3.encryption is None:
        return []
    secret = Volume.secret("encryption", s3.encryption.existing_secret, {s3.encryption.password_key: "password"})
    return [Mount(secret, _PASSWORD_PATH)]


def environment(s3: S3Destination) -> list[Document]:
    """What rclone is told: its settings can all be variables (https://rclone.org/docs/#environment-variables)."""
    settings = {
        "TYPE": "s3",
        "PROVIDER": s3.provider or ("Other" if s3.endpoint else "AWS"),
        "ENDPOINT": s3.endpoint,
        "REGION": s3.region,
        # By default it would make the bucket, which the credentials need not allow.
        "NO_CHECK_BUCKET": "true",
        "ENV_AUTH": None if s3.credentials else "true",
        "SERVER_SIDE_ENCRYPTION": s3.server_side_encryption,
        "SSE_KMS_KEY_ID": s3.kms_key_id,
    }
    prefix = f"RCLONE_CONFIG_{_REMOTE.upper()}"
    return [
        # It would tell each time that it found no file of settings.
        env_text("RCLONE_CONFIG", "/dev/null"),
        env_text("RCLONE_CACHE_DIR", "/tmp"),
        env_text("HOME", "/tmp"),
        *(env_text(f"{prefix}_{name}", value) for name, value in settings.items() if value),
        *(_credentials(prefix, s3.credentials) if s3.credentials else ()),
        # What remains to be told is the password, from a file: scripts/common.sh.
        *([env_text("ENCRYPTION_PASSWORD_FILE", f"{_PASSWORD_PATH}/password")] if s3.encryption else ()),
    ]


def _credentials(prefix: str, credentials: S3Credentials) -> list[Document]:
    secret = credentials.existing_secret
    return [
        env_of_secret(f"{prefix}_ACCESS_KEY_ID", secret, credentials.access_key_key),
        env_of_secret(f"{prefix}_SECRET_ACCESS_KEY", secret, credentials.secret_key_key),
    ]

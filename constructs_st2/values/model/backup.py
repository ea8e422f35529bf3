"""Settings of backups of the database."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from typing_extensions import Self

from constructs_st2.kube import cron
from constructs_st2.values.hosts import problem_of_hosts
from constructs_st2.values.model.backends import Name, ServerImage
from constructs_st2.values.model.base import (
    Annotations,
    Labels,
    Quantity,
    Seconds,
    StrictModel,
    TextLine,
    key,
    section,
)
from constructs_st2.values.model.kubernetes import ResourceRequirements
from constructs_st2.values.model.names import ClaimName, SecretName, ServiceAccountName, StorageClassName
from constructs_st2.values.model.pods import PodTemplate
from constructs_st2.values.model.secrets import KeyName, SecretKey


def _schedule(value: object) -> object:
    """Refuse what the API server would refuse."""
    if isinstance(value, str) and (fault := cron.fault(value)):
        raise ValueError(fault)
    return value


Schedule: TypeAlias = Annotated[str, BeforeValidator(_schedule)]
TimeZone: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$")]
BucketName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$")]
Prefix: TypeAlias = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9._-]+/?)*$")]


def _with_a_host(url: str) -> str:
    if problem := problem_of_hosts(url):
        raise ValueError(problem)
    return url


EndpointUrl: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/?$"), AfterValidator(_with_a_host)
]


class NewBackupClaim(StrictModel):
    """A volume claim that is made for backups."""

    size: Quantity = key("Size of the volume. It must hold all backups that are kept, and one more.", "20Gi")
    storage_class: StorageClassName | None = key(
        'Storage class; "" for volumes that were made by hand. Default: the cluster\'s.'
    )
    annotations: Annotations = key("Annotations of the claim.", {})


class ClaimDestination(StrictModel):
    """Backups on a volume; one of the two keys."""

    NEEDS_SOMETHING = True

    create: NewBackupClaim | None = key("Make a claim: `{}`, or its size, storage class and annotations.")
    existing_claim: ClaimName | None = key("Your own claim, on whose root the backups are.")

    @model_validator(mode="after")
    def _one_claim(self) -> Self:
        if (self.create is None) == (self.existing_claim is None):
            raise ValueError("must have either create or existingClaim")
        return self


class S3Credentials(StrictModel):
    """The Secret with the credentials of the storage."""

    existing_secret: SecretName = key("Name of the Secret.", ...)
    access_key_key: KeyName = key("Key in the Secret with the ID of the access key.", "access-key")
    secret_key_key: KeyName = key("Key in the Secret with the secret access key.", "secret-key")


class ClientEncryption(StrictModel):
    """Encryption by rclone (https://rclone.org/crypt/). Whoever loses the password has no backups."""

    existing_secret: SecretName = key("Secret with the password.", ...)
    password_key: KeyName = key("Key in the Secret with the password.", "password")


class BackupServiceAccount(StrictModel):
    """The service account of the pods of backups and restores. Its token is not mounted; clouds bring their own."""

    create: bool | None = key("Write the ServiceAccount. Default: with a storage that has no `credentials`.")
    name: ServiceAccountName | None = key("Name. Default: <release>-backup.")
    annotations: Annotations = key(
        "Annotations, by which a cloud knows it: `eks.amazonaws.com/role-arn`, `iam.gke.io/gcp-service-account`, "
        "`azure.workload.identity/client-id`.",
        {},
    )
    labels: Labels = key("Further labels. Those of the pods are `backup.labels`.", {})


class S3Destination(StrictModel):
    """Backups in a storage that speaks S3."""

    bucket: BucketName = key("Name of the bucket, which must exist.", ...)
    prefix: Prefix = key("Folder in the bucket. Backups of several clusters belong in different folders.", "")
    endpoint: EndpointUrl | None = key("URL of the storage. Default: Amazon's.")
    region: Name | None = key("Region of the bucket.")
    provider: Name | None = key(
        "Whose storage it is, in rclone's words (`Minio`, `Ceph`, …). Default: `AWS`, or `Other` with an endpoint."
    )
    credentials: S3Credentials | None = key(
        "The Secret with the credentials. Without, the pods' own identity counts: `backup.serviceAccount`, or what the "
        "environment of the node gives."
    )
    server_side_encryption: Literal["AES256", "aws:kms"] | None = key(
        "Have the storage encrypt what it keeps, with a key of its own or of Amazon's KMS."
    )
    kms_key_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:/_-]+$")] | None = key(
        "ARN of the key, with `aws:kms`."
    )
    encryption: ClientEncryption | None = key("Encrypt backups before they leave the cluster.")

    @model_validator(mode="after")
    def _key_has_a_use(self) -> Self:
        if self.kms_key_id is not None and self.server_side_encryption != "aws:kms":
            raise ValueError("must have serverSideEncryption: aws:kms for kmsKeyId to have an effect")
        return self


class Destination(StrictModel):
    """Where backups go; one of the two keys."""

    NEEDS_SOMETHING = True

    claim: ClaimDestination | None = key("A volume.")
    s3: S3Destination | None = key("A storage that speaks S3.")

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        if (self.claim is None) == (self.s3 is None):
            raise ValueError("must have either claim or s3")
        return self


class Retention(StrictModel):
    """Which backups are kept: those that either rule keeps."""

    count: Annotated[int, Field(ge=1, le=10_000)] = key("This many of the newest are kept, however old they are.", 7)
    days: Annotated[int, Field(ge=0, le=36_500)] = key("All backups of this many days are kept.", 14)


class ExternalUser(StrictModel):
    """A user of a MongoDB that runs elsewhere."""

    username: TextLine = key("Name of the user.", ...)
    password: SecretKey = key("Where the password is.", ...)
    auth_source: Name | None = key("Database that the user belongs to. Default: as the connection string says.")


class ExternalBackup(ExternalUser):
    """How a MongoDB that runs elsewhere is backed up."""

    whole_server: bool = key(
        "Back up the whole server together with its oplog, so that all is of one moment. It must be a replica set, "
        "and the user needs the role `backup`. Without, only StackStorm's database is backed up, one collection after "
        "the other, and the role `read` on it is enough.",
        False,
    )
    restore: ExternalUser | None = key(
        "The user that may restore: with the role `restore`, or without `wholeServer` with `readWrite` and `dbAdmin` "
        "on the database."
    )


class Backup(PodTemplate):
    """Backups of the database, and their restore."""

    enabled: bool = key("Make backups.", False)
    schedule: Schedule = key("When, as in crontab.", "17 3 * * *")
    time_zone: TimeZone = key("Time zone of the schedule.", "Etc/UTC")
    suspend: bool = key("Make none for the time being.", False)
    starting_deadline_seconds: Annotated[Seconds, Field(ge=10)] = key(
        "How late a backup may start that was missed, e.g. because the cluster was down.", 3600
    )
    active_deadline_seconds: Annotated[Seconds, Field(ge=60)] = key(
        "How long a backup or a restore may take, with all attempts.", 21600
    )
    destination: Destination | None = key("Where backups go. Required with `enabled`.")
    retention: Retention = section("Which backups are kept: those that either rule keeps.")
    external: ExternalBackup | None = key("The user of backups, where MongoDB runs elsewhere (`mongodb.external`).")
    etcd: bool = key(
        "Put a snapshot of the etcd in the cluster (`coordination.backend: etcd`) beside it. It holds locks and "
        "members, which mean nothing later.",
        False,
    )
    image: ServerImage = section("Image with MongoDB's database tools. Default: the image of MongoDB.")
    service_account: BackupServiceAccount = section("The service account of the pods of backups and restores.")
    storage_image: ServerImage = section("Image of rclone, for a storage that speaks S3.")
    scratch_size: Quantity = key("How much disk of the node a backup may take before it is uploaded.", "20Gi")
    resources: ResourceRequirements = key(
        "Requests and limits of each container. The default comes from the profile; `scratchSize` comes on top of the "
        "limit of `ephemeral-storage` where it is used.",
        {},
    )

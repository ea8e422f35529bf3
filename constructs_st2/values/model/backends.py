"""Settings of what StackStorm stands on: the database, the message bus and the coordination backend."""

import re
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator
from typing_extensions import Self

from constructs_st2.kube.well_known import AUTHORITIES
from constructs_st2.values.hosts import problem_of_hosts
from constructs_st2.values.model.base import (
    DATABASE_NAME,
    MAJOR_MINOR,
    PLAIN_NAME,
    Annotations,
    ImageDigest,
    ImageReference,
    ImageRepository,
    ImageTag,
    Labels,
    Quantity,
    ScalarText,
    StrictModel,
    TextLine,
    key,
    same,
    section,
)
from constructs_st2.values.model.images import PullPolicy
from constructs_st2.values.model.kubernetes import ResourceRequirements
from constructs_st2.values.model.names import ConfigMapName, SecretName, StorageClassName
from constructs_st2.values.model.pods import Pods
from constructs_st2.values.model.secrets import SecretValue


def _odd(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0 and value % 2 == 0:
        raise ValueError(
            f"must be odd (1, 3, 5 or 7), not {value}: {value} members survive no more failures than {value - 1}, "
            "and can split into two halves"
        )
    return value


Voters: TypeAlias = Annotated[
    int, BeforeValidator(_odd), Field(ge=1, le=7), WithJsonSchema({"type": "integer", "enum": [1, 3, 5, 7]})
]
"""A number of members of which a majority decides."""

Name: TypeAlias = Annotated[str, StringConstraints(pattern=PLAIN_NAME)]
DatabaseName: TypeAlias = Annotated[str, StringConstraints(pattern=DATABASE_NAME)]
Option: TypeAlias = ScalarText | list[ScalarText]
Options: TypeAlias = dict[str, Option]


_BITNAMI = re.compile(r"(?:^|/)bitnami[a-z]*/")


def _not_of_bitnami(repository: str) -> str:
    if _BITNAMI.search(repository):
        raise ValueError(
            "must not be an image of Bitnami: its programs and data are elsewhere than in the official images, "
            "for which the scripts and settings of the members are made; leave it out, or name a mirror of those"
        )
    return repository


ServerRepository: TypeAlias = Annotated[ImageRepository, AfterValidator(_not_of_bitnami)]


class ServerImage(StrictModel):
    """Where the image of a server comes from."""

    repository: ServerRepository | None = key("Repository, with the registry. Default: the official image.")
    tag: ImageTag | None = key("Tag. The default follows from the version of st2.")
    digest: ImageDigest | None = key("Digest; wins over the tag.")
    pull_policy: PullPolicy | None = key("When the kubelet pulls the image.")
    pull_secret: SecretName | None = key("Name of a further Secret with registry credentials.")


class RetentionPolicy(StrictModel):
    """What becomes of the volume claims of members that are gone."""

    when_deleted: Literal["Retain", "Delete"] = key("When the StatefulSet is deleted.", "Retain")
    when_scaled: Literal["Retain", "Delete"] = key("When there are fewer members.", "Retain")


class Persistence(StrictModel):
    """The volume of each member."""

    enabled: bool = key("Keep data in volume claims. Without, a member that is replaced starts empty.", True)
    size: Quantity = key("Size of the volume.", "8Gi")
    storage_class: StorageClassName | None = key(
        'Storage class; "" for volumes that were made by hand. Default: the cluster\'s.'
    )
    access_modes: list[Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]] = key(
        "Access modes of the claim.", ["ReadWriteOnce"]
    )
    annotations: Annotations = key("Annotations of the claims.", {})
    labels: Labels = key("Further labels of the claims.", {})
    retention: RetentionPolicy = section("What becomes of the claims of members that are gone.")
    accept_data_of: Annotated[str, StringConstraints(pattern=MAJOR_MINOR)] | None = key(
        "Start members on data that this version of the server has written, though it is known not to work: the init "
        "container `guard-data` then lets it pass. With it a step of versions is not refused, on your responsibility."
    )


class Exporter(StrictModel):
    """A container beside each member that tells Prometheus about it."""

    enabled: bool | None = key("Run the exporter. Default: `monitoring.enabled`.")
    image: ImageReference = key("Image of the exporter.", ...)
    resources: ResourceRequirements = key("Requests and limits. The default comes from the profile.", {})


class Members(Pods):
    """Settings that every backend has."""

    reference_section: ClassVar[str] = "Settings of every backend"

    replicas: Voters = same(
        "replicaCount",
        "Number of members: 1, 3, 5 or 7. The default comes from the profile.",
        1,
    )
    image: ServerImage = section("Where the image comes from.")
    version: Annotated[str, StringConstraints(pattern=MAJOR_MINOR)] | None = key(
        "Version of the server (major and minor). Needed only where the tag of the image does not begin with it."
    )
    persistence: Persistence = section("The volume of each member.")
    pod_anti_affinity_preset: Literal["soft", "hard"] = key(
        "`soft`: members go to different hosts where that is possible; `hard`: a member without a host of its own "
        "does not start. `affinity` takes its place.",
        "soft",
    )


class Authorities(StrictModel):
    """Certificates of the authorities that a server's certificate is checked with; from one of two objects."""

    NEEDS_SOMETHING = True

    config_map: ConfigMapName | None = key("ConfigMap that holds them.")
    existing_secret: SecretName | None = key("Secret that holds them.")
    key: Name = key("Key in the object.", AUTHORITIES)

    @model_validator(mode="after")
    def _one_object(self) -> Self:
        if bool(self.config_map) == bool(self.existing_secret):
            raise ValueError("must have either configMap or existingSecret")
        return self


class ServerTls(StrictModel):
    """TLS to a server outside."""

    enabled: bool = key("Connect by TLS, and check the server's certificate.", False)
    ca: Authorities | None = key("Authorities to check with. Default: those that the st2 images know.")


REDIS_SCHEME = "st2redis"
"""What the URL of a coordinator begins with for Redis, by the driver that comes with this package."""
ETCD_SCHEMES = ("st2etcd+http", "st2etcd+https")
"""The same for etcd."""

_CREDENTIALS = re.compile(r"//[^/?#]*@")


def _without_credentials(uri: str) -> str:
    if _CREDENTIALS.search(uri):
        raise ValueError(
            "must not hold a user or password: give username beside it, and the password in a Secret (password)"
        )
    return uri


def _of_scheme(*schemes: str) -> AfterValidator:
    def check(uri: str) -> str:
        scheme = uri.partition("://")[0]
        if scheme not in schemes:
            raise ValueError(f"must begin with {', '.join(f'{known}://' for known in schemes)}")
        return uri

    return AfterValidator(check)


def _of_hosts(*one: str, portless: str = "") -> AfterValidator:
    """URLs whose hosts can be reached. Of schemes in ``one`` there is but one host; SRV records tell ports."""

    def check(uri: str) -> str:
        scheme = uri.partition("://")[0]
        is_one = scheme in (*one, portless)
        if problem := problem_of_hosts(uri, several=not is_one, ports=scheme != portless):
            raise ValueError(problem)
        return uri

    return AfterValidator(check)


_Uri: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+$"), AfterValidator(_without_credentials)]
MongodbUri: TypeAlias = Annotated[_Uri, _of_scheme("mongodb", "mongodb+srv"), _of_hosts(portless="mongodb+srv")]
AmqpUri: TypeAlias = Annotated[_Uri, _of_scheme("amqp", "amqps"), _of_hosts("amqp", "amqps")]
CoordinationUri: TypeAlias = Annotated[
    _Uri,
    _of_scheme(REDIS_SCHEME, "redis", *ETCD_SCHEMES, "zookeeper", "kazoo"),
    _of_hosts(REDIS_SCHEME, "redis"),
]


class ExternalMongodb(StrictModel):
    """A MongoDB that runs elsewhere."""

    uri: MongodbUri = key("Connection string, without user and password.", ...)
    database: DatabaseName = key("Name of the database.", "st2")
    username: TextLine | None = key("Name of the user.")
    password: SecretValue | None = key("Password of the user.")
    tls: ServerTls = section("TLS to the server; always on with mongodb+srv.")


class ExternalRabbitmq(StrictModel):
    """A RabbitMQ that runs elsewhere."""

    urls: Annotated[list[AmqpUri], Field(min_length=1)] = key(
        "URL of each node (or of the load balancer), with the virtual host, without user and password.", ...
    )
    username: TextLine | None = key("Name of the user.")
    password: SecretValue | None = key("Password of the user.")
    tls: ServerTls = section("TLS to the server; always on with amqps.")


class ExternalCoordination(StrictModel):
    """A coordination backend that runs elsewhere."""

    url: CoordinationUri = key(
        "URL as tooz has it, without user and password: `st2redis://cache.example.org:6379?ssl=true`.", ...
    )
    username: TextLine | None = key("Name of the user, for Redis with access lists (st2 3.9 and later).")
    password: SecretValue | None = key("Password.")
    ca: Authorities | None = key(
        "Authorities to check the server's certificate with, for Redis with `ssl=true` and for `st2etcd+https`."
    )


class MongodbAuth(StrictModel):
    """Users of MongoDB. Their passwords are in a Secret."""

    root_user: Name = key("Name of the administrator.", "root")
    username: Name = key("Name of StackStorm's user.", "st2")
    database: DatabaseName = key("StackStorm's database.", "st2")
    root_password: SecretValue | None = key("Password of the administrator.")
    password: SecretValue | None = key("Password of StackStorm's user.")
    replica_set_key: SecretValue | None = key("Key that members show to each other.")
    existing_secret: SecretName | None = key("Your own Secret with the keys of <release>-mongodb.")


class MongodbExporter(Exporter):
    """Metrics of MongoDB for Prometheus."""

    image: ImageReference = key("Image of the exporter.", "docker.io/percona/mongodb_exporter:0.44.0")


class Mongodb(Members):
    """Settings of MongoDB: those of every backend, and these."""

    enabled: bool = key(
        "Run MongoDB in the cluster. Without it, give the connection in `external`, or in `st2.existingConfigSecret`.",
        True,
    )
    external: ExternalMongodb | None = key("A MongoDB that runs elsewhere.")
    feature_compatibility_version: Annotated[str, StringConstraints(pattern=MAJOR_MINOR)] | None = key(
        "The version whose formats MongoDB writes; the last step of an upgrade, after which there is no way back. It "
        "is set once all members run that version, and never lowered. Default: left as it is."
    )
    replica_set_name: Name = key("Name of the replica set. It cannot be changed later.", "rs0")
    auth: MongodbAuth = section("Users. Their passwords are in a Secret.")
    socket_timeout_milliseconds: Annotated[int, Field(ge=0, le=86_400_000)] = key(
        "How long StackStorm waits for the answer to one command before it takes the connection for dead; 0: for ever. "
        "Of an external MongoDB, too, unless its URI has socketTimeoutMS.",
        90_000,
    )
    configuration: dict[str, Any] = key("Laid over mongod.conf, section by section.", {})
    metrics: MongodbExporter = section("Metrics for Prometheus.")


class RabbitmqAuth(StrictModel):
    """The user of RabbitMQ. Its password is in a Secret."""

    username: Name = key("Name of StackStorm's user.", "st2")
    password: SecretValue | None = key("Password of StackStorm's user.")
    erlang_cookie: SecretValue | None = key("Cookie that nodes show to each other.")
    existing_secret: SecretName | None = key("Your own Secret with the keys of <release>-rabbitmq.")


class RabbitmqMetrics(StrictModel):
    """Metrics of RabbitMQ for Prometheus."""

    enabled: bool | None = key("Serve metrics on port 15692. Default: `monitoring.enabled`.")


class Rabbitmq(Members):
    """Settings of RabbitMQ: those of every backend, and these."""

    enabled: bool = key(
        "Run RabbitMQ in the cluster. Without it, give the connection in `external`, or in `st2.existingConfigSecret`.",
        True,
    )
    external: ExternalRabbitmq | None = key("A RabbitMQ that runs elsewhere.")
    vhost: Name = key("StackStorm's virtual host.", "st2")
    auth: RabbitmqAuth = section("The user. Its password is in a Secret.")
    configuration: Options = key("Laid over rabbitmq.conf, option by option.", {})
    plugins: list[Name] = key("Further plugins to enable.", [])
    metrics: RabbitmqMetrics = section("Metrics for Prometheus.")


class RedisAuth(StrictModel):
    """Passwords of Redis. They are in a Secret."""

    password: SecretValue | None = key("Password of the data nodes.")
    existing_secret: SecretName | None = key("Your own Secret with the keys of <release>-redis.")


class RedisExporter(Exporter):
    """Metrics of Redis for Prometheus."""

    image: ImageReference = key("Image of the exporter.", "docker.io/oliver006/redis_exporter:v1.83.0")


class Sentinel(StrictModel):
    """The sentinels, one beside each Redis."""

    down_after_milliseconds: Annotated[int, Field(ge=1000, le=600_000)] = key(
        "Silence of the master after which it counts as gone.", 5000
    )


class Redis(Members):
    """Settings of Redis and its sentinels: those of every backend, and these."""

    enabled: bool | None = key("The Helm chart's switch: `false` is `coordination.backend: external`.")
    auth: RedisAuth = section("Passwords. They are in a Secret.")
    configuration: Options = key("Laid over redis.conf, option by option.", {})
    sentinel: Sentinel = section("The sentinels, one beside each Redis.")
    metrics: RedisExporter = section("Metrics for Prometheus.")


class Etcd(Members):
    """Settings of etcd: those of every backend, and these."""

    replicas: Voters = same("replicas", "Number of members: 1, 3, 5 or 7. The default comes from the profile.", 1)
    configuration: Options = key("Further options of etcd, named as its flags without the leading dashes.", {})


class Coordination(StrictModel):
    """The coordination backend: locks and the service registry."""

    backend: Literal["redis", "etcd", "external", "none"] | None = key(
        "`redis` (the default) and `etcd` run in the cluster; `external` is given in `external` below or in "
        "`st2.existingConfigSecret`; with `none` no service that shares work may have more than one replica."
    )
    external: ExternalCoordination | None = key("A coordination backend that runs elsewhere.")

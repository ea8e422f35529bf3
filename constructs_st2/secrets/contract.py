"""The contract: every Secret of a release, its keys, and what they are for.

Pods mount what is listed here, the generator makes it, the checks verify it, and the documentation prints it.
Names and keys are those of the Helm chart where it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from constructs_st2.release import Release
from constructs_st2.values.model import Values

AUTH_USERNAME = "ST2_AUTH_USERNAME"
AUTH_PASSWORD = "ST2_AUTH_PASSWORD"
HTPASSWD = "htpasswd"
SECRETS_CONF = "st2.secrets.conf"
CRYPTO_KEY = "datastore_crypto_key"
SSH_PRIVATE_KEY = "private_key"
SSH_PUBLIC_KEY = "public_key"
CLIENT_CONFIG = "config"
TLS_CERTIFICATE = "tls.crt"
TLS_KEY = "tls.key"
PULL_CREDENTIALS = ".dockerconfigjson"
MONGODB_ROOT_PASSWORD = "mongodb-root-password"
MONGODB_PASSWORD = "mongodb-password"
MONGODB_BACKUP_PASSWORD = "mongodb-backup-password"
MONGODB_METRICS_PASSWORD = "mongodb-metrics-password"
MONGODB_KEY = "mongodb-replica-set-key"
RABBITMQ_PASSWORD = "rabbitmq-password"
ERLANG_COOKIE = "rabbitmq-erlang-cookie"
DEFINITIONS = "definitions.json"
REDIS_PASSWORD = "redis-password"
SENTINEL_PASSWORD = "redis-sentinel-password"


@dataclass(frozen=True)
class SecretSpec:
    """One Secret of the contract.

    ``keys`` maps each key to its meaning; with ``open_ended`` there may be others. A ``data_bearing`` Secret opens
    stored data: made anew, that data is lost. ``replaced_by`` finds the name of the user's own Secret in the values.
    """

    component: str
    purpose: str
    keys: Mapping[str, str]
    data_bearing: bool = False
    open_ended: bool = False
    type: str = "Opaque"
    in_use: Callable[[Values], bool] = lambda _: True
    replaced_by: Callable[[Values], str | None] = lambda _: None

    def name(self, release: Release, values: Values) -> str:
        """The name of the Secret that holds the keys."""
        return self.replaced_by(values) or release.named(self.component)


AUTH = SecretSpec(
    "st2-auth",
    "The first user of StackStorm",
    {
        AUTH_USERNAME: "name of the user",
        AUTH_PASSWORD: "password of the user",
        HTPASSWD: "users and password hashes, as st2auth reads them",
    },
    replaced_by=lambda values: values.st2.existing_auth_secret,
)
SETTINGS = SecretSpec(
    "st2-secrets-conf",
    "Settings of st2.conf that are secret: connections to the backends",
    {SECRETS_CONF: "INI text with the sections [database], [messaging] and [coordination]"},
)
DATASTORE = SecretSpec(
    "st2-datastore-crypto-key",
    "Encrypts secret items of the key-value store",
    {CRYPTO_KEY: "AES and HMAC key in st2's JSON format"},
    data_bearing=True,
    in_use=lambda values: values.st2.datastore_crypto_key != "disable",
    replaced_by=lambda values: values.st2.existing_datastore_secret,
)
SSH = SecretSpec(
    "st2-ssh",
    "SSH key pair of the system user",
    {SSH_PRIVATE_KEY: "private key, PEM or OpenSSH format", SSH_PUBLIC_KEY: "public key, for authorized_keys"},
    replaced_by=lambda values: values.st2.existing_ssh_secret,
)
CLIENT = SecretSpec(
    "st2-client-config",
    "Configuration of the st2 command line",
    {CLIENT_CONFIG: "INI text with the section [credentials]"},
)
WEB_TLS = SecretSpec(
    "st2web-tls",
    "Certificate of the web UI",
    {TLS_CERTIFICATE: "certificate chain, PEM", TLS_KEY: "private key, PEM"},
    type="kubernetes.io/tls",
    in_use=lambda values: values.st2web.tls.enabled,
    replaced_by=lambda values: values.st2web.tls.existing_secret,
)
MONGODB = SecretSpec(
    "mongodb",
    "Users and member key of the MongoDB replica set",
    {
        MONGODB_ROOT_PASSWORD: "password of the administrator",
        MONGODB_PASSWORD: "password of StackStorm's user",
        MONGODB_BACKUP_PASSWORD: "password of the backup user",
        MONGODB_METRICS_PASSWORD: "password of the metrics user",
        MONGODB_KEY: "key that members show to each other",
    },
    data_bearing=True,
    in_use=lambda values: values.mongodb.enabled,
    replaced_by=lambda values: values.mongodb.auth.existing_secret,
)
RABBITMQ = SecretSpec(
    "rabbitmq",
    "User, node cookie and definitions of the RabbitMQ cluster",
    {
        RABBITMQ_PASSWORD: "password of StackStorm's user",
        ERLANG_COOKIE: "cookie that nodes show to each other",
        DEFINITIONS: "vhost, users with hashed passwords, permissions and policies",
    },
    data_bearing=True,
    in_use=lambda values: values.rabbitmq.enabled,
    replaced_by=lambda values: values.rabbitmq.auth.existing_secret,
)
REDIS = SecretSpec(
    "redis",
    "Passwords of Redis and its sentinels",
    {REDIS_PASSWORD: "password of the data nodes", SENTINEL_PASSWORD: "password of the sentinels"},
    in_use=lambda values: values.coordination_backend == "redis",
    replaced_by=lambda values: values.redis.auth.existing_secret,
)
API_KEYS = SecretSpec(
    "st2-apikeys", "API keys to import", {"apikeys.yaml": "list of API keys with their hashes"}, in_use=lambda _: False
)
KEY_VALUES = SecretSpec(
    "st2-kv", "Secret key-value items to import", {"kv.yaml": "list of items"}, in_use=lambda _: False
)
CHATOPS = SecretSpec(
    "st2chatops",
    "Environment of the chat bot: tokens and API key",
    {},
    open_ended=True,
    in_use=lambda values: values.st2chatops.enabled,
    replaced_by=lambda values: values.st2chatops.existing_secret,
)
LICENSE = SecretSpec(
    "st2-license",
    "Credentials of the enterprise image registry",
    {PULL_CREDENTIALS: "credentials of docker.stackstorm.com"},
    type="kubernetes.io/dockerconfigjson",
    in_use=lambda values: values.enterprise.enabled,
    replaced_by=lambda values: values.enterprise.existing_pull_secret,
)

CONTRACT: tuple[SecretSpec, ...] = (
    AUTH,
    SETTINGS,
    DATASTORE,
    SSH,
    CLIENT,
    WEB_TLS,
    MONGODB,
    RABBITMQ,
    REDIS,
    API_KEYS,
    KEY_VALUES,
    CHATOPS,
    LICENSE,
)


def required(values: Values) -> Iterator[SecretSpec]:
    """The Secrets that a cluster with these values needs."""
    return (secret for secret in CONTRACT if secret.in_use(values))


def keys_by_name(release: Release, values: Values) -> Mapping[str, frozenset[str] | None]:
    """Name of every required Secret to its keys; None where the keys are the user's to choose."""
    return MappingProxyType(
        {
            secret.name(release, values): None if secret.open_ended else frozenset(secret.keys)
            for secret in required(values)
        }
    )

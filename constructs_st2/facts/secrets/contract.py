"""The contract: every Secret of a release, its keys, and what they are for.

Pods mount what is listed here, the generator makes it, the checks verify it, and the documentation prints it.
Names and keys are those of the Helm chart where it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from constructs_st2.facts import chat_adapters
from constructs_st2.facts.catalogue import ST2WEB
from constructs_st2.facts.images import ENTERPRISE_REGISTRY
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets import recipes
from constructs_st2.facts.secrets.composition import SecretPart
from constructs_st2.facts.secrets.formats import Format
from constructs_st2.facts.secrets.given import DISABLED
from constructs_st2.facts.secrets.programs.encodings import docker_config
from constructs_st2.facts.secrets.recipes import by_hand, composed, or_given, password, reference
from constructs_st2.facts.secrets.spec import ClusterFacts, KeySpec, Recipe, SecretSpec
from constructs_st2.kube import well_known
from constructs_st2.values.model import Values
from constructs_st2.values.model.secrets import SecretKey

AUTH_USERNAME = "ST2_AUTH_USERNAME"
AUTH_PASSWORD = "ST2_AUTH_PASSWORD"
HTPASSWD = "htpasswd"
SECRETS_CONF = "st2.secrets.conf"
CRYPTO_KEY = "datastore_crypto_key"
SSH_PRIVATE_KEY = "private_key"
SSH_PUBLIC_KEY = "public_key"
CLIENT_CONFIG = "config"
TLS_CERTIFICATE = well_known.TLS_CERTIFICATE
TLS_KEY = well_known.TLS_KEY
TLS_AUTHORITY = well_known.AUTHORITIES
PULL_CREDENTIALS = well_known.REGISTRY_CREDENTIALS
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
REDIS_METRICS_PASSWORD = "redis-metrics-password"
EXPORTER_PASSWORDS = "exporter-passwords.json"
API_KEYS_FILE = "apikeys.yaml"
KEY_VALUES_FILE = "kv.yaml"
MONGODB_AUTOSCALING_PASSWORD = "mongodb-autoscaling-password"
CONNECTION_STRING = "connection-string"

_MEMBER_KEY_LENGTH = 64

_BY_HAND = "put another one here; running pods read it when they restart"
_LOADED = "put another list here, and delete the Job that loads it, so that it is made anew"
_FOLLOWS = "follows from others; made anew with them"


def _htpasswd(cluster: ClusterFacts) -> Recipe:
    return {
        "make": "htpasswd",
        "username": reference(AUTH, AUTH_USERNAME, cluster),
        "password": reference(AUTH, AUTH_PASSWORD, cluster),
    }


def _ssh_public_key(cluster: ClusterFacts) -> Recipe:
    return {
        "make": "ssh-public-key",
        "of": reference(SSH, SSH_PRIVATE_KEY, cluster),
        "comment": f"{cluster.values.st2.system_user.user}@{cluster.release.name}",
    }


def _web_certificate(cluster: ClusterFacts) -> Recipe:
    names = [*cluster.public_names, *cluster.release.service_names(ST2WEB.name), "localhost", "127.0.0.1"]
    return recipes.certificate(cluster, reference(WEB_TLS, TLS_KEY, cluster), names)


def _client_config(cluster: ClusterFacts) -> Recipe:
    auth = cluster.secret(AUTH)
    return composed(
        (
            "[credentials]\nusername = ",
            SecretPart(auth, AUTH_USERNAME, "client-config"),
            "\npassword = ",
            SecretPart(auth, AUTH_PASSWORD, "client-config"),
            "\n",
        )
    )


def _license(cluster: ClusterFacts) -> Recipe:
    license_key = cluster.values.enterprise.license
    if isinstance(license_key, SecretKey):
        place = {"object": license_key.existing_secret, "key": license_key.key}
        return {"make": "docker-config", "registry": ENTERPRISE_REGISTRY, "license": place}
    if license_key is not None:
        return recipes.text(docker_config(ENTERPRISE_REGISTRY, license_key))
    return recipes.given("make it of your license: constructs-st2 secrets generate --only st2-license --license FILE")


def _scaler_url(cluster: ClusterFacts) -> Recipe:
    """A Secret of the user's own is only looked at: there may be no MongoDB of ours to connect to."""
    return by_hand(cluster) if AUTOSCALING.replaced_by(cluster.values) else composed(cluster.scaler_url)


AUTH = SecretSpec(
    "st2-auth",
    "The first user of StackStorm",
    {
        AUTH_USERNAME: KeySpec(
            "name of the user",
            Format.NAME,
            "change `st2.username` for a new release only",
            lambda cluster: recipes.text(cluster.values.st2.username),
        ),
        AUTH_PASSWORD: KeySpec(
            "password of the user",
            Format.TEXT,
            "put another one here, then run the bootstrap Job again; st2auth reads it without a restart",
            lambda cluster: password(cluster.values.st2.password),
        ),
        HTPASSWD: KeySpec(
            "users and password hashes, as st2auth reads them",
            Format.HTPASSWD,
            f"{_FOLLOWS}; lines of further users are yours",
            _htpasswd,
        ),
    },
    named_in="st2.existingAuthSecret",
)
DATASTORE = SecretSpec(
    "st2-datastore-crypto-key",
    "Encrypts secret items of the key-value store",
    {
        CRYPTO_KEY: KeySpec(
            "AES and HMAC key in st2's JSON format",
            Format.CRYPTO_KEY,
            "never: it opens what is stored",
            lambda cluster: or_given(cluster.values.st2.datastore_crypto_key, {"make": "crypto-key"}),
        )
    },
    data_in="mongodb",
    in_use=lambda values: values.st2.datastore_crypto_key != DISABLED,
    named_in="st2.existingDatastoreSecret",
)
SSH = SecretSpec(
    "st2-ssh",
    "SSH key pair of the system user",
    {
        SSH_PRIVATE_KEY: KeySpec(
            "private key, PEM or OpenSSH format",
            Format.PRIVATE_KEY,
            _BY_HAND,
            lambda cluster: or_given(cluster.values.st2.ssh_key, {"make": "private-key"}),
        ),
        SSH_PUBLIC_KEY: KeySpec(
            "public key, for authorized_keys",
            Format.SSH_PUBLIC_KEY,
            _FOLLOWS,
            _ssh_public_key,
        ),
    },
    named_in="st2.existingSshSecret",
)
WEB_TLS = SecretSpec(
    "st2web-tls",
    "Certificate of the web UI",
    {
        TLS_KEY: KeySpec(
            "private key, PEM",
            Format.PRIVATE_KEY,
            "put another one here; nginx takes it within minutes",
            recipes.private_key,
        ),
        TLS_CERTIFICATE: KeySpec(
            "certificate chain, PEM",
            Format.CERTIFICATE,
            "as tls.key, in the same change",
            _web_certificate,
        ),
    },
    type=well_known.TLS_SECRET,
    in_use=lambda values: values.st2web.tls.enabled,
    named_in="st2web.tls.existingSecret",
    made_by=lambda values: "cert-manager" if values.st2web.tls.cert_manager else None,
)
MONGODB = SecretSpec(
    "mongodb",
    "Users and member key of the MongoDB replica set",
    {
        MONGODB_ROOT_PASSWORD: KeySpec(
            "password of the administrator",
            Format.TEXT,
            "first in MongoDB (changeUserPassword), then here",
            lambda cluster: password(cluster.values.mongodb.auth.root_password),
        ),
        MONGODB_PASSWORD: KeySpec(
            "password of StackStorm's user",
            Format.TEXT,
            "put another one here: the primary sets it within minutes; then run the bootstrap Job again",
            lambda cluster: password(cluster.values.mongodb.auth.password),
        ),
        MONGODB_BACKUP_PASSWORD: KeySpec(
            "password of the backup user",
            Format.TEXT,
            "put another one here: the primary sets it within minutes",
            lambda _: password(),
        ),
        MONGODB_METRICS_PASSWORD: KeySpec(
            "password of the metrics user",
            Format.TEXT,
            "put another one here: the primary sets it within minutes",
            lambda _: password(),
        ),
        MONGODB_KEY: KeySpec(
            "key that members show to each other",
            Format.MEMBER_KEY,
            "put a YAML list of both keys here and restart the members, then the new one alone",
            lambda cluster: password(cluster.values.mongodb.auth.replica_set_key, _MEMBER_KEY_LENGTH),
        ),
    },
    data_in="mongodb",
    in_use=lambda values: values.mongodb.enabled,
    named_in="mongodb.auth.existingSecret",
)
MONGODB_AUTOSCALING = SecretSpec(
    "mongodb-autoscaling",
    "Password of the user by whom KEDA looks at MongoDB",
    {
        MONGODB_AUTOSCALING_PASSWORD: KeySpec(
            "password of the autoscaling user, who may read what KEDA counts",
            Format.TEXT,
            "put another one here: the primary sets it within minutes; then run the bootstrap Job again",
            lambda _: password(),
        )
    },
    in_use=lambda values: values.uses_keda and values.mongodb.enabled and values.autoscaling.existing_secret is None,
)
AUTOSCALING = SecretSpec(
    "autoscaling",
    "Connection by which KEDA looks at MongoDB",
    {
        CONNECTION_STRING: KeySpec(
            "URL of MongoDB, with user and password",
            Format.TEXT,
            _FOLLOWS,
            _scaler_url,
        )
    },
    in_use=lambda values: values.uses_keda,
    named_in="autoscaling.existingSecret",
)
RABBITMQ = SecretSpec(
    "rabbitmq",
    "User, node cookie and definitions of the RabbitMQ cluster",
    {
        RABBITMQ_PASSWORD: KeySpec(
            "password of StackStorm's user",
            Format.TEXT,
            "put another one here, run the bootstrap Job again, restart a node of RabbitMQ",
            lambda cluster: password(cluster.values.rabbitmq.auth.password),
        ),
        ERLANG_COOKIE: KeySpec(
            "cookie that nodes show to each other",
            Format.COOKIE,
            "put another one here, restart all nodes at once",
            lambda cluster: password(cluster.values.rabbitmq.auth.erlang_cookie),
        ),
        DEFINITIONS: KeySpec(
            "vhost, users with hashed passwords, permissions and policies",
            Format.DEFINITIONS,
            _FOLLOWS,
            lambda cluster: composed(cluster.rabbitmq_definitions),
        ),
    },
    data_in="rabbitmq",
    in_use=lambda values: values.rabbitmq.enabled,
    named_in="rabbitmq.auth.existingSecret",
)
REDIS = SecretSpec(
    "redis",
    "Passwords of Redis and its sentinels",
    {
        REDIS_PASSWORD: KeySpec(
            "password of the data nodes",
            Format.URL_TEXT,
            "put another one here, restart all pods of Redis at once",
            lambda cluster: password(cluster.values.redis.auth.password),
        ),
        SENTINEL_PASSWORD: KeySpec(
            "password of the sentinels",
            Format.TEXT,
            "put another one here, restart all pods of Redis at once",
            lambda _: password(),
        ),
    },
    in_use=lambda values: values.coordination_backend == "redis",
    named_in="redis.auth.existingSecret",
)
REDIS_METRICS = SecretSpec(
    "redis-metrics",
    "Password of the user by whom the exporter looks at Redis",
    {
        REDIS_METRICS_PASSWORD: KeySpec(
            "password of the metrics user, who may read numbers and no data",
            Format.TEXT,
            "put another one here, run the bootstrap Job again, restart the pods of Redis",
            lambda _: password(),
        ),
        EXPORTER_PASSWORDS: KeySpec(
            "the same, as the exporter reads it",
            Format.TEXT,
            _FOLLOWS,
            lambda cluster: composed(cluster.exporter_passwords),
        ),
    },
    in_use=lambda values: (
        values.coordination_backend == "redis" and values.monitoring.exports(values.redis.metrics.enabled)
    ),
)
SETTINGS = SecretSpec(
    "st2-secrets-conf",
    "Settings of st2.conf that are secret: connections to the backends",
    {
        SECRETS_CONF: KeySpec(
            "INI text with the sections [database], [messaging] and [coordination]",
            Format.ST2_CONF,
            f"{_FOLLOWS}; restart StackStorm's pods",
            lambda cluster: composed(cluster.secrets_conf),
        )
    },
)
CLIENT = SecretSpec(
    "st2-client-config",
    "Configuration of the st2 command line",
    {
        CLIENT_CONFIG: KeySpec(
            "INI text with the section [credentials]",
            Format.CLIENT_CONFIG,
            _FOLLOWS,
            _client_config,
        )
    },
)
API_KEYS = SecretSpec(
    "st2-apikeys",
    "API keys to import",
    {
        API_KEYS_FILE: KeySpec(
            "list of API keys with their hashes",
            Format.YAML_LIST,
            _LOADED,
            by_hand,
        )
    },
    in_use=lambda values: values.st2.existing_apikeys_secret is not None,
    named_in="st2.existingApikeysSecret",
)
KEY_VALUES = SecretSpec(
    "st2-kv",
    "Secret key-value items to import",
    {
        KEY_VALUES_FILE: KeySpec(
            "list of items",
            Format.YAML_LIST,
            _LOADED,
            by_hand,
        )
    },
    in_use=lambda values: values.st2.existing_keyvalue_secret is not None,
    named_in="st2.existingKeyvalueSecret",
)
CHATOPS = SecretSpec(
    "st2chatops",
    "Environment of the chat bot: tokens and API key",
    {},
    open_ended=True,
    in_use=lambda values: values.st2chatops.enabled and chat_adapters.reads_open_secret(values),
    named_in="st2chatops.existingSecret",
)
LICENSE = SecretSpec(
    "st2-license",
    "Credentials of the enterprise image registry",
    {
        PULL_CREDENTIALS: KeySpec(
            f"credentials of {ENTERPRISE_REGISTRY}",
            Format.DOCKER_CONFIG,
            "put another one here",
            _license,
        )
    },
    type=well_known.REGISTRY_SECRET,
    in_use=lambda values: values.enterprise.enabled,
    named_in="enterprise.existingPullSecret",
)


def _certificate(
    component: str,
    whose: str,
    rotation: str,
    in_use: Callable[[Values], bool],
) -> SecretSpec:
    """A certificate for TLS within the cluster."""
    return SecretSpec(
        component,
        f"Certificate of {whose}, with `tls.internal`",
        {
            TLS_KEY: KeySpec("private key, PEM", Format.PRIVATE_KEY, rotation, by_hand),
            TLS_CERTIFICATE: KeySpec("certificate chain, PEM", Format.CERTIFICATE, rotation, by_hand),
            TLS_AUTHORITY: KeySpec(
                "authorities that clients check it with, PEM",
                Format.CERTIFICATE,
                "put both here and restart all clients, then put the new certificate, then the new authority alone",
                by_hand,
            ),
        },
        type=well_known.TLS_SECRET,
        in_use=lambda values: values.tls.internal.enabled and in_use(values),
        named_in=f"tls.internal.existingSecrets.{component.removesuffix('-tls')}",
        made_by=lambda values: "cert-manager" if values.tls.internal.cert_manager.enabled else "you",
    )


_RESTARTED = "put another one here, then restart the members one after the other"
_RELOADED = "put another one here; new connections have it within minutes"

MONGODB_TLS = _certificate("mongodb-tls", "MongoDB", _RESTARTED, lambda values: values.mongodb.enabled)
RABBITMQ_TLS = _certificate("rabbitmq-tls", "RabbitMQ", _RELOADED, lambda values: values.rabbitmq.enabled)
REDIS_TLS = _certificate(
    "redis-tls", "Redis and its sentinels", _RESTARTED, lambda values: values.coordination_backend == "redis"
)
ETCD_TLS = _certificate("etcd-tls", "etcd", _RELOADED, lambda values: values.coordination_backend == "etcd")
ST2_TLS = _certificate(
    "st2-tls",
    "st2auth, st2api and st2stream",
    "put another one here, then restart the three services",
    lambda values: values.tls.internal.services,
)
CERTIFICATES: tuple[SecretSpec, ...] = (MONGODB_TLS, RABBITMQ_TLS, REDIS_TLS, ETCD_TLS, ST2_TLS)
"""The Secrets for TLS within the cluster."""


def certificate_of(backend: str) -> SecretSpec:
    """The Secret with the certificate of a backend's members, by the backend's component.

    Raises:
        KeyError: there is none.
    """
    return {spec.component: spec for spec in CERTIFICATES}[f"{backend}-tls"]


CONTRACT: tuple[SecretSpec, ...] = (
    AUTH,
    DATASTORE,
    SSH,
    WEB_TLS,
    MONGODB,
    MONGODB_AUTOSCALING,
    AUTOSCALING,
    RABBITMQ,
    REDIS,
    REDIS_METRICS,
    SETTINGS,
    CLIENT,
    API_KEYS,
    KEY_VALUES,
    CHATOPS,
    LICENSE,
    *CERTIFICATES,
)
"""Each Secret stands behind those that it is made of."""


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

"""How the Secrets of one cluster are made: the recipe of each key of the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from constructs_st2.facts.backends.connections import scaler_url, secrets_conf
from constructs_st2.facts.catalogue import ST2WEB
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import ComposedText, SecretPart
from constructs_st2.facts.secrets.contract import SecretSpec
from constructs_st2.facts.secrets.programs.encodings import docker_config
from constructs_st2.kube.builders import KEPT
from constructs_st2.parts.backends.rabbitmq.config import definitions
from constructs_st2.values.model.secrets import SecretKey, SecretValue

Recipe = Mapping[str, Any]

PASSWORD_LENGTH = 32
MEMBER_KEY_LENGTH = 64
ENTERPRISE_REGISTRY = "docker.stackstorm.com"
BEGIN_OF_SEEDED = "2025-01-01"
"""When the certificates begin that follow from a seed: these must be the same whenever they are made."""

ANNOTATIONS: Mapping[str, str] = {
    # Argo CD takes what carries its label for its own; these Secrets are in no manifest, and must outlive it.
    **KEPT,
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
}


@dataclass(frozen=True)
class PlannedSecret:
    """A Secret, and how its values are made.

    ``own`` is false for a Secret of the user's, of which ``named_in`` tells the place in the values. ``made_by`` is
    who makes it, if that is not for this program to do; then there are no recipes.
    """

    spec: SecretSpec
    name: str
    own: bool
    made_by: str | None
    named_in: str
    recipes: Mapping[str, Recipe]


def planned(cluster: Cluster) -> Iterator[PlannedSecret]:
    """The Secrets that are made for a cluster, or that the user makes, each behind those that it is made of."""
    return (secret for secret in expected(cluster) if secret.made_by is None)


def expected(cluster: Cluster) -> Iterator[PlannedSecret]:
    """All Secrets that a cluster needs: those that are planned, and those that others make."""
    for spec in contract.required(cluster.values):
        made_by = spec.made_by(cluster.values)
        yield PlannedSecret(
            spec=spec,
            name=cluster.secret(spec),
            own=spec.replaced_by(cluster.values) is None,
            made_by=made_by,
            named_in=spec.named_in,
            recipes={} if made_by else {key: _RECIPES[spec.component, key](cluster) for key in spec.keys},
        )


def secret_labels(secret: PlannedSecret, cluster: Cluster) -> dict[str, str]:
    """The labels of a Secret that somebody makes in the cluster.

    All labels of the release but one: Argo CD takes objects with the label app.kubernetes.io/instance for its own.
    """
    labels = cluster.release.labels(secret.spec.component, "operations")
    del labels["app.kubernetes.io/instance"]
    return labels


def claims(spec: SecretSpec, cluster: Cluster) -> list[str]:
    """The volume claims with data that a Secret opens."""
    if spec.data_in is None:
        return []
    settings = cluster.values.mongodb if spec.data_in == "mongodb" else cluster.values.rabbitmq
    # What is encrypted is moved from the chart's database to another one together with the key.
    others = _of_chart(cluster) if spec is contract.DATASTORE else []
    if not settings.enabled or not settings.persistence.enabled:
        return others
    own = [f"data-{cluster.release.named(spec.data_in)}-{ordinal}" for ordinal in range(settings.replicas)]
    return [*own, *others]


def _of_chart(cluster: Cluster) -> list[str]:
    """The claims that the Helm chart made for MongoDB: of members, in 0.x and later, and of a single server."""
    members = [f"datadir-{cluster.release.named(name)}-0" for name in ("mongodb", "mongodb-ha")]
    return [*members, cluster.release.named("mongodb")]


def _reference(spec: SecretSpec, key: str, cluster: Cluster) -> dict[str, str]:
    return {"object": cluster.secret(spec), "key": key}


def composed(text: ComposedText) -> Recipe:
    """The recipe of a text in which secrets stand."""
    parts = [
        part if isinstance(part, str) else {"object": part.secret, "key": part.key, "encoding": part.encoding}
        for part in text
    ]
    return {"make": "composed", "parts": parts}


def _or_given(given: SecretValue | None, recipe: Recipe) -> Recipe:
    """What the user gives, or else a recipe."""
    if isinstance(given, SecretKey):
        return {"make": "copy", "of": {"object": given.existing_secret, "key": given.key}}
    return recipe if given is None else {"make": "text", "text": given}


def _password(given: SecretValue | None = None, length: int = PASSWORD_LENGTH) -> Recipe:
    return _or_given(given, {"make": "password", "length": length})


def _text(text: str) -> Recipe:
    return {"make": "text", "text": text}


def _by_hand() -> Recipe:
    return {"make": "given", "hint": "is missing; add it"}


def public_names(cluster: Cluster) -> list[str]:
    """The name under which users reach the web UI, if it is known."""
    network = cluster.values.st2web.service
    return [network.hostname] if network.hostname and network.type != "ExternalName" else []


def _certificate(cluster: Cluster) -> Recipe:
    recipe = {
        "make": "certificate",
        "of": _reference(contract.WEB_TLS, contract.TLS_KEY, cluster),
        "names": [*public_names(cluster), *cluster.release.service_names(ST2WEB.name), "localhost", "127.0.0.1"],
    }
    return {**recipe, "begin": BEGIN_OF_SEEDED} if cluster.values.secrets.mode == "plain" else recipe


def _client_config(cluster: Cluster) -> Recipe:
    auth = cluster.secret(contract.AUTH)
    return composed(
        (
            "[credentials]\nusername = ",
            SecretPart(auth, contract.AUTH_USERNAME, "client-config"),
            "\npassword = ",
            SecretPart(auth, contract.AUTH_PASSWORD, "client-config"),
            "\n",
        )
    )


def _license(cluster: Cluster) -> Recipe:
    given = cluster.values.enterprise.license
    if isinstance(given, SecretKey):
        license_key = {"object": given.existing_secret, "key": given.key}
        return {"make": "docker-config", "registry": ENTERPRISE_REGISTRY, "license": license_key}
    if given is not None:
        return _text(docker_config(ENTERPRISE_REGISTRY, given))
    hint = "make it of your license: constructs-st2 secrets generate --only st2-license --license FILE"
    return {"make": "given", "hint": hint}


def _scaler_url(cluster: Cluster) -> Recipe:
    """A Secret of the user's own is only looked at: there may be no MongoDB of ours to connect to."""
    if contract.AUTOSCALING.replaced_by(cluster.values):
        return _by_hand()
    return composed(scaler_url(cluster.values, cluster.release))


def _definitions(cluster: Cluster) -> Recipe:
    password = SecretPart(cluster.secret(contract.RABBITMQ), contract.RABBITMQ_PASSWORD, "rabbitmq-hash")
    return composed(definitions(cluster.values.rabbitmq, password))


_RECIPES: Mapping[tuple[str, str], Callable[[Cluster], Recipe]] = {
    (contract.AUTH.component, contract.AUTH_USERNAME): lambda cluster: _text(cluster.values.st2.username),
    (contract.AUTH.component, contract.AUTH_PASSWORD): lambda cluster: _password(cluster.values.st2.password),
    (contract.AUTH.component, contract.HTPASSWD): lambda cluster: {
        "make": "htpasswd",
        "username": _reference(contract.AUTH, contract.AUTH_USERNAME, cluster),
        "password": _reference(contract.AUTH, contract.AUTH_PASSWORD, cluster),
    },
    (contract.DATASTORE.component, contract.CRYPTO_KEY): lambda cluster: _or_given(
        cluster.values.st2.datastore_crypto_key, {"make": "crypto-key"}
    ),
    (contract.SSH.component, contract.SSH_PRIVATE_KEY): lambda cluster: _or_given(
        cluster.values.st2.ssh_key, {"make": "private-key"}
    ),
    (contract.SSH.component, contract.SSH_PUBLIC_KEY): lambda cluster: {
        "make": "ssh-public-key",
        "of": _reference(contract.SSH, contract.SSH_PRIVATE_KEY, cluster),
        "comment": f"{cluster.values.st2.system_user.user}@{cluster.release.name}",
    },
    (contract.WEB_TLS.component, contract.TLS_KEY): lambda _: {"make": "private-key"},
    (contract.WEB_TLS.component, contract.TLS_CERTIFICATE): _certificate,
    (contract.MONGODB.component, contract.MONGODB_ROOT_PASSWORD): lambda cluster: _password(
        cluster.values.mongodb.auth.root_password
    ),
    (contract.MONGODB.component, contract.MONGODB_PASSWORD): lambda cluster: _password(
        cluster.values.mongodb.auth.password
    ),
    (contract.MONGODB.component, contract.MONGODB_BACKUP_PASSWORD): lambda _: _password(),
    (contract.MONGODB.component, contract.MONGODB_METRICS_PASSWORD): lambda _: _password(),
    (contract.MONGODB.component, contract.MONGODB_KEY): lambda cluster: _password(
        cluster.values.mongodb.auth.replica_set_key, MEMBER_KEY_LENGTH
    ),
    (contract.MONGODB_AUTOSCALING.component, contract.MONGODB_AUTOSCALING_PASSWORD): lambda _: _password(),
    (contract.AUTOSCALING.component, contract.CONNECTION_STRING): _scaler_url,
    (contract.RABBITMQ.component, contract.RABBITMQ_PASSWORD): lambda cluster: _password(
        cluster.values.rabbitmq.auth.password
    ),
    (contract.RABBITMQ.component, contract.ERLANG_COOKIE): lambda cluster: _password(
        cluster.values.rabbitmq.auth.erlang_cookie
    ),
    (contract.RABBITMQ.component, contract.DEFINITIONS): _definitions,
    (contract.REDIS.component, contract.REDIS_PASSWORD): lambda cluster: _password(cluster.values.redis.auth.password),
    (contract.REDIS.component, contract.SENTINEL_PASSWORD): lambda _: _password(),
    (contract.SETTINGS.component, contract.SECRETS_CONF): lambda cluster: composed(
        secrets_conf(cluster.settings.connections)
    ),
    (contract.CLIENT.component, contract.CLIENT_CONFIG): _client_config,
    (contract.LICENSE.component, contract.PULL_CREDENTIALS): _license,
    (contract.API_KEYS.component, contract.API_KEYS_FILE): lambda _: _by_hand(),
    (contract.KEY_VALUES.component, contract.KEY_VALUES_FILE): lambda _: _by_hand(),
}

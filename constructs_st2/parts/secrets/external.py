"""Secrets from a store, by External Secrets Operator (https://external-secrets.io, API v1).

The store holds the values that follow from no others; texts in which they stand are templates. What is hashed with a
salt, or signed, would be another value at every look, and so comes from the store, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from constructs_st2.facts.backends.rabbitmq import definitions
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import SECRETS_MODE_LABEL, Release
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import SecretPart
from constructs_st2.facts.secrets.recipes import composed
from constructs_st2.facts.secrets.spec import Recipe, SecretSpec
from constructs_st2.kube.custom import custom_object
from constructs_st2.kube.documents import Document
from constructs_st2.parts.secrets.plan import PlannedSecret, planned, secret_labels

_ENCODED: Mapping[str, str] = {
    "plain": "",
    "conf": ' | replace "$" "$$"',
    "url": " | urlquery",
    "url-verbatim": "",
    "client-config": "",
    "json": " | toJson",
}
"""The encodings of secrets in texts, as functions of templates."""


def documents(cluster: Cluster) -> list[Document]:
    """An ExternalSecret for each Secret that is not the user's own; where nothing of it is secret, the Secret itself.

    The operator refuses an ExternalSecret that takes nothing from a store (externalsecret_validator.go).
    """
    secrets = {secret.name: secret for secret in planned(cluster)}
    return [_external_secret(secret, secrets, cluster) for secret in secrets.values() if secret.own]


class _Template:
    """The template of a Secret, and the entries of the store that it needs."""

    def __init__(self, secrets: Mapping[str, PlannedSecret], cluster: Cluster) -> None:
        self._cluster = cluster
        self._secrets = secrets
        self._entries: dict[str, Document] = {}

    def value(self, secret: PlannedSecret, key: str) -> str:
        """What a key becomes."""
        if (secret.spec, key) == (contract.RABBITMQ, contract.DEFINITIONS):
            return self._text(_definitions(self._cluster)["parts"])
        recipe = secret.recipes[key]
        if recipe["make"] == "text":
            return str(recipe["text"])
        if recipe["make"] == "composed":
            return self._text(recipe["parts"])
        return self._variable(secret, key, "plain")

    def entries(self) -> list[Document]:
        """The entries of the store that the template needs."""
        return list(self._entries.values())

    def _text(self, parts: Iterable[Any]) -> str:
        return "".join(part if isinstance(part, str) else self._part(part) for part in parts)

    def _part(self, part: Mapping[str, str]) -> str:
        secret = self._secrets.get(part["object"])
        if secret is None:
            return self._foreign(part)
        if secret.recipes[part["key"]]["make"] == "text":
            return str(secret.recipes[part["key"]]["text"])
        return self._variable(secret, part["key"], part["encoding"])

    def _variable(self, secret: PlannedSecret, key: str, encoding: str) -> str:
        return self._entry(secret.spec.component, key, _remote(secret.spec, key, self._cluster), encoding)

    def _foreign(self, part: Mapping[str, str]) -> str:
        """A password of an external backend: the name of its Secret stands for an entry of that name."""
        remote = _remote_of(part["object"], part["key"], self._cluster)
        return self._entry(part["object"], part["key"], remote, part["encoding"])

    def _entry(self, owner: str, key: str, remote: Document, encoding: str) -> str:
        name = re.sub(r"[^A-Za-z0-9]", "_", f"{owner}_{key}")
        self._entries[name] = {"secretKey": name, "remoteRef": remote}
        return f"{{{{ .{name}{_ENCODED[encoding]} }}}}"


def _external_secret(secret: PlannedSecret, secrets: Mapping[str, PlannedSecret], cluster: Cluster) -> Document:
    settings = cluster.values.secrets.external
    labels = cluster.release.labels(secret.spec.component, "operations")
    spec: Document = {
        "refreshInterval": settings.refresh_interval,
        "secretStoreRef": {"name": settings.store.name, "kind": settings.store.kind},
        # What opens stored data must outlive a mistake with the object that fetches it.
        "target": {"name": secret.name, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
    }
    if secret.spec.open_ended:
        spec["dataFrom"] = [{"extract": {"key": _key(secret.spec, "", cluster)}}]
    else:
        template = _Template(secrets, cluster)
        data = {key: template.value(secret, key) for key in secret.spec.keys}
        spec["target"]["template"] = {
            "engineVersion": "v2",
            "type": secret.spec.type,
            "metadata": {"labels": secret_labels(secret, cluster.release)},
            "data": data,
        }
        spec["data"] = template.entries()
        if not spec["data"]:
            return _secret(secret, data, labels, cluster.release)
    metadata: Document = {"name": secret.name, "namespace": cluster.release.namespace, "labels": labels}
    return custom_object("ExternalSecret", metadata, spec)


def _secret(secret: PlannedSecret, data: Mapping[str, str], labels: Mapping[str, str], release: Release) -> Document:
    metadata: Document = {
        "name": secret.name,
        "namespace": release.namespace,
        # By which one sees that it is in the manifests on purpose.
        "labels": {**labels, SECRETS_MODE_LABEL: "plain"},
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": secret.spec.type,
        "stringData": dict(data),
    }


def _definitions(cluster: Cluster) -> Recipe:
    """With the password itself, which RabbitMQ hashes when it reads them: templates cannot."""
    password = SecretPart(cluster.secret(contract.RABBITMQ), contract.RABBITMQ_PASSWORD, "json")
    return composed(definitions(cluster.values.rabbitmq, password))


def _remote(spec: SecretSpec, key: str, cluster: Cluster) -> Document:
    return _remote_of(spec.component, key, cluster)


def _remote_of(secret: str, key: str, cluster: Cluster) -> Document:
    settings = cluster.values.secrets.external
    remote = {"key": _filled(settings.key_format, secret, key, cluster.release)}
    if settings.property_format is not None:
        remote["property"] = _filled(settings.property_format, secret, key, cluster.release)
    return remote


def _key(spec: SecretSpec, key: str, cluster: Cluster) -> str:
    return _filled(cluster.values.secrets.external.key_format, spec.component, key, cluster.release)


def _filled(text: str, secret: str, key: str, release: Release) -> str:
    names = {"{release}": release.name, "{secret}": secret, "{key}": key}
    for placeholder, name in names.items():
        text = text.replace(placeholder, name)
    return text

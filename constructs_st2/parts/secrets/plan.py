"""The Secrets of one cluster: who makes them, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from constructs_st2.facts.backends.connections import ca_path
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.spec import Recipe, SecretSpec
from constructs_st2.kube.builders import KEPT
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import INSTANCE_LABEL
from constructs_st2.values import chart
from constructs_st2.values.model.secrets import SecretKey

ANNOTATIONS: Mapping[str, str] = {
    # Argo CD takes what carries its label for its own; these Secrets are in no manifest, and must outlive it.
    **KEPT,
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
}


class PlannedSecret(NamedTuple):
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
            recipes={} if made_by else {key: entry.recipe(cluster) for key, entry in spec.keys.items()},
        )


def secret_labels(secret: PlannedSecret, release: Release) -> dict[str, str]:
    """The labels of a Secret that somebody makes in the cluster.

    All labels of the release but one: Argo CD takes objects with the label app.kubernetes.io/instance for its own.
    """
    labels = release.labels(secret.spec.component, "operations")
    del labels[INSTANCE_LABEL]
    return labels


def claims(spec: SecretSpec, cluster: Cluster) -> list[str]:
    """The volume claims with data that a Secret opens."""
    if spec.data_in is None:
        return []
    settings = cluster.values.mongodb if spec.data_in == "mongodb" else cluster.values.rabbitmq
    # What is encrypted is moved from the chart's database to another one together with the key.
    others = _of_chart(cluster.release) if spec is contract.DATASTORE else []
    if not settings.enabled or not settings.persistence.enabled:
        return others
    own = [f"data-{cluster.release.named(spec.data_in)}-{ordinal}" for ordinal in range(settings.replicas)]
    return [*own, *others]


def outside_database(spec: SecretSpec, cluster: Cluster) -> Document | None:
    """How a database elsewhere is reached that may hold what a Secret opens; None where there is none to ask.

    The user may have given the connection otherwise, in a Secret of options (`st2.existingConfigSecret`).
    """
    mongodb = cluster.values.mongodb
    external = mongodb.external
    if spec is not contract.DATASTORE or mongodb.enabled or external is None:
        return None
    password = external.password
    return {
        "uri": external.uri,
        "name": external.database,
        "username": external.username,
        "password": {"object": password.existing_secret, "key": password.key}
        if isinstance(password, SecretKey)
        else password,
        "tls": external.tls.enabled,
        "ca": ca_path("database", external.tls.ca.key) if external.tls.ca else None,
    }


def _of_chart(release: Release) -> list[str]:
    """The claims that the Helm chart made for MongoDB: of members, in 0.x and later, and of a single server."""
    members = [f"datadir-{release.named(name)}-0" for name in chart.MONGODB_NAMES]
    return [*members, release.named("mongodb")]

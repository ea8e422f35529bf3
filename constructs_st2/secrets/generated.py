"""Secrets as manifests: newly made for a cluster, or following from a seed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from constructs_st2.cluster import Cluster
from constructs_st2.errors import UserError
from constructs_st2.kubernetes import Document
from constructs_st2.secrets.contract import LICENSE
from constructs_st2.secrets.encodings import docker_config
from constructs_st2.secrets.generate import NotGiven, RandomBytes, from_system, make
from constructs_st2.secrets.plan import ANNOTATIONS, ENTERPRISE_REGISTRY, PlannedSecret, Recipe, planned, secret_labels


def secret_manifests(
    cluster: Cluster,
    random_bytes: RandomBytes = from_system,
    *,
    labels: Mapping[str, str] | None = None,
    license_key: str | None = None,
) -> Iterator[Document]:
    """The Secrets of a cluster that are not the user's own. Those that only the user can make are left out.

    Args:
        cluster: the cluster that they are for.
        random_bytes: where the random bytes in them come from.
        labels: further labels.
        license_key: the license of the enterprise images.

    Raises:
        UserError: a value that was given cannot be used.
    """
    values: dict[str, dict[str, str]] = {}
    for secret in planned(cluster):
        if not secret.own or not secret.recipes:
            continue
        data = values.setdefault(secret.name, {})
        try:
            for key, recipe in secret.recipes.items():
                if license_key is not None and secret.spec is LICENSE:
                    data[key] = docker_config(ENTERPRISE_REGISTRY, license_key)
                else:
                    data[key] = _made(secret, key, recipe, values, random_bytes)
        except (NotGiven, KeyError):
            continue
        yield _manifest(secret, data, cluster, labels or {})


def _made(
    secret: PlannedSecret,
    key: str,
    recipe: Recipe,
    values: Mapping[str, Mapping[str, str]],
    random_bytes: RandomBytes,
) -> str:
    try:
        value = make(recipe, lambda name, inner: values[name][inner], f"{secret.name}/{key}", random_bytes)
    except ValueError as error:
        raise UserError(f"Secret {secret.name}, key {key}: {error}") from None
    if problem := secret.spec.keys[key].format.problem(value):
        raise UserError(f"Secret {secret.name}, key {key}: {problem}")
    return value


def chosen(manifests: Iterator[Document], only: Collection[str], cluster: Cluster) -> list[Document]:
    """The Secrets of some components; all if none is named.

    Raises:
        UserError: a named one is not among them.
    """
    found = {manifest["metadata"]["name"]: manifest for manifest in manifests}
    if not only:
        return list(found.values())
    wanted = {component: cluster.release.named(component) for component in only}
    missing = [component for component, name in wanted.items() if name not in found]
    if missing:
        known = ", ".join(sorted(name.removeprefix(f"{cluster.release.name}-") for name in found))
        raise UserError(f"there is no Secret {', '.join(missing)} to make; there are: {known}")
    return [found[name] for name in wanted.values()]


def _manifest(secret: PlannedSecret, data: Mapping[str, str], cluster: Cluster, labels: Mapping[str, str]) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret.name,
            "namespace": cluster.release.namespace,
            "labels": {**secret_labels(secret, cluster), **labels},
            "annotations": dict(ANNOTATIONS),
        },
        "type": secret.spec.type,
        "stringData": dict(data),
    }

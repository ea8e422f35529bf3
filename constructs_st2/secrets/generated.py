"""Secrets as manifests: newly made for a cluster, or following from a seed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from constructs_st2.cluster import Cluster
from constructs_st2.errors import UserError
from constructs_st2.kubernetes import Document
from constructs_st2.secrets.encodings import docker_config
from constructs_st2.secrets.generate import NotGiven, RandomBytes, from_system, make
from constructs_st2.secrets.plan import ANNOTATIONS, ENTERPRISE_REGISTRY, PlannedSecret, planned, secret_labels


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
    """
    values: dict[str, dict[str, str]] = {}
    for secret in planned(cluster):
        if not secret.own or not secret.recipes:
            continue
        data = values.setdefault(secret.name, {})
        try:
            for key, recipe in secret.recipes.items():
                if license_key is not None and secret.spec.component == "st2-license":
                    data[key] = docker_config(ENTERPRISE_REGISTRY, license_key)
                    continue
                data[key] = make(recipe, lambda name, key: values[name][key], f"{secret.name}/{key}", random_bytes)
        except (NotGiven, KeyError):
            continue
        yield _manifest(secret, data, cluster, labels or {})


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

"""What the values of a release of the chart must say for its names and data to stay, and how both compare."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from constructs_st2.commands.adopt.helm import HelmRelease
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.spec import SecretSpec
from constructs_st2.facts.versions import ST2_RELEASES, ST2_VERSIONS
from constructs_st2.kube.documents import Document, containers, identity, is_namespaced, pod_template
from constructs_st2.kube.well_known import NAME_LABEL
from constructs_st2.values import chart
from constructs_st2.values.model import Values
from constructs_st2.values.model.images import St2Version
from constructs_st2.values.paths import KeyPath, get

_SECRETS: Mapping[KeyPath, SecretSpec] = {
    ("st2", "password"): contract.AUTH,
    ("st2", "ssh_key"): contract.SSH,
    ("st2", "datastore_crypto_key"): contract.DATASTORE,
    ("mongodb", "auth", "password"): contract.MONGODB,
    ("mongodb", "auth", "rootPassword"): contract.MONGODB,
    ("mongodb", "auth", "replicaSetKey"): contract.MONGODB,
    ("rabbitmq", "auth", "password"): contract.RABBITMQ,
    ("rabbitmq", "auth", "erlangCookie"): contract.RABBITMQ,
    ("redis", "auth", "password"): contract.REDIS,
}
"""The passwords in values of the chart, by the Secrets that have them in both."""


def in_a_secret(path: KeyPath, value: Any) -> str | None:
    """Why a password is left out of the values: it is in a Secret that both use."""
    if path not in _SECRETS or not isinstance(value, str) or value == "disable":
        return None
    return f"it is in the Secret <release>-{_SECRETS[path].component}, which stays; a values file is no place for it"


def names_and_versions(release: HelmRelease) -> dict[KeyPath, tuple[Any, str]]:
    """Values by which names and data stay what they are, with the reasons."""
    values = release.values
    st2 = st2_version(release)
    found: dict[KeyPath, tuple[Any, str]] = {
        ("image", "tag"): (st2, f"the release has {release.app_version}; raise it when all runs"),
        ("mongodb", "image", "tag"): (
            ST2_RELEASES[ST2_VERSIONS[0]].mongodb,
            "the dump of the release is restored to it; raise it when all runs",
        ),
        ("serviceAccount", "serviceAccountName"): (
            _at(values, "serviceAccount", "serviceAccountName") or release.chart,
            "as in the chart: trust policies of clouds name it",
        ),
        ("namespace", "podSecurity"): ("none", "the pods of the chart do not meet a level; remove it after the move"),
    }
    ours = Values()
    user = _at(values, "st2", "username") or _at(values, "secrets", "st2", "username")
    same = {
        ("st2", "username"): (user, ours.st2.username),
        ("mongodb", "auth", "username"): (_at(values, "mongodb", "auth", "username"), ours.mongodb.auth.username),
        ("mongodb", "auth", "database"): (_at(values, "mongodb", "auth", "database"), ours.mongodb.auth.database),
        ("rabbitmq", "auth", "username"): (_at(values, "rabbitmq", "auth", "username"), ours.rabbitmq.auth.username),
    }
    for path, (value, default) in same.items():
        if isinstance(value, str) and value and value != default:
            found[path] = (value, "as in the release")
    return found


def st2_version(release: HelmRelease) -> St2Version:
    """The version to move to: that of the release, or the oldest that there is."""
    major_minor = ".".join(release.app_version.lstrip("v").split(".")[:2])
    return next((known for known in ST2_VERSIONS if known == major_minor), ST2_VERSIONS[0])


def _at(values: Mapping[str, Any], *path: str) -> Any:
    try:
        return get(values, path)
    except KeyError:
        return None


def comparison(release: HelmRelease, objects: Sequence[Document]) -> str:
    """A table by workload: what the chart had, and what there will be."""
    old = _workloads(release.objects)
    new = _workloads(objects)
    rows = [("workload", "", "the chart had", "you get")]
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, {}), new.get(name, {})
        for what in ("replicas", "image", "requests", "limits", "env", "volumes"):
            one, other = before.get(what, "-"), after.get(what, "-")
            if one != other:
                rows.append((name, what, one, other))
    return "\n".join([_row(rows[0]), "|---|---|---|---|", *map(_row, rows[1:])]) + "\n"


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _workloads(documents: Sequence[Document]) -> dict[str, dict[str, str]]:
    return {
        identity(document): _facts(document, pod)
        for document in documents
        if document.get("kind") in ("Deployment", "StatefulSet") and (pod := pod_template(document))
    }


def _facts(document: Document, pod: Document) -> dict[str, str]:
    main = next(iter(pod["spec"]["containers"]))
    resources = main.get("resources") or {}
    return {
        "replicas": str(document["spec"].get("replicas", "-")),
        "image": ", ".join(sorted({each["image"] for each in containers(pod)})),
        "requests": _flat(resources.get("requests")),
        "limits": _flat(resources.get("limits")),
        "env": ", ".join(sorted(each["name"] for each in main.get("env") or ())) or "-",
        "volumes": ", ".join(sorted(mount["mountPath"] for mount in main.get("volumeMounts") or ())) or "-",
    }


def _flat(amounts: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {amount}" for name, amount in sorted((amounts or {}).items())) or "-"


_HOLD_DATA = ("Secret", "PersistentVolumeClaim")
_NOT_OF_STACKSTORM = "external-dns"
"""A part of the chart that works for the whole cluster, and that nothing here replaces."""


def fates(release: HelmRelease, secrets: Collection[str] | None) -> str:
    """What becomes of each object of the release: ``delete``, ``keep``, or ``unused``, which the last step deletes.

    Args:
        release: the release.
        secrets: the Secrets that the new manifests read; None where they cannot be told, so that all stay.
    """
    return "".join(
        f"{_fate(document, secrets)} {document['kind'].lower()}/{document['metadata']['name']}\n"
        for document in release.objects
        if is_namespaced(document)
    )


def _fate(document: Document, secrets: Collection[str] | None) -> str:
    metadata = document["metadata"]
    if (metadata.get("labels") or {}).get(NAME_LABEL) == _NOT_OF_STACKSTORM:
        return "keep"
    if document["kind"] not in _HOLD_DATA:
        return "delete"
    if document["kind"] == "Secret" and secrets is not None and metadata["name"] not in secrets:
        return "unused"
    return "keep"


_DATABASE_OF_CHART = "st2"


def _mongodb(release: HelmRelease) -> Iterator[str]:
    """The pods of the chart's MongoDB, as kubectl names them: members, or what makes the single one."""
    names = [f"{release.name}-{name}" for name in chart.MONGODB_NAMES]
    for document in release.objects:
        kind, name = document["kind"], document["metadata"]["name"]
        if name in names and kind == "StatefulSet":
            yield from (f"pod/{name}-{ordinal}" for ordinal in range(document["spec"].get("replicas", 1)))
        elif name in names and kind == "Deployment":
            yield f"deployment/{name}"


def settings(release: HelmRelease, values: Mapping[str, Any]) -> str:
    """The settings that all steps read."""
    mongodb = release.values.get("mongodb") or {}
    facts = {
        "RELEASE": release.name,
        "NAMESPACE": release.namespace,
        "REVISION": str(release.revision),
        "DATABASE": _at(mongodb, "auth", "database") or _DATABASE_OF_CHART,
        "NEW_DATABASE": _at(values, "mongodb", "auth", "database") or Values().mongodb.auth.database,
        "CRYPTO_SECRET": _at(release.values, "st2", "existingDatastoreSecret")
        or f"{release.name}-{contract.DATASTORE.component}",
    }
    for name, value in facts.items():
        if not re.fullmatch(r"[\w.-]+", value):
            raise ValueError(f"{name} is {value!r}")
    facts["OLD_MONGODB"] = " ".join(_mongodb(release))
    return "# Read by all steps.\n" + "".join(f"{name}={shlex.quote(value)}\n" for name, value in facts.items())

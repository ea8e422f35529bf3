"""What the pods of backups and restores have in common."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import BACKUP
from constructs_st2.facts.images import Image
from constructs_st2.facts.pod_paths import STATE_PATH
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.builders import config_map
from constructs_st2.kube.documents import Document
from constructs_st2.parts.backends import tls
from constructs_st2.parts.backends.mongodb.members import SERVER, UID
from constructs_st2.parts.backup import connection, storage
from constructs_st2.parts.backup.connection import PASSWORD_FILE, Connection
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.pod import Container, extra_mounts, pod_spec, template_of_pods, with_room
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid, restricted_pod
from constructs_st2.parts.pods.variables import env_text
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model import Values

FACTS = "facts.json"

_PACKAGE = "constructs_st2.parts.backup.scripts"
_STATE = Mount(Volume.scratch("state"), STATE_PATH, writable=True)
# The password is written there. Containers that do not need it have another one.
_TMP = Mount(Volume.scratch_in_memory("tmp"), "/tmp", writable=True)
_STORAGE_TMP = Mount(Volume.scratch("storage-tmp"), "/tmp", writable=True)


def image(cluster: Cluster) -> Image:
    """The image with MongoDB's database tools: that of the members, unless the user names another."""
    settings, override = cluster.values.mongodb, cluster.values.backup.image
    if not override.model_fields_set:
        return SERVER.image(settings, cluster)
    repository = override.repository or settings.image.repository or SERVER.repository
    tag = override.tag or settings.image.tag or SERVER.tag(cluster.version)
    return cluster.images.other(f"{repository}:{tag}", override)


def scripts_map(cluster: Cluster, component: str) -> Document:
    """The ConfigMap with the scripts, and with what a manifest tells of the cluster."""
    return config_map(
        metadata(cluster, component, f"{component}-scripts"), {FACTS: _facts(cluster), **scripts.texts(_PACKAGE)}
    )


def metadata(cluster: Cluster, component: str, name: str | None = None) -> Document:
    """The metadata of an object, called like its component unless it has a name of its own."""
    return {
        "name": cluster.release.named(name or component),
        "namespace": cluster.release.namespace,
        "labels": {**cluster.values.backup.labels, **cluster.release.labels(component, "operations")},
    }


def workload_metadata(cluster: Cluster, component: str, name: str | None = None) -> Document:
    """The metadata of what makes pods, with the user's annotations."""
    made = metadata(cluster, component, name)
    annotations = cluster.values.backup.annotations
    return {**made, "annotations": dict(annotations)} if annotations else made


class Step(NamedTuple):
    """One of the things that a pod does: a container that runs a script.

    ``arguments`` are those of the script, ``mounts`` what it needs besides what all have, ``component`` says whose
    scripts it has.
    """

    name: str
    script: str
    arguments: Sequence[object]
    mounts: Sequence[Mount]
    component: str = BACKUP


def database_step(step: Step, to: Connection, cluster: Cluster) -> Container:
    """A container that works with MongoDB's database tools, whose options come behind the other arguments."""
    own = Container(
        step.name,
        image(cluster),
        scripts.command(step.script, *step.arguments, *to.options),
        env=[env_text("PASSWORD_FILE", PASSWORD_FILE)],
        mounts=[*step.mounts, *to.mounts, _TMP],
    )
    return _completed(own, step.component, cluster)


def shell_step(step: Step, cluster: Cluster) -> Container:
    """A container that needs nothing but a shell."""
    command = scripts.command(step.script, *step.arguments)
    own = Container(step.name, image(cluster), command, mounts=[*step.mounts, _TMP])
    return _completed(own, step.component, cluster)


def storage_step(step: Step, env: Sequence[Document], cluster: Cluster) -> Container:
    """A container that talks to the storage, which it finds by its environment."""
    command = scripts.command(step.script, *step.arguments)
    own = Container(step.name, storage.image(cluster), command, env=env, mounts=[*step.mounts, _STORAGE_TMP])
    return _completed(own, step.component, cluster)


def etcd_step(cluster: Cluster) -> Container:
    """A container that takes a snapshot of etcd. Its image has no shell."""
    from constructs_st2.facts.backends import ETCD
    from constructs_st2.parts.backends.etcd.members import SERVER as ETCD_SERVER

    authorities = tls.client_mounts(contract.ETCD_TLS, cluster)
    scheme, options = ("https", [f"--cacert={tls.AUTHORITY}"]) if authorities else ("http", [])
    endpoint = f"{scheme}://{cluster.release.host(ETCD.component)}:{ETCD.port}"
    return Container(
        name="etcd",
        image=ETCD_SERVER.image(cluster.values.etcd, cluster),
        command=["etcdctl"],
        args=[f"--endpoints={endpoint}", *options, "snapshot", "save", f"{STATE_PATH}/etcd.db"],
        resources=_resources(cluster.values),
        security=_security(cluster.values),
        mounts=[_STATE, *authorities],
    )


def service_account(cluster: Cluster) -> list[Document]:
    """The identity by which a cloud lets the pods into its storage; none where a Secret has the credentials."""
    settings = cluster.values.backup.service_account
    if not _creates_account(cluster.values):
        return []
    made = metadata(cluster, BACKUP)
    made |= {"name": _account(cluster), "labels": {**settings.labels, **made["labels"]}}
    if settings.annotations:
        made["annotations"] = dict(settings.annotations)
    return [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": made, "automountServiceAccountToken": False}]


def _creates_account(values: Values) -> bool:
    settings, destination = values.backup.service_account, values.backup.destination
    if settings.create is not None:
        return settings.create
    return destination is not None and destination.s3 is not None and destination.s3.credentials is None


def _account(cluster: Cluster) -> str | None:
    """The name of the service account; None where pods have none of their own."""
    name = cluster.values.backup.service_account.name
    return name or (cluster.release.named(BACKUP) if _creates_account(cluster.values) else None)


def template(component: str, main: Container, init_containers: Sequence[Container], cluster: Cluster) -> Document:
    """The pod: containers that do one thing after the other."""
    settings = cluster.values.backup
    of_pod = workload_metadata(cluster, component)
    spec = pod_spec(
        settings,
        [main],
        init_containers,
        # That of MongoDB's image; a volume can so be read with the same rights by both.
        security=restricted_pod(UID),
        # A shell as process 1 hears no signal while a program runs: there is nothing to wait for.
        grace=5,
        serviceAccountName=_account(cluster),
        # The log of a failed pod must stay.
        restartPolicy="Never",
    )
    return template_of_pods(of_pod["labels"], of_pod.get("annotations", {}), spec)


def _completed(own: Container, component: str, cluster: Cluster) -> Container:
    """A container with what all of them have."""
    scripts_volume = Volume.config_map("scripts", cluster.release.named(f"{component}-scripts"))
    return own._replace(
        env=[
            env_text("RELEASE", cluster.release.name),
            env_text("FOLDER", storage.FOLDER),
            env_text("STATE", STATE_PATH),
            *own.env,
        ],
        resources=_resources(cluster.values),
        security=_security(cluster.values),
        mounts=[Mount(scripts_volume, scripts.MOUNT_PATH), _STATE, *own.mounts],
        extra_mounts=extra_mounts(cluster.values.backup),
    )


def _resources(values: Values) -> Document:
    """Those that the user gives, with room for the backup where it lies in the pod."""
    settings = values.backup
    on_volume = settings.destination and settings.destination.claim
    return {**settings.resources} if on_volume else with_room(settings.resources, settings.scratch_size)


def _security(values: Values) -> Document:
    return overlaid(RESTRICTED_CONTAINER, values.backup.security_context)


def _facts(cluster: Cluster) -> str:
    """What one must know of a cluster to make use of its backups. It holds no secret, only the names of Secrets."""
    facts = {
        "release": cluster.release.name,
        "namespace": cluster.release.namespace,
        "st2": cluster.values.image.tag,
        "database": connection.database(cluster.values),
        "wholeServer": connection.is_of_the_whole_server(cluster.values),
        "image": image(cluster).reference,
        "secrets": {
            cluster.secret(spec): spec.purpose for spec in (contract.DATASTORE,) if spec.in_use(cluster.values)
        },
    }
    return json.dumps(facts, indent=2) + "\n"

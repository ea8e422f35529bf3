"""The Job that makes the Secrets which are missing, and what it may do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import SECRETS_BOOTSTRAP as COMPONENT
from constructs_st2.facts.images import NODES, SERVICE_UID, ST2_UID
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets import PLAN
from constructs_st2.facts.secrets.contract import CONTRACT, DATASTORE, PULL_CREDENTIALS, TLS_CERTIFICATE, TLS_KEY
from constructs_st2.facts.secrets.given import references
from constructs_st2.kube.builders import config_map, identity
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.kube.well_known import REGISTRY_SECRET, TLS_SECRET
from constructs_st2.parts.backends import authorities
from constructs_st2.parts.jobs.job import job_document
from constructs_st2.parts.pods.pod import Container, dns_config, pod_spec, template_of_pods
from constructs_st2.parts.pods.python_programs import ENVIRONMENT, Programs
from constructs_st2.parts.pods.rolling import checksums
from constructs_st2.parts.pods.scripts import MOUNT_PATH
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid, restricted_pod
from constructs_st2.parts.pods.variables import env_of_pod, env_text
from constructs_st2.parts.pods.volumes import SERVICE_ACCOUNT_PATH, Mount, Volume
from constructs_st2.parts.secrets.plan import (
    ANNOTATIONS,
    PlannedSecret,
    claims,
    outside_database,
    planned,
    secret_labels,
)

_PROGRAMS = Programs(
    "constructs_st2.facts.secrets.programs", ("bootstrap", "database", "encodings", "generate", "sha512_crypt")
)
_REQUIRED_KEYS = {
    TLS_SECRET: [TLS_CERTIFICATE, TLS_KEY],
    REGISTRY_SECRET: [PULL_CREDENTIALS],
}
"""Keys without which the API refuses a Secret of a type."""


def documents(cluster: Cluster) -> list[Document]:
    """The Job with its program, its identity and its rights."""
    secrets = list(planned(cluster))
    program = {
        PLAN: json.dumps(plan(secrets, cluster), indent=2) + "\n",
        **_PROGRAMS.texts,
    }
    job = _job(cluster, program)
    return [
        *identity(_metadata(cluster.release), _rules(secrets, cluster, job["metadata"]["name"])),
        config_map(_metadata(cluster.release), program),
        job,
    ]


def plan(secrets: Iterable[PlannedSecret], cluster: Cluster) -> dict[str, Any]:
    """What the Job is told: the Secrets, and the recipe of each value. It holds no secret."""
    return {
        "namespace": cluster.release.namespace,
        "annotations": dict(ANNOTATIONS),
        "secrets": [
            {
                "name": secret.name,
                "type": secret.spec.type,
                "labels": secret_labels(secret, cluster.release),
                "own": secret.own,
                "named_in": secret.named_in,
                "claims": claims(secret.spec, cluster),
                **({"database": asked} if (asked := outside_database(secret.spec, cluster)) else {}),
                "required": _REQUIRED_KEYS.get(secret.spec.type, []),
                "keys": dict(secret.recipes),
            }
            for secret in secrets
        ],
    }


def _metadata(release: Release, name: str = COMPONENT) -> Document:
    return {
        "name": release.named(name),
        "namespace": release.namespace,
        "labels": release.labels(COMPONENT, "operations"),
    }


def _job(cluster: Cluster, program: dict[str, str]) -> Document:
    # The user's own containers and volumes may need what this Job makes.
    settings = cluster.values.jobs.model_copy(update={"init_containers": [], "extra_volumes": []})
    container = _container(cluster, program)
    spec = pod_spec(
        settings,
        [container],
        security=overlaid(restricted_pod(SERVICE_UID, ST2_UID), cluster.values.pod_security_context),
        grace=30,
        serviceAccountName=cluster.release.named(COMPONENT),
        nodeSelector={**NODES, **settings.node_selector},
        dnsPolicy=cluster.values.dns_policy,
        dnsConfig=dns_config(cluster.values.dns_config),
    )
    labels = {**settings.labels, **cluster.release.labels(COMPONENT, "operations")}
    template = template_of_pods(labels, {**settings.annotations, **checksums([container], live=True)}, spec)
    metadata: Document = {"namespace": cluster.release.namespace, "labels": labels}
    if settings.annotations:
        metadata["annotations"] = dict(settings.annotations)
    return job_document(COMPONENT, metadata, template, settings, cluster)


def _container(cluster: Cluster, program: dict[str, str]) -> Container:
    volume = _PROGRAMS.volume("program", cluster.release.named(COMPONENT), [PLAN])
    return Container(
        name="bootstrap",
        # The enterprise images need a Secret that this Job may have to make.
        image=cluster.images.community("st2actionrunner"),
        command=[*cluster.values.image.entrypoint, *_PROGRAMS.command("bootstrap"), f"{MOUNT_PATH}/{PLAN}"],
        env=[
            env_of_pod("JOB_NAME", "metadata.labels['job-name']"),
            *(env_text(name, value) for name, value in ENVIRONMENT.items()),
        ],
        resources=cluster.values.helper_resources.of("bootstrap"),
        security=overlaid(RESTRICTED_CONTAINER, cluster.values.security_context, cluster.values.jobs.security_context),
        mounts=[
            Mount(volume._replace(fingerprint=fingerprint(program)), MOUNT_PATH),
            Mount(Volume.api_token(), SERVICE_ACCOUNT_PATH),
            *(authorities.mounts_of("database", cluster) if outside_database(DATASTORE, cluster) else ()),
            Mount(Volume.scratch("tmp"), "/tmp", writable=True),
        ],
    )


def _rules(secrets: Iterable[PlannedSecret], cluster: Cluster, job: str) -> list[Document]:
    """The least rights that do. Creating cannot be bound to names: an object that is not there has none."""
    names = [secret.name for secret in secrets]
    read = sorted({reference.existing_secret for reference in references(cluster.values)} - set(names))
    volume_claims = sorted({claim for secret in CONTRACT for claim in claims(secret, cluster)})
    rules: list[Document] = [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": sorted(names), "verbs": ["get", "patch"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "resourceNames": [job], "verbs": ["get"]},
    ]
    if read:
        rules.append({"apiGroups": [""], "resources": ["secrets"], "resourceNames": read, "verbs": ["get"]})
    if volume_claims:
        rules.append(
            {
                "apiGroups": [""],
                "resources": ["persistentvolumeclaims"],
                "resourceNames": volume_claims,
                "verbs": ["get"],
            }
        )
    return rules

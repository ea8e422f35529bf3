"""Certificates as objects of cert-manager (https://cert-manager.io/docs/usage/certificate/)."""

from __future__ import annotations

from typing import Any

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Role
from constructs_st2.facts.secrets.spec import SecretSpec
from constructs_st2.kube.custom import custom_object
from constructs_st2.kube.documents import Document
from constructs_st2.values.model.exposure import CertManager, IssuerRef
from constructs_st2.values.model.tls import InternalCertManager


def certificate(
    spec: SecretSpec,
    role: Role,
    issuer: IssuerRef,
    settings: CertManager | InternalCertManager,
    cluster: Cluster,
    **fields: Any,
) -> Document:
    """The Certificate that fills a Secret.

    Args:
        spec: the Secret.
        role: of what it is for.
        issuer: who signs it.
        settings: how long it is good for.
        cluster: the cluster that it belongs to.
        fields: what is its own: names, addresses and usages.
    """
    name = cluster.secret(spec)
    metadata: Document = {
        "name": name,
        "namespace": cluster.release.namespace,
        "labels": cluster.release.labels(spec.component, role),
    }
    return custom_object(
        "Certificate",
        metadata,
        {
            "secretName": name,
            "issuerRef": {"group": issuer.group, "kind": issuer.kind, "name": issuer.name},
            "duration": settings.duration,
            "renewBefore": settings.renew_before,
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            **fields,
        },
    )

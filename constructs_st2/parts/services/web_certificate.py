"""The certificate of st2web by cert-manager (https://cert-manager.io, API v1)."""

from __future__ import annotations

from constructs_st2.facts.catalogue import ST2WEB
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document
from constructs_st2.parts import cert_manager
from constructs_st2.values.model.exposure import CertManager


def certificate(cluster: Cluster, settings: CertManager) -> Document:
    """The Certificate, of which cert-manager makes the Secret that st2web reads."""
    return cert_manager.certificate(
        contract.WEB_TLS,
        ST2WEB.role,
        settings.issuer_ref,
        settings,
        cluster,
        dnsNames=_names(cluster, settings),
        usages=["digital signature", "server auth"],
    )


def _names(cluster: Cluster, settings: CertManager) -> list[str]:
    of_service = cluster.release.service_names(ST2WEB.name) if settings.service_names else []
    return list(dict.fromkeys([*cluster.public_names, *settings.dns_names, *of_service]))

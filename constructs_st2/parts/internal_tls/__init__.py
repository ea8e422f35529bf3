"""The certificates for TLS within the cluster, where cert-manager makes them."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_st2.facts.backends import BACKENDS
from constructs_st2.facts.catalogue import ST2API, ST2AUTH, ST2STREAM, CatalogueEntry
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.spec import SecretSpec
from constructs_st2.kube.documents import Document
from constructs_st2.parts.cert_manager import certificate
from constructs_st2.parts.flows import Table
from constructs_st2.parts.optional import PartHooks
from constructs_st2.values.model.services import Network

LOOPBACK_NAME = "localhost"
LOOPBACK_ADDRESS = "127.0.0.1"


def documents(cluster: Cluster, _: Table | None = None) -> list[Document]:
    """A Certificate for each Secret of `tls.internal` that is not the user's; none without cert-manager."""
    settings = cluster.values.tls.internal.cert_manager
    issuer = settings.issuer_ref
    if not settings.enabled or issuer is None:
        return []
    return [
        certificate(spec, "operations", issuer, settings, cluster, **_fields(names(spec, cluster)))
        for spec in contract.CERTIFICATES
        if spec.in_use(cluster.values) and spec.replaced_by(cluster.values) is None
    ]


def _fields(dns_names: Sequence[str]) -> Document:
    return {
        # For those who look at subjects. It can have 64 characters; the shortest name has at most 63.
        "commonName": dns_names[0],
        "dnsNames": list(dns_names),
        "ipAddresses": [LOOPBACK_ADDRESS],
        # Members of a backend are clients of each other.
        "usages": ["digital signature", "server auth", "client auth"],
    }


def names(spec: SecretSpec, cluster: Cluster) -> list[str]:
    """The names under which somebody connects to what a certificate is for."""
    values, release = cluster.values, cluster.release
    if spec is contract.ST2_TLS:
        return [
            *(name for entry in (ST2AUTH, ST2API, ST2STREAM) for name in _of_service(entry, cluster)),
            LOOPBACK_NAME,
        ]
    (component,) = (each.component for each in BACKENDS if contract.certificate_of(each.component) is spec)
    return [
        *release.service_names(component),
        # Members that are added later need no other certificate.
        f"*.{release.members_domain(component)}",
        # By the names alone etcd can tell that a member comes from its address.
        *release.members(component, getattr(values, component).replicas),
        LOOPBACK_NAME,
    ]


def _of_service(entry: CatalogueEntry, cluster: Cluster) -> list[str]:
    network: Network = getattr(cluster.values, entry.name).service
    outside = [network.hostname] if network.hostname and network.type != "ExternalName" else []
    return [*cluster.release.service_names(entry.name), *outside]


PART = PartHooks(documents)

"""TLS of the backends that run in the cluster: where their servers find certificates, and which port changes."""

from __future__ import annotations

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.pod_paths import OWN
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.spec import SecretSpec
from constructs_st2.parts.pods.volumes import Mount, Volume

TLS_PATH = f"{OWN}/tls"
CERTIFICATE = f"{TLS_PATH}/{contract.TLS_CERTIFICATE}"
KEY = f"{TLS_PATH}/{contract.TLS_KEY}"
AUTHORITY = f"{TLS_PATH}/{contract.TLS_AUTHORITY}"


def server_mounts(spec: SecretSpec, cluster: Cluster, *, reloads: bool = False) -> list[Mount]:
    """The certificate of a server with its key and the authority; nothing without TLS.

    ``reloads``: the server itself notices another certificate.
    """
    if not spec.in_use(cluster.values):
        return []
    files = {key: key for key in spec.keys}
    return [Mount(Volume.secret("tls", cluster.secret(spec), files, at_start=not reloads), TLS_PATH)]


def client_mounts(spec: SecretSpec, cluster: Cluster) -> list[Mount]:
    """The authority alone, for what asks the server from within its pod; nothing without TLS."""
    if not spec.in_use(cluster.values):
        return []
    files = {contract.TLS_AUTHORITY: contract.TLS_AUTHORITY}
    return [Mount(Volume.secret(f"{spec.component}-authority", cluster.secret(spec), files), TLS_PATH)]

"""Where each kind of content comes from, and where a service finds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Protocol

from constructs_st2.facts.catalogue import Content
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.content import present
from constructs_st2.facts.pod_paths import CONF_DIRECTORY, CRYPTO_KEY_PATH, HTPASSWD_PATH, STACKSTORM, ssh_key_file
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.st2_conf.stream_log import STREAM_LOG, stream_log
from constructs_st2.kube.documents import fingerprint
from constructs_st2.kube.parted import parted
from constructs_st2.parts import packs
from constructs_st2.parts.packs import Delivery
from constructs_st2.parts.pods.volumes import Mount, Volume

OVERRIDES_CONFIG_MAP = "st2-overrides-configs"
STREAM_LOG_CONFIG_MAP = "st2-stream-log"
CLIENT_CONFIG_PATH = "/etc/st2-client/config"


class PacksMounts(Protocol):
    """Makes the mounts of content that belongs to packs."""

    def __call__(self, cluster: Cluster, *, writable: bool) -> list[Mount]: ...


def mounts_of(content: Content, cluster: Cluster, *, manages_packs: bool = False) -> list[Mount]:
    """The mounts that bring some content to a pod; none where the cluster has no such content of its own.

    With ``manages_packs``, the pod may change packs where they are on shared volumes.
    """
    if by_delivery := _PACKS.get(content):
        return by_delivery(cluster, writable=manages_packs and packs.delivery(cluster.values) is Delivery.SHARED)
    return _MOUNTS[content](cluster)


def _crypto_key(cluster: Cluster) -> list[Mount]:
    if not contract.DATASTORE.in_use(cluster.values):
        return []
    path = PurePosixPath(CRYPTO_KEY_PATH)
    secret = cluster.secret(contract.DATASTORE)
    volume = Volume.secret("st2-encryption-key", secret, {contract.CRYPTO_KEY: path.name}, at_start=True)
    return [Mount(volume, str(path.parent))]


def _htpasswd(cluster: Cluster) -> list[Mount]:
    path = PurePosixPath(HTPASSWD_PATH)
    # A whole directory, not one file of it: only then does a changed Secret reach the running pod.
    secret = cluster.secret(contract.AUTH)
    return [Mount(Volume.secret("htpasswd", secret, {contract.HTPASSWD: path.name}), str(path.parent))]


def _ssh_key(cluster: Cluster) -> list[Mount]:
    path = PurePosixPath(ssh_key_file(cluster.values))
    secret = cluster.secret(contract.SSH)
    return [Mount(Volume.secret("st2-ssh-key", secret, {contract.SSH_PRIVATE_KEY: path.name}), str(path.parent))]


def _credentials(cluster: Cluster) -> list[Mount]:
    path = PurePosixPath(CLIENT_CONFIG_PATH)
    secret = cluster.secret(contract.CLIENT)
    return [Mount(Volume.secret("st2client-config", secret, {contract.CLIENT_CONFIG: path.name}), str(path.parent))]


def _overrides(cluster: Cluster) -> list[Mount]:
    overrides = present(cluster.values.st2.overrides)
    if not overrides:
        return []
    config_maps = map(cluster.release.named, parted(OVERRIDES_CONFIG_MAP, overrides))
    # They are read when content is registered.
    volume = Volume.config_maps("st2-overrides", config_maps, fingerprint=fingerprint(overrides), live=True)
    return [Mount(volume, f"{STACKSTORM}/overrides")]


def rbac_config_map(kind: str) -> str:
    """The name of the ConfigMap with RBAC definitions of a kind, and of the volume of it."""
    return f"st2-rbac-{kind}"


def _rbac(cluster: Cluster) -> list[Mount]:
    return [
        Mount(
            # Without any files, the ConfigMap is there nevertheless: the folder must be.
            Volume.config_maps(
                rbac_config_map(kind),
                map(cluster.release.named, parted(rbac_config_map(kind), definitions) or [rbac_config_map(kind)]),
                fingerprint=fingerprint(definitions),
                live=True,
            ),
            f"{STACKSTORM}/rbac/{kind}",
        )
        for kind, definitions in cluster.role_files.items()
    ]


def _stream_log(cluster: Cluster) -> list[Mount]:
    config_map = cluster.release.named(STREAM_LOG_CONFIG_MAP)
    volume = Volume.config_map(STREAM_LOG_CONFIG_MAP, config_map, fingerprint=fingerprint(stream_log()))
    return [Mount(volume, f"{CONF_DIRECTORY}/{STREAM_LOG}", sub_path=STREAM_LOG)]


_PACKS: Mapping[Content, PacksMounts] = {
    Content.PACKS: packs.packs_mounts,
    Content.VIRTUALENVS: packs.virtualenvs_mounts,
    Content.CONFIGS: packs.configs_mounts,
}
_MOUNTS: Mapping[Content, Callable[[Cluster], list[Mount]]] = {
    Content.CRYPTO_KEY: _crypto_key,
    Content.HTPASSWD: _htpasswd,
    Content.SSH_KEY: _ssh_key,
    Content.OVERRIDES: _overrides,
    Content.RBAC: _rbac,
    Content.CREDENTIALS: _credentials,
    Content.STREAM_LOG: _stream_log,
}

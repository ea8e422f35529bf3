"""The ConfigMaps that StackStorm's services share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_st2.facts.catalogue import ST2API, ST2AUTH, ST2STREAM, ST2WEB
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.content import present
from constructs_st2.facts.release import Role
from constructs_st2.facts.st2_conf.stream_log import STREAM_LOG, stream_log
from constructs_st2.kube import builders as objects
from constructs_st2.kube.documents import Document
from constructs_st2.kube.parted import parted
from constructs_st2.parts import packs
from constructs_st2.parts.backends import payload
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.python_programs import Programs
from constructs_st2.parts.services import internal_tls
from constructs_st2.parts.services.contents import OVERRIDES_CONFIG_MAP

_SERVICES = Programs("constructs_st2.parts.services.scripts", ("leave_registry",))


def urls(cluster: Cluster) -> dict[str, str]:
    """Where clients inside the cluster find the APIs, as the st2 command line and the chat bot expect it."""
    scheme = "https" if internal_tls.is_on(cluster) else "http"
    return {
        **{
            f"ST2_{entry.name.removeprefix('st2').upper()}_URL": (
                f"{scheme}://{cluster.release.named(entry.name)}:{entry.port}/"
            )
            for entry in (ST2AUTH, ST2API, ST2STREAM)
        },
        **internal_tls.client_env(cluster),
    }


def config_maps(cluster: Cluster) -> Iterator[Document]:
    """The shared ConfigMaps; those for content that the user does not have are left out."""
    values = cluster.values.st2
    yield config_map("st2-config", cluster.settings.files, cluster)
    yield config_map("st2-stream-log", {STREAM_LOG: stream_log()}, cluster, component=ST2STREAM.name)
    yield config_map("st2-urls", urls(cluster), cluster)
    yield config_map("st2-scripts", {**scripts.texts(_SERVICES.package), **_SERVICES.texts}, cluster)
    if library := payload.config_map(cluster):
        yield library
    for name, data in packs.config_maps(cluster):
        yield config_map(name, data, cluster)
    if values.has_items:
        from constructs_st2.parts.jobs import load_datastore

        for name, data in load_datastore.config_maps(cluster):
            yield config_map(name, data, cluster)
    for name, data in parted(OVERRIDES_CONFIG_MAP, present(values.overrides)).items():
        yield config_map(name, data, cluster)
    for kind, definitions in cluster.role_files.items():
        for name, data in (parted(f"st2-rbac-{kind}", definitions) or {f"st2-rbac-{kind}": {}}).items():
            yield config_map(name, data, cluster)


def config_map(name: str, data: Mapping[str, str], cluster: Cluster, *, component: str = "st2") -> Document:
    """A ConfigMap of the release.

    Args:
        name: its name, after the release's.
        data: file names and contents.
        cluster: the cluster that it belongs to.
        component: the part of the cluster that reads it; by default several do.
    """
    role: Role = "frontend" if component == ST2WEB.name else "backend"
    metadata: Document = {
        "name": cluster.release.named(name),
        "namespace": cluster.release.namespace,
        "labels": cluster.release.labels(component, role),
    }
    return objects.config_map(metadata, data)

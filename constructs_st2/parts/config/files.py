"""The ConfigMaps that StackStorm's services share."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.facts.catalogue import ST2STREAM
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.content import present
from constructs_st2.facts.st2_conf.stream_log import STREAM_LOG, stream_log
from constructs_st2.kube.documents import Document
from constructs_st2.kube.parted import parted
from constructs_st2.parts import packs
from constructs_st2.parts.backends import payload
from constructs_st2.parts.config_maps import config_map
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.python_programs import Programs
from constructs_st2.parts.services.contents import OVERRIDES_CONFIG_MAP, STREAM_LOG_CONFIG_MAP, rbac_config_map
from constructs_st2.parts.services.process import CONFIG_MAP
from constructs_st2.parts.services.urls import URLS, urls
from constructs_st2.parts.services.users import PASSWD, passwd
from constructs_st2.parts.services.waiting import SCRIPTS

_SERVICES = Programs("constructs_st2.parts.services.scripts", ("service_registry",))


def config_maps(cluster: Cluster) -> Iterator[Document]:
    """The shared ConfigMaps; those for content that the user does not have are left out."""
    values = cluster.values.st2
    yield config_map(CONFIG_MAP, cluster.settings.files, cluster)
    yield config_map(STREAM_LOG_CONFIG_MAP, {STREAM_LOG: stream_log()}, cluster, component=ST2STREAM.name)
    yield config_map(URLS, urls(cluster), cluster)
    programs = {**scripts.texts(_SERVICES.package), **_SERVICES.texts}
    yield config_map(SCRIPTS, {**programs, PASSWD: passwd(cluster.values)}, cluster)
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
        for name, data in (parted(rbac_config_map(kind), definitions) or {rbac_config_map(kind): {}}).items():
            yield config_map(name, data, cluster)

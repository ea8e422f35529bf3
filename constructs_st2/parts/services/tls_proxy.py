"""TLS in front of st2auth, st2api and st2stream, which have none themselves: an nginx beside each of them.

st2auth could do so by itself; one way for all three is simpler.
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs_st2.facts.catalogue import ST2WEB, CatalogueEntry
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.config_maps import config_map
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.scripts import command
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.parts.services import nginx
from constructs_st2.parts.services.process import Process, http_probes, scratch
from constructs_st2.parts.services.scripts import NGINX
from constructs_st2.parts.services.stopping import stoppable
from constructs_st2.parts.services.waiting import scripts_mount

CONTAINER = "tls"
PORT_NAME = "https"


def behind_tls(process: Process, entry: CatalogueEntry, cluster: Cluster) -> Process:
    """The process of a service, which listens within its pod only, with nginx beside it."""
    return process._replace(ports={}, beside=[_container(entry, cluster)])


def service_ports(entry: CatalogueEntry) -> dict[str, int]:
    """The ports of its Service: the number is the same as without TLS."""
    return {PORT_NAME: entry.port} if entry.port else {}


def config_maps(entry: CatalogueEntry, cluster: Cluster) -> list[Document]:
    """nginx's configuration."""
    return [config_map(_name(entry), _files(entry), cluster, component=entry.name)]


def _container(entry: CatalogueEntry, cluster: Cluster) -> Container:
    config = Volume.config_map("nginx", cluster.release.named(_name(entry)), fingerprint=fingerprint(_files(entry)))
    files = {contract.TLS_CERTIFICATE: nginx.CERTIFICATE_FILE, contract.TLS_KEY: nginx.KEY_FILE}
    certificate = Volume.secret("tls", cluster.secret(contract.ST2_TLS), files)
    return Container(
        name=CONTAINER,
        image=cluster.images.st2(ST2WEB.name, cluster.values.st2web.image),
        # It ends together with the service: as long as that takes requests. What is under way then may end.
        command=stoppable([*command(NGINX, nginx.CERTIFICATE), *nginx.COMMAND], ST2WEB.stop, entry, cluster.values),
        ports={PORT_NAME: nginx.HTTPS_PORT},
        resources=cluster.values.helper_resources.of("tls"),
        probes=http_probes(
            {"httpGet": {"path": nginx.HEALTH_PATH, "port": PORT_NAME, "scheme": "HTTPS"}},
            usual_start=nginx.USUAL_START,
        ),
        mounts=[
            Mount(config, nginx.CONFIG_DIRECTORY),
            Mount(certificate, nginx.CERTIFICATE_DIRECTORY),
            *scratch(),
            scripts_mount(cluster.release),
        ],
    )


def _files(entry: CatalogueEntry) -> Mapping[str, str]:
    return nginx.proxy_files(entry.port or 0)


def _name(entry: CatalogueEntry) -> str:
    return f"{entry.name}-nginx"

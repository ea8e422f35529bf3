"""st2web: nginx with a configuration of our own, which needs neither root nor a writable image."""

from __future__ import annotations

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.catalogue import ST2API, ST2AUTH, ST2STREAM, ST2WEB, CatalogueEntry
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.kube.quantity import amount
from constructs_st2.parts.config_maps import config_map
from constructs_st2.parts.pods.pod import EPHEMERAL_STORAGE
from constructs_st2.parts.pods.scripts import command
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.parts.services import internal_tls, nginx
from constructs_st2.parts.services.process import Process, http_probes, scratch
from constructs_st2.parts.services.scripts import NGINX
from constructs_st2.parts.services.stopping import stoppable
from constructs_st2.parts.services.waiting import scripts_mount
from constructs_st2.values.model import Values
from constructs_st2.values.model.services import Web

NGINX_CONFIG = "st2web-nginx"
UI_CONFIG = "st2web-config"
_UI_CONFIG_FILE = "config.js"
_UI_CONFIG_PATH = "/opt/stackstorm/static/webui/config.js"

_SMALL_BODIES = 512 * 2**20
"""Bytes of disk for logs, and for request bodies that are no uploads: one of 100 kB for each connection."""
_MOST_UPLOADS = 64


def ports(values: Values) -> dict[str, int]:
    """The ports of the Service, the one for users first. With TLS, plain HTTP only redirects."""
    return {"https": 443, "http": 80} if values.st2web.tls.enabled else {"http": 80}


def process(cluster: Cluster) -> Process:
    """nginx, serving the UI and passing /api, /auth and /stream on."""
    https = cluster.values.st2web.tls.enabled
    scheme = "https" if https else "http"
    check = {"httpGet": {"path": nginx.HEALTH_PATH, "port": scheme, "scheme": scheme.upper()}}
    container_ports = {"https": nginx.HTTPS_PORT, "http": nginx.HTTP_PORT}
    config = nginx_files(cluster)
    mounts = [
        Mount(
            Volume.config_map("nginx", cluster.release.named(NGINX_CONFIG), fingerprint=fingerprint(config)),
            nginx.CONFIG_DIRECTORY,
        ),
        *scratch(),
        scripts_mount(cluster.release),
        *internal_tls.authority_mounts(cluster),
    ]
    if https:
        files = {contract.TLS_CERTIFICATE: nginx.CERTIFICATE_FILE, contract.TLS_KEY: nginx.KEY_FILE}
        volume = Volume.secret("tls", cluster.secret(contract.WEB_TLS), files)
        mounts.append(Mount(volume, nginx.CERTIFICATE_DIRECTORY))
    if cluster.values.st2web.config is not None:
        volume = Volume.config_map(
            UI_CONFIG, cluster.release.named(UI_CONFIG), fingerprint=fingerprint(cluster.values.st2web.config)
        )
        mounts.append(Mount(volume, _UI_CONFIG_PATH, sub_path=_UI_CONFIG_FILE))
    program = [*command(NGINX, nginx.CERTIFICATE), *nginx.COMMAND] if https else nginx.COMMAND
    return Process(
        command=stoppable(program, ST2WEB.stop, ST2WEB, cluster.values),
        ports={name: container_ports[name] for name in ports(cluster.values)},
        mounts=mounts,
        probes=http_probes(check, usual_start=nginx.USUAL_START),
    )


def nginx_files(cluster: Cluster) -> dict[str, str]:
    """nginx's configuration."""

    def upstream(entry: CatalogueEntry) -> str:
        return f"{cluster.release.host(entry.name)}:{entry.port}"

    return nginx.config_files(
        nginx.Upstreams(upstream(ST2AUTH), upstream(ST2API), upstream(ST2STREAM)),
        https=cluster.values.st2web.tls.enabled,
        max_body_size=cluster.values.st2web.max_upload_size,
        limits=_limits(cluster.values.st2web),
        authority=internal_tls.AUTHORITY if internal_tls.is_on(cluster.values) else None,
    )


def _limits(settings: Web) -> nginx.Limits:
    """What one client may take.

    Raises:
        InvalidValues: there is no room for a single upload.
    """
    given = settings.limits
    # Of a NodePort or load balancer, kube-proxy shows the address of a node, unless it is told to keep to the node.
    knows_clients = bool(settings.real_ip.proxies) or settings.service.external_traffic_policy == "Local"
    return nginx.Limits(
        uploads=_uploads(settings),
        uploads_of_client=given.uploads,
        connections=given.requests,
        logins=given.logins_per_minute,
        logins_of_address=given.logins_per_minute_and_address,
        proxies=settings.real_ip.proxies,
        header=settings.real_ip.header,
        knows_clients=knows_clients,
    )


def _uploads(settings: Web) -> int:
    """How many large request bodies fit in /tmp at the same time."""
    size = nginx.size_in_bytes(settings.max_upload_size)
    disk = settings.resources.get("limits", {}).get(EPHEMERAL_STORAGE)
    if size and not disk:
        return _MOST_UPLOADS
    uploads = int((amount(disk) - _SMALL_BODIES) // size) if size and disk else 0
    if uploads < 1:
        message = (
            f"is {settings.max_upload_size}, for which the disk that a pod may use has no room besides other requests; "
            f"raise st2web.resources.limits.{EPHEMERAL_STORAGE}, which is {disk}"
            if size
            else "must be greater than 0: what has no bound fills the disk of the node"
        )
        raise InvalidValues(ValueProblem("st2web.maxUploadSize", message))
    return min(uploads, _MOST_UPLOADS)


def config_maps(cluster: Cluster) -> list[Document]:
    """nginx's configuration, and that of the UI where the user has one."""
    contents = {NGINX_CONFIG: nginx_files(cluster)}
    if cluster.values.st2web.config is not None:
        contents[UI_CONFIG] = {_UI_CONFIG_FILE: cluster.values.st2web.config}
    return [config_map(name, data, cluster, component=ST2WEB.name) for name, data in contents.items()]

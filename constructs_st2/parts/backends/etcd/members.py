"""etcd: the other coordination backend.

Its image holds nothing but etcd: there is no shell. So an init container of another image decides whether a member
without data begins a cluster or joins one, and writes the configuration; and a container beside each member tells the
others whether it has ever been in a cluster (see ``scripts/join.sh``).
"""

from __future__ import annotations

from collections.abc import Sequence

from constructs_st2.facts.backends import ETCD
from constructs_st2.facts.backends import ETCD_PEER_PORT as PEER_PORT
from constructs_st2.facts.backends import ETCD_WITNESS_PORT as WITNESS_PORT
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.pod_paths import STATE_PATH
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.backends import tls
from constructs_st2.parts.backends.etcd.config import config_file
from constructs_st2.parts.backends.member_set import MemberSet, config_mount, data_mount, members_file, scripts_mount
from constructs_st2.parts.backends.option_files import laid_over
from constructs_st2.parts.backends.server import Server, Version
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.variables import OWN_POD_NAME, POD_NAME, env_text
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model.backends import Option

SERVER = Server(
    key="etcd",
    name="etcd",
    repository="quay.io/coreos/etcd",
    oldest=Version(3, 4),
)
UID = 1000
DATA_PATH = "/var/lib/etcd"

CONFIG = "etcd.yaml"

_CLIENT_PORTS = {"client": ETCD.port}
_SERVER_PORTS = {"peer": PEER_PORT, "metrics": ETCD.metrics_port}
_WITNESS_PORTS = {"witness": WITNESS_PORT}
_STATE = Volume.scratch_in_memory("state")

_JOIN = "join.sh"
_WITNESS = "witness.sh"

_OURS = (
    "advertise-client-urls",
    "data-dir",
    "enable-grpc-gateway",
    "initial-",
    "listen-",
    "name",
    "strict-reconfig-check",
    "wal-dir",
)

_TLS = {
    "cert-file": tls.CERTIFICATE,
    "key-file": tls.KEY,
    "peer-cert-file": tls.CERTIFICATE,
    "peer-key-file": tls.KEY,
    "peer-trusted-ca-file": tls.AUTHORITY,
    # Members show each other their certificates; clients need none.
    "peer-client-cert-auth": "true",
}
_CLIENT_ENV = [
    env_text("ETCDCTL_ENDPOINTS", f"https://127.0.0.1:{ETCD.port}"),
    env_text("ETCDCTL_CACERT", tls.AUTHORITY),
]
"""For etcdctl in a member, which by itself would come without TLS."""


def member_set(cluster: Cluster) -> MemberSet:
    """The members of the cluster.

    Raises:
        InvalidValues: the image or the configuration cannot be used.
    """
    settings = cluster.values.etcd
    version = SERVER.version(settings, cluster)
    config = config_file(_flags(cluster))
    helper_mounts = _helper_mounts(config, cluster)
    return MemberSet(
        backend=ETCD,
        version=version,
        has_shell=False,
        settings=settings,
        uid=UID,
        grace=30,
        containers=[_server(version, cluster), _witness(helper_mounts, cluster)],
        init_containers=[_joining(helper_mounts, cluster)],
        client_ports=_CLIENT_PORTS,
        peer_ports={**_SERVER_PORTS, **_WITNESS_PORTS},
        config={CONFIG: config, **members_file(cluster.release.members(ETCD.component, settings.replicas))},
        scripts=scripts.texts("constructs_st2.parts.backends.etcd.scripts"),
    )


def _server(version: Version, cluster: Cluster) -> Container:
    settings = cluster.values.etcd
    certificates = tls.server_mounts(contract.ETCD_TLS, cluster, reloads=True)
    return Container(
        name="etcd",
        image=SERVER.image(settings, cluster),
        command=["etcd"],
        args=[f"--config-file={STATE_PATH}/{CONFIG}"],
        env=_CLIENT_ENV if certificates else [],
        ports={**_CLIENT_PORTS, **_SERVER_PORTS},
        resources=settings.resources,
        probes=_probes(version),
        mounts=[data_mount(settings, DATA_PATH), Mount(_STATE, STATE_PATH), *certificates],
    )


def _witness(mounts: Sequence[Mount], cluster: Cluster) -> Container:
    """Tells the others whether the member has ever been in a cluster."""
    return _helper("witness", _WITNESS, mounts, cluster)._replace(ports=_WITNESS_PORTS)


def _joining(mounts: Sequence[Mount], cluster: Cluster) -> Container:
    """Decides whether a member without data begins a cluster or joins one, and writes its configuration."""
    return _helper("join", _JOIN, mounts, cluster)


def _helper(name: str, script: str, mounts: Sequence[Mount], cluster: Cluster) -> Container:
    """A container that works for the server by a script."""
    return Container(
        name=name,
        image=cluster.images.utility(),
        command=scripts.command(script),
        env=[POD_NAME],
        resources=cluster.values.helper_resources.of("scripts"),
        mounts=mounts,
    )


def _helper_mounts(config: str, cluster: Cluster) -> list[Mount]:
    """What the containers have that work for the server."""
    return [
        data_mount(cluster.values.etcd, DATA_PATH),
        Mount(_STATE, STATE_PATH, writable=True),
        # What members there are matters to those without data only: another number restarts none of them.
        config_mount(ETCD, cluster.release, fingerprint(config)),
        scripts_mount(ETCD, cluster.release),
        *tls.client_mounts(contract.ETCD_TLS, cluster),
    ]


def _flags(cluster: Cluster) -> dict[str, Option]:
    """All but the first members and whether to join them: the scripts add those, and the name of the pod."""
    settings = cluster.values.etcd
    security = _TLS if contract.ETCD_TLS.in_use(cluster.values) else {}
    scheme = "https" if security else "http"
    own_host = f"{OWN_POD_NAME}.{cluster.release.members_domain(ETCD.component)}"
    own: dict[str, Option] = {
        "name": OWN_POD_NAME,
        # A folder below the mount, which belongs to another user: etcd wants its own to be private.
        "data-dir": f"{DATA_PATH}/data",
        "listen-client-urls": f"{scheme}://0.0.0.0:{ETCD.port}",
        "listen-peer-urls": f"{scheme}://0.0.0.0:{PEER_PORT}",
        "listen-metrics-urls": f"http://0.0.0.0:{ETCD.metrics_port}",
        "advertise-client-urls": f"{scheme}://{own_host}:{ETCD.port}",
        "initial-advertise-peer-urls": f"{scheme}://{own_host}:{PEER_PORT}",
        "initial-cluster-token": f"{cluster.release.namespace}-{cluster.release.named(ETCD.component)}",
        # Leases of locks and members are written all the time.
        "auto-compaction-mode": "periodic",
        "auto-compaction-retention": "1h",
        "quota-backend-bytes": "2147483648",
        "strict-reconfig-check": "true",
        # By which scripts and clients talk to it. It is off where there is a configuration file.
        "enable-grpc-gateway": "true",
        **security,
    }
    return laid_over(own, settings.configuration, key="etcd.configuration", ours=(*_OURS, *security))


def _probes(version: Version) -> dict[str, Document]:
    """Liveness must not ask whether there is a majority: a restart would not bring one."""

    def get(path: str) -> Document:
        return {"httpGet": {"path": path, "port": "metrics"}}

    # Debian's and other builds of 3.4 do not have the two paths that were made for Kubernetes.
    has_paths = version >= Version(3, 5)
    alive = get("/livez") if has_paths else {"tcpSocket": {"port": "metrics"}}
    ready = get("/readyz") if has_paths else get("/health")
    return {
        "startupProbe": {**alive, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 60},
        "livenessProbe": {**alive, "periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 6},
        "readinessProbe": {**ready, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 2},
    }

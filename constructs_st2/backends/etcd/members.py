"""etcd: the other coordination backend.

Its image holds nothing but etcd: there is no shell, so all is said in arguments, and a member that lost its data is
replaced by hand (docs/backends.md).
"""

from __future__ import annotations

from constructs_st2.backends import ETCD, tls
from constructs_st2.backends.member_set import POD_NAME, MemberSet, data_mount
from constructs_st2.backends.options import laid_over
from constructs_st2.backends.server import Server, Version
from constructs_st2.cluster import Cluster
from constructs_st2.kubernetes import Document
from constructs_st2.pod import Container, env_text
from constructs_st2.secrets import contract
from constructs_st2.values.model.backends import Option

SERVER = Server(
    key="etcd",
    name="etcd",
    repository="quay.io/coreos/etcd",
    tags={"3.8": "v3.5.33", "3.9": "v3.5.33"},
    oldest=Version(3, 4),
)
UID = 1000
PEER_PORT = 2380
METRICS_PORT = 2381
DATA_PATH = "/var/lib/etcd"

_OURS = (
    "advertise-client-urls",
    "data-dir",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "initial-cluster-token",
    "listen-",
    "name",
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
    certificates = tls.server_mounts(contract.ETCD_TLS, cluster, reloads=True)
    ports = {"client": ETCD.port}
    peer_ports = {"peer": PEER_PORT, "metrics": METRICS_PORT}
    return MemberSet(
        backend=ETCD,
        settings=settings,
        uid=UID,
        grace=30,
        containers=[
            Container(
                name="etcd",
                image=SERVER.image(settings, cluster),
                command=["etcd"],
                args=[
                    f"--{flag}={value}"
                    for flag, values in _flags(cluster).items()
                    for value in (values if isinstance(values, list) else [values])
                ],
                env=[POD_NAME, *(_CLIENT_ENV if certificates else [])],
                ports={**ports, **peer_ports},
                resources=settings.resources,
                probes=_probes(version),
                mounts=[data_mount(settings, DATA_PATH), *certificates],
            )
        ],
        client_ports=ports,
        peer_ports=peer_ports,
    )


def _flags(cluster: Cluster) -> dict[str, Option]:
    settings = cluster.values.etcd
    names = [f"{cluster.release.named(ETCD.component)}-{ordinal}" for ordinal in range(settings.replicas)]
    hosts = cluster.release.members(ETCD.component, settings.replicas)
    security = _TLS if contract.ETCD_TLS.in_use(cluster.values) else {}
    scheme = "https" if security else "http"
    own_host = f"$(POD_NAME).{cluster.release.host(f'{ETCD.component}-headless')}"
    own: dict[str, Option] = {
        "name": "$(POD_NAME)",
        # A folder below the mount, which belongs to another user: etcd wants its own to be private.
        "data-dir": f"{DATA_PATH}/data",
        "listen-client-urls": f"{scheme}://0.0.0.0:{ETCD.port}",
        "listen-peer-urls": f"{scheme}://0.0.0.0:{PEER_PORT}",
        "listen-metrics-urls": f"http://0.0.0.0:{METRICS_PORT}",
        "advertise-client-urls": f"{scheme}://{own_host}:{ETCD.port}",
        "initial-advertise-peer-urls": f"{scheme}://{own_host}:{PEER_PORT}",
        "initial-cluster": ",".join(
            f"{name}={scheme}://{host}:{PEER_PORT}" for name, host in zip(names, hosts, strict=True)
        ),
        # Both matter at the first start of a member only; `existing` is for members that join later.
        "initial-cluster-state": "new",
        "initial-cluster-token": f"{cluster.release.namespace}-{cluster.release.named(ETCD.component)}",
        # Leases of locks and members are written all the time.
        "auto-compaction-mode": "periodic",
        "auto-compaction-retention": "1h",
        "quota-backend-bytes": "2147483648",
        "strict-reconfig-check": "true",
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

"""Redis with Sentinel: one Redis accepts writes, and the sentinels agree on which.

Each pod has a Redis, a sentinel, and a guard that leads back a Redis which nobody knows any more, and a sentinel which
knows another master than the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constructs_st2.facts.backends import REDIS_SENTINEL
from constructs_st2.facts.backends.redis import METRICS_USER, own_address
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.pod_paths import OWN, STATE_PATH
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.versions import ST2_RELEASES
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.backends import looking, tls
from constructs_st2.parts.backends.member_set import (
    MemberSet,
    config_mount,
    data_mount,
    members_file,
    scripts_mount,
    secret_mount,
)
from constructs_st2.parts.backends.option_files import lines
from constructs_st2.parts.backends.redis.config import encrypted, plain, redis_conf, sentinel_conf
from constructs_st2.parts.backends.server import Server, Version
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.variables import POD_NAME, env_text
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.servers import REDIS_PORT

SERVER = Server(
    key="redis",
    name="Redis",
    repository="docker.io/library/redis",
    # Sentinel resolves names since 6.2.
    oldest=Version(6, 2),
)
UID = 999
"""The user `redis` of the image."""

GRACE = 60
_SECONDS_TO_HAND_OVER = 25

METRICS_PATH = f"{OWN}/metrics"

REDIS_CONF = "redis.conf"
SENTINEL_CONF = "sentinel.conf"

_START_REDIS = "start-redis.sh"
_START_SENTINEL = "start-sentinel.sh"
_GUARD = "guard.sh"
_STOP = "stop.sh"
_ALIVE = "alive.sh"
_READY = "ready.sh"
_SENTINEL_READY = "ready-sentinel.sh"


def member_set(cluster: Cluster) -> MemberSet:
    """The pods of Redis and its sentinels.

    Raises:
        InvalidValues: the image or the configuration cannot be used.
    """
    settings = cluster.values.redis
    config = _config(cluster)
    mounts = _mounts(config, cluster)
    return MemberSet(
        backend=REDIS_SENTINEL,
        version=SERVER.version(settings, cluster),
        settings=settings,
        uid=UID,
        grace=GRACE,
        # A sentinel keeps trying the former address of a pod for up to 15 s, and cannot promote that replica before
        # (SENTINEL_MIN_LINK_RECONNECT_PERIOD in sentinel.c).
        steady=15,
        containers=[
            _server(mounts, cluster),
            _sentinel(mounts, cluster),
            _guard(mounts, cluster),
            *_exporter(cluster),
        ],
        client_ports={"sentinel": REDIS_SENTINEL.port},
        peer_ports={"redis": REDIS_PORT},
        config=config,
        scripts={**scripts.texts("constructs_st2.parts.backends.redis.scripts"), **looking.SCRIPTS},
    )


def _config(cluster: Cluster) -> dict[str, str]:
    """The files of the configuration."""
    settings = cluster.values.redis
    listener = encrypted if contract.REDIS_TLS.in_use(cluster.values) else plain
    return {
        REDIS_CONF: lines(redis_conf(settings, listener(REDIS_PORT)), " "),
        SENTINEL_CONF: lines(sentinel_conf(settings, listener(REDIS_SENTINEL.port)), " "),
        **members_file(cluster.release.members(REDIS_SENTINEL.component, settings.replicas)),
    }


def _mounts(config: Mapping[str, str], cluster: Cluster) -> list[Mount]:
    """What every container of a pod has."""
    keys = [contract.REDIS_PASSWORD]
    if ST2_RELEASES[cluster.version].sentinel_logins:
        keys.append(contract.SENTINEL_PASSWORD)
    return [
        data_mount(cluster.values.redis, "/data"),
        Mount(Volume.scratch_in_memory("state"), STATE_PATH, writable=True),
        config_mount(REDIS_SENTINEL, cluster.release, fingerprint(config)),
        secret_mount(contract.REDIS, keys, cluster),
        scripts_mount(REDIS_SENTINEL, cluster.release),
        Mount(Volume.scratch("tmp"), "/tmp", writable=True),
        *tls.server_mounts(contract.REDIS_TLS, cluster),
    ]


def _server(mounts: Sequence[Mount], cluster: Cluster) -> Container:
    settings = cluster.values.redis
    is_watched = contract.REDIS_METRICS.in_use(cluster.values)
    metrics = [_metrics_secret(cluster, contract.REDIS_METRICS_PASSWORD)] if is_watched else []
    return Container(
        name="redis",
        image=SERVER.image(settings, cluster),
        command=scripts.command(_START_REDIS),
        env=[POD_NAME],
        ports={"redis": REDIS_PORT},
        resources=settings.resources,
        probes=_probes(REDIS_PORT, scripts.command(_READY)),
        lifecycle={"preStop": {"exec": {"command": scripts.command(_STOP, _SECONDS_TO_HAND_OVER)}}},
        mounts=[*mounts, *metrics],
    )


def _sentinel(mounts: Sequence[Mount], cluster: Cluster) -> Container:
    return Container(
        name="sentinel",
        image=SERVER.image(cluster.values.redis, cluster),
        command=scripts.command(_START_SENTINEL),
        env=[POD_NAME],
        ports={"sentinel": REDIS_SENTINEL.port},
        resources=cluster.values.helper_resources.of("sentinel"),
        probes=_probes(REDIS_SENTINEL.port, scripts.command(_SENTINEL_READY)),
        mounts=mounts,
    )


def _guard(mounts: Sequence[Mount], cluster: Cluster) -> Container:
    """Leads back what nobody knows any more."""
    return Container(
        name="guard",
        image=SERVER.image(cluster.values.redis, cluster),
        command=scripts.command(_GUARD),
        env=[POD_NAME],
        resources=cluster.values.helper_resources.of("scripts"),
        probes=looking.probes("/tmp/guard"),
        mounts=mounts,
    )


def _probes(port: int, ready: list[str]) -> dict[str, Document]:
    alive = {"exec": {"command": scripts.command(_ALIVE, port)}}
    return {
        "startupProbe": {**alive, "periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 150},
        "livenessProbe": {**alive, "periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 6},
        # A sentinel asks the others, of which one that is lost with its node costs 3 s.
        "readinessProbe": {"exec": {"command": ready}, "periodSeconds": 5, "timeoutSeconds": 10},
    }


def _metrics_secret(cluster: Cluster, key: str) -> Mount:
    """The password of the exporter: of its two forms the one that a container needs."""
    volume = Volume.secret(key.partition(".")[0], cluster.secret(contract.REDIS_METRICS), {key: key})
    return Mount(volume, METRICS_PATH)


def _exporter(cluster: Cluster) -> list[Container]:
    metrics = cluster.values.redis.metrics
    if not contract.REDIS_METRICS.in_use(cluster.values):
        return []
    authority = tls.client_mounts(contract.REDIS_TLS, cluster)
    return [
        Container(
            name="metrics",
            image=cluster.images.other(metrics.image),
            env=[
                env_text("REDIS_ADDR", own_address(REDIS_PORT, tls=bool(authority))),
                env_text("REDIS_USER", METRICS_USER),
                # A password for this address alone: `/scrape?target=` would tell it to anybody.
                env_text("REDIS_PASSWORD_FILE", f"{METRICS_PATH}/{contract.EXPORTER_PASSWORDS}"),
                env_text("REDIS_EXPORTER_DISABLE_SCRAPE_ENDPOINT", "true"),
                # All settings, the passwords among them.
                env_text("REDIS_EXPORTER_CONFIG_COMMAND", "-"),
                *([env_text("REDIS_EXPORTER_TLS_CA_CERT_FILE", tls.AUTHORITY)] if authority else []),
            ],
            ports={"metrics": REDIS_SENTINEL.metrics_port},
            resources=metrics.resources,
            mounts=[_metrics_secret(cluster, contract.EXPORTER_PASSWORDS), *authority],
        )
    ]

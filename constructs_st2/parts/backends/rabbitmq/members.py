"""RabbitMQ: a cluster of quorum queues that forms by itself, without asking the Kubernetes API."""

from __future__ import annotations

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.backends import RABBITMQ, rabbitmq_peer_ports
from constructs_st2.facts.backends import RABBITMQ_DISTRIBUTION_PORT as DISTRIBUTION_PORT
from constructs_st2.facts.backends import RABBITMQ_FORMATION_PORT as FORMATION_PORT
from constructs_st2.facts.backends.rabbitmq import NODE_NAME, node_name
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.pod_paths import CONFIG_PATH, STATE_PATH
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.backends import tls
from constructs_st2.parts.backends.member_set import (
    MemberSet,
    config_mount,
    data_mount,
    members_file,
    scripts_mount,
    secret_mount,
)
from constructs_st2.parts.backends.option_files import lines
from constructs_st2.parts.backends.rabbitmq.config import (
    MANAGEMENT_PORT,
    advanced_config,
    enabled_plugins,
    encrypted,
    plain,
    settings_of_every_start,
)
from constructs_st2.parts.backends.server import Server, Version
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.variables import OWN_POD_NAME, POD_NAME, env_text
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model import Values

SERVER = Server(
    key="rabbitmq",
    name="RabbitMQ",
    repository="docker.io/library/rabbitmq",
    oldest=Version(3, 10),
)
UID = 999
"""The user `rabbitmq` of the image."""

RABBITMQ_CONF = "rabbitmq.conf"
ADVANCED_CONFIG = "advanced.config"
ENABLED_PLUGINS = "enabled_plugins"
HOME = "/var/lib/rabbitmq"

GRACE = 90
_AFTER_WAITING = 60
"""Seconds of the grace period that the node has after its preStop hook waited for the others: to hand its queues over,
and to stop. A node that takes longer is killed, and loses nothing that was confirmed."""

_START = "start.sh"
_ANSWER = "answer.sh"
_READY = "ready.sh"
_STOP = "stop.sh"


def member_set(cluster: Cluster) -> MemberSet:
    """The nodes of the cluster.

    Raises:
        InvalidValues: the image or the configuration cannot be used.
    """
    settings = cluster.values.rabbitmq
    hosts = cluster.release.members(RABBITMQ.component, settings.replicas)
    config = _config(cluster)
    # Which members there are is read again and again, so it is no part of what rolls them.
    configuration = config_mount(RABBITMQ, cluster.release, fingerprint(config))
    peers = rabbitmq_peer_ports(settings.replicas)
    return MemberSet(
        backend=RABBITMQ,
        version=SERVER.version(settings, cluster),
        settings=settings,
        uid=UID,
        grace=GRACE,
        containers=[
            _server(configuration, cluster),
            *([_formation(cluster)] if len(hosts) > 1 else []),
        ],
        client_ports=_client_ports(cluster),
        peer_ports=peers,
        config={**config, **(members_file(hosts) if len(hosts) > 1 else {})},
        scripts=scripts.texts("constructs_st2.parts.backends.rabbitmq.scripts"),
    )


def _config(cluster: Cluster) -> dict[str, str]:
    """The files of the configuration."""
    settings, port = cluster.values.rabbitmq, _port(cluster)
    metrics_port = _metrics_port(cluster)
    conf = settings_of_every_start(
        settings,
        SERVER.version(settings, cluster),
        name=cluster.release.named(RABBITMQ.component),
        listeners=encrypted(port) if contract.RABBITMQ_TLS.in_use(cluster.values) else plain(port),
        metrics_port=metrics_port,
    )
    return {
        RABBITMQ_CONF: lines(conf, " = "),
        ADVANCED_CONFIG: advanced_config(),
        ENABLED_PLUGINS: enabled_plugins(settings, metrics=metrics_port is not None),
    }


def _port(cluster: Cluster) -> int:
    """Where clients come."""
    return cluster.backends["messaging"].port


def _metrics_port(cluster: Cluster) -> int | None:
    exports = cluster.values.monitoring.exports(cluster.values.rabbitmq.metrics.enabled)
    return RABBITMQ.metrics_port if exports else None


def _client_ports(cluster: Cluster) -> dict[str, int]:
    """The ports of a node that others than nodes connect to, by name."""
    metrics_port = _metrics_port(cluster)
    metrics = {"metrics": metrics_port} if metrics_port else {}
    return {_scheme(cluster): _port(cluster), "management": MANAGEMENT_PORT, **metrics}


def _scheme(cluster: Cluster) -> str:
    return "amqps" if contract.RABBITMQ_TLS.in_use(cluster.values) else "amqp"


def _server(configuration: Mount, cluster: Cluster) -> Container:
    settings, port = cluster.values.rabbitmq, _port(cluster)
    ports = {**_client_ports(cluster), **rabbitmq_peer_ports(settings.replicas)}
    probed = (port, DISTRIBUTION_PORT)
    stop = scripts.command(_STOP, _seconds_to_wait(cluster.values), *probed)
    return Container(
        name="rabbitmq",
        image=SERVER.image(settings, cluster),
        command=scripts.command(_START, port, FORMATION_PORT),
        env=_environment(cluster),
        ports={name: number for name, number in ports.items() if number != FORMATION_PORT},
        resources=settings.resources,
        probes=_probes(_scheme(cluster), scripts.command(_READY, *probed)),
        lifecycle={"preStop": {"exec": {"command": stop}}},
        mounts=[
            Mount(Volume.scratch("home"), HOME, writable=True),
            data_mount(settings, f"{HOME}/mnesia"),
            configuration,
            secret_mount(contract.RABBITMQ, [contract.ERLANG_COOKIE, contract.DEFINITIONS], cluster),
            *_shared_mounts(cluster),
            Mount(Volume.scratch("tmp"), "/tmp", writable=True),
            *tls.server_mounts(contract.RABBITMQ_TLS, cluster, reloads=True),
        ],
    )


def _shared_mounts(cluster: Cluster) -> list[Mount]:
    """The scripts, and by what the containers of a pod tell each other."""
    state = Volume.scratch_in_memory("state")
    return [scripts_mount(RABBITMQ, cluster.release), Mount(state, STATE_PATH, writable=True)]


def _environment(cluster: Cluster) -> list[Document]:
    domain = cluster.release.members_domain(RABBITMQ.component)
    # Before 3.12 there is a second log, which goes to a file unless told otherwise.
    has_second_log = SERVER.version(cluster.values.rabbitmq, cluster) < Version(3, 12)
    return [
        POD_NAME,
        env_text("HOME", HOME),
        env_text(NODE_NAME, node_name(f"{OWN_POD_NAME}.{domain}")),
        env_text("RABBITMQ_USE_LONGNAME", "true"),
        env_text("RABBITMQ_CONFIG_FILE", f"{CONFIG_PATH}/{RABBITMQ_CONF}"),
        env_text("RABBITMQ_ADVANCED_CONFIG_FILE", f"{CONFIG_PATH}/{ADVANCED_CONFIG}"),
        env_text("RABBITMQ_ENABLED_PLUGINS_FILE", f"{CONFIG_PATH}/{ENABLED_PLUGINS}"),
        env_text("RABBITMQ_LOGS", "-"),
        *([env_text("RABBITMQ_UPGRADE_LOG", "-")] if has_second_log else []),
    ]


def _formation(cluster: Cluster) -> Container:
    """Tells the other nodes whether this one has data."""
    return Container(
        name="formation",
        image=cluster.images.utility(),
        command=scripts.command(_ANSWER, FORMATION_PORT),
        ports={"formation": FORMATION_PORT},
        resources=cluster.values.helper_resources.of("scripts"),
        probes={
            "livenessProbe": {"tcpSocket": {"port": "formation"}, "periodSeconds": 30, "timeoutSeconds": 5},
            # What it says of the server does not count, which may be waiting for others.
            "readinessProbe": {
                "initialDelaySeconds": 2,
                "httpGet": {"port": "formation"},
                "periodSeconds": 5,
                "timeoutSeconds": 5,
            },
        },
        mounts=_shared_mounts(cluster),
    )


def _probes(port: str, ready: list[str]) -> dict[str, Document]:
    """Whether the node listens: RabbitMQ's own command for probes takes seconds where CPU is short.

    https://www.rabbitmq.com/docs/monitoring#health-checks
    """
    listens = {"tcpSocket": {"port": port}, "timeoutSeconds": 5}
    return {
        # A node that waits for others to come back does not listen.
        "startupProbe": {**listens, "periodSeconds": 5, "failureThreshold": 720},
        "readinessProbe": {"exec": {"command": ready}, "periodSeconds": 10, "timeoutSeconds": 5},
        # Nor does one of a minority, and with Mnesia it can fail to come back when it sees the others again. Ten
        # minutes leave every healthy node the time to do so.
        "livenessProbe": {**listens, "periodSeconds": 30, "failureThreshold": 20},
    }


def _seconds_to_wait(values: Values) -> int:
    given = values.rabbitmq.termination_grace_period_seconds
    seconds = (GRACE if given is None else given) - _AFTER_WAITING
    if seconds < 0:
        message = f"must be at least {_AFTER_WAITING}: a node needs that long to hand its queues over and to stop"
        raise InvalidValues(ValueProblem("rabbitmq.terminationGracePeriodSeconds", message))
    return seconds

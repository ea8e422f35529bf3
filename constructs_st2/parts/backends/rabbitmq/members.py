"""RabbitMQ: a cluster of quorum queues that forms by itself, without asking the Kubernetes API."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.backends import RABBITMQ, rabbitmq_peer_ports
from constructs_st2.facts.backends import RABBITMQ_DISTRIBUTION_PORT as DISTRIBUTION_PORT
from constructs_st2.facts.backends import RABBITMQ_FORMATION_PORT as FORMATION_PORT
from constructs_st2.facts.backends.rabbitmq import NODE_NAME, node_name
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.pod_paths import CONFIG_PATH, SECRET_PATH, STATE_PATH
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.backends import tls
from constructs_st2.parts.backends.member_set import MemberSet, config_mount, data_mount, scripts_mount, secret_mount
from constructs_st2.parts.backends.option_files import lines
from constructs_st2.parts.backends.rabbitmq.config import (
    advanced_config,
    enabled_plugins,
    encrypted,
    settings_of_every_start,
)
from constructs_st2.parts.backends.server import Server, Version
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.variables import POD_NAME, env_text
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

MANAGEMENT_PORT = 15672

RABBITMQ_CONF = "rabbitmq.conf"
ADVANCED_CONFIG = "advanced.config"
ENABLED_PLUGINS = "enabled_plugins"
MEMBERS = "members"
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
    version = SERVER.version(settings, cluster)
    image = SERVER.image(settings, cluster)
    hosts = cluster.release.members(RABBITMQ.component, settings.replicas)
    port = cluster.backends["messaging"].port
    certificates = tls.server_mounts(contract.RABBITMQ_TLS, cluster, reloads=True)
    metrics_port = RABBITMQ.metrics_port if cluster.values.monitoring.exports(settings.metrics.enabled) else None
    conf = settings_of_every_start(
        settings,
        version,
        name=cluster.release.named(RABBITMQ.component),
        listeners=encrypted(port, certificate=tls.CERTIFICATE, key=tls.KEY, authority=tls.AUTHORITY)
        if certificates
        else {"listeners.tcp.default": str(port)},
        management_port=MANAGEMENT_PORT,
        metrics_port=metrics_port,
        secrets=SECRET_PATH,
    )
    config = {
        RABBITMQ_CONF: lines(conf, " = "),
        ADVANCED_CONFIG: advanced_config(),
        ENABLED_PLUGINS: enabled_plugins(settings, metrics=metrics_port is not None),
    }
    # Which members there are is read again and again.
    configuration = config_mount(RABBITMQ, cluster.release, fingerprint(config))
    clustered = len(hosts) > 1
    if clustered:
        config[MEMBERS] = "".join(f"{host}\n" for host in hosts)
    secrets = secret_mount(contract.RABBITMQ, [contract.ERLANG_COOKIE, contract.DEFINITIONS], cluster)
    own_scripts = scripts_mount(RABBITMQ, cluster.release)
    state = Mount(Volume.scratch_in_memory("state"), STATE_PATH, writable=True)
    domain = cluster.release.members_domain(RABBITMQ.component)
    environment = [
        POD_NAME,
        env_text("HOME", HOME),
        env_text(NODE_NAME, node_name(f"$(POD_NAME).{domain}")),
        env_text("RABBITMQ_USE_LONGNAME", "true"),
        env_text("RABBITMQ_CONFIG_FILE", f"{CONFIG_PATH}/{RABBITMQ_CONF}"),
        env_text("RABBITMQ_ADVANCED_CONFIG_FILE", f"{CONFIG_PATH}/{ADVANCED_CONFIG}"),
        env_text("RABBITMQ_ENABLED_PLUGINS_FILE", f"{CONFIG_PATH}/{ENABLED_PLUGINS}"),
        env_text("RABBITMQ_LOGS", "-"),
        # Before 3.12 there is a second log, which goes to a file unless told otherwise.
        *([env_text("RABBITMQ_UPGRADE_LOG", "-")] if version < Version(3, 12) else []),
    ]
    metrics = {"metrics": metrics_port} if metrics_port else {}
    scheme = "amqps" if certificates else "amqp"
    ports = {scheme: port, "management": MANAGEMENT_PORT, **metrics}
    peers = rabbitmq_peer_ports(settings.replicas)
    server_ports = {name: number for name, number in {**ports, **peers}.items() if number != FORMATION_PORT}
    probed = (port, DISTRIBUTION_PORT)
    stop = scripts.command(_STOP, _seconds_to_wait(cluster.values), *probed)
    return MemberSet(
        backend=RABBITMQ,
        version=version,
        settings=settings,
        uid=UID,
        grace=GRACE,
        containers=[
            Container(
                name="rabbitmq",
                image=image,
                command=scripts.command(_START, port, FORMATION_PORT),
                env=environment,
                ports=server_ports,
                resources=settings.resources,
                probes=_probes(scheme, scripts.command(_READY, *probed)),
                lifecycle={"preStop": {"exec": {"command": stop}}},
                mounts=[
                    Mount(Volume.scratch("home"), HOME, writable=True),
                    data_mount(settings, f"{HOME}/mnesia"),
                    configuration,
                    secrets,
                    own_scripts,
                    state,
                    Mount(Volume.scratch("tmp"), "/tmp", writable=True),
                    *certificates,
                ],
            ),
            *([_formation(cluster, [own_scripts, state])] if clustered else []),
        ],
        client_ports=ports,
        peer_ports=peers,
        config=config,
        scripts=scripts.texts("constructs_st2.parts.backends.rabbitmq.scripts"),
    )


def _formation(cluster: Cluster, mounts: Sequence[Mount]) -> Container:
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
        mounts=mounts,
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

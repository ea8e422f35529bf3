"""rabbitmq.conf and definitions.json as data."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from constructs_st2.facts.node_loss import (
    DEAD_AFTER,
    KEEPALIVE_IDLE,
    KEEPALIVE_INTERVAL,
    KEEPALIVE_PROBES,
    NET_TICKTIME,
)
from constructs_st2.facts.pod_paths import SECRET_PATH
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.quantity import amount
from constructs_st2.parts.backends import tls
from constructs_st2.parts.backends.option_files import laid_over
from constructs_st2.parts.backends.server import Version
from constructs_st2.values.model.backends import Option, Rabbitmq

MANAGEMENT_PORT = 15672

_SHARE_OF_MEMORY = Decimal("0.8")
_DISK_RESERVE = 10**9
"""Bytes that stay free on a volume which is large enough: RabbitMQ takes no more messages then."""
_TCP_OPTIONS = (
    (4, KEEPALIVE_IDLE),  # TCP_KEEPIDLE
    (5, KEEPALIVE_INTERVAL),  # TCP_KEEPINTVL
    (6, KEEPALIVE_PROBES),  # TCP_KEEPCNT
    (18, DEAD_AFTER * 1000),  # TCP_USER_TIMEOUT, in milliseconds: for data that is not acknowledged
)
_OURS = (
    "cluster_formation.",
    "definitions.",
    "listeners.tcp",
    "listeners.tcp.",
    "load_definitions",
    "log.console",
    "management.tcp.port",
    "prometheus.tcp.port",
)


_OF_EVERY_CLUSTER: Mapping[str, Option] = {
    # Not ANONYMOUS, which RabbitMQ 4 offers as well.
    "auth_mechanisms.1": "PLAIN",
    "auth_mechanisms.2": "AMQPLAIN",
    # A minority stops serving, and joins again by itself. Khepri, the metadata store of later versions, always does so,
    # and ignores this.
    "cluster_partition_handling": "pause_minority",
    "net_ticktime": str(NET_TICKTIME),
    "queue_leader_locator": "balanced",
    "definitions.import_backend": "local_filesystem",
    "definitions.local.path": f"{SECRET_PATH}/{contract.DEFINITIONS}",
    "definitions.skip_if_unchanged": "true",
    "vm_memory_high_watermark.relative": "0.6",
}


def plain(port: int) -> dict[str, Option]:
    """The options by which clients come without TLS."""
    return {"listeners.tcp.default": str(port)}


def encrypted(port: int) -> dict[str, Option]:
    """The options by which clients come with TLS and in no other way. They need no certificates of their own."""
    return {
        "listeners.tcp": "none",
        "listeners.ssl.default": str(port),
        "ssl_options.cacertfile": tls.AUTHORITY,
        "ssl_options.certfile": tls.CERTIFICATE,
        "ssl_options.keyfile": tls.KEY,
        "ssl_options.verify": "verify_peer",
        "ssl_options.fail_if_no_peer_cert": "false",
    }


def settings_of_every_start(
    settings: Rabbitmq, version: Version, *, name: str, listeners: Mapping[str, Option], metrics_port: int | None
) -> dict[str, Option]:
    """The options of rabbitmq.conf that matter whenever a node starts, with the user's laid over them.

    Args:
        settings: the user's.
        version: that of the server.
        name: what the cluster is called.
        listeners: how clients come: `plain` or `encrypted`.
        metrics_port: where metrics are served; None where they are not.

    Raises:
        InvalidValues: the user's options touch what the cluster stands on.
    """
    own: dict[str, Option] = {
        "cluster_name": name,
        "log.console": "true",
        **listeners,
        "management.tcp.port": str(MANAGEMENT_PORT),
        **_OF_EVERY_CLUSTER,
        "disk_free_limit.absolute": str(_disk_reserve(settings)),
        **({"prometheus.tcp.port": str(metrics_port)} if metrics_port else {}),
        **_memory(settings),
        **_of_version(version, settings.replicas),
    }
    return laid_over(own, settings.configuration, key="rabbitmq.configuration", ours=(*_OURS, *listeners))


def _memory(settings: Rabbitmq) -> dict[str, Option]:
    """What a node may use. By itself, Erlang sees the memory of the whole machine."""
    limit = settings.resources.get("limits", {}).get("memory")
    if not limit:
        return {}
    # Some of the container's is used outside of Erlang.
    return {"total_memory_available_override_value": str(int(amount(limit) * _SHARE_OF_MEMORY))}


def _of_version(version: Version, members: int) -> dict[str, Option]:
    """What only some versions know: RabbitMQ does not start with an option that it does not know."""
    options: dict[str, Option] = {}
    if version >= Version(3, 12):
        # st2 declares its queues without a type, also those that were made as another type before.
        options["quorum_queue.property_equivalence.relaxed_checks_on_redeclaration"] = "true"
    if version >= Version(3, 13):
        # A member that comes back with an empty disk gets its share of every queue again.
        options["quorum_queue.continuous_membership_reconciliation.enabled"] = "true"
        options["quorum_queue.continuous_membership_reconciliation.target_group_size"] = str(members)
    return options


def _disk_reserve(settings: Rabbitmq) -> int:
    if not settings.persistence.enabled:
        return _DISK_RESERVE
    return min(_DISK_RESERVE, int(amount(settings.persistence.size) / 4))


def advanced_config() -> str:
    """The text of advanced.config, a term of Erlang: what rabbitmq.conf cannot say.

    Every connection that a node accepts is closed soon after its peer is lost. By itself a node keeps it for ever, with
    its unacknowledged messages: the clients of st2 have no heartbeats (amqp of Python has none unless it is asked), and
    RabbitMQ has no keepalive. Said here, it does not depend on the system, and accepted connections inherit it.
    """
    # By their numbers in Linux, because not every version of Erlang has names for them.
    options = ", ".join(
        ["{keepalive, true}", *(f"{{raw, 6, {option}, <<{value}:32/native>>}}" for option, value in _TCP_OPTIONS)]
    )
    return f"[{{kernel, [{{inet_default_listen_options, [{options}]}}]}}].\n"


def enabled_plugins(settings: Rabbitmq, *, metrics: bool) -> str:
    """The text of the file enabled_plugins, a term of Erlang."""
    exporter = ["rabbitmq_prometheus"] if metrics else []
    names = dict.fromkeys(["rabbitmq_management", *exporter, *settings.plugins])
    return f"[{','.join(names)}].\n"

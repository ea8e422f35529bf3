"""redis.conf and sentinel.conf as data: the parts that are the same at every start."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from constructs_st2.facts.node_loss import KEEPALIVE_IDLE
from constructs_st2.kube.quantity import amount
from constructs_st2.parts.backends import tls
from constructs_st2.parts.backends.option_files import laid_over
from constructs_st2.values.model.backends import Option, Redis
from constructs_st2.values.servers import MASTER

_SHARE_OF_MEMORY = Decimal("0.5")
"""Of the container's memory: Redis copies what changes while it rewrites its log."""

_KEEPALIVE = str(KEEPALIVE_IDLE)
"""Seconds of silence after which a client is probed, three times within as many seconds again (anetKeepAlive)."""

_OURS = (
    "appendonly",
    "bind",
    "dir",
    "masterauth",
    "port",
    "protected-mode",
    "replica-announce-",
    "replicaof",
    "requirepass",
    "aclfile",
    "user",
    "slaveof",
    "include",
)


def plain(port: int) -> dict[str, Option]:
    """The options by which a server listens, without TLS."""
    return {"port": str(port)}


def encrypted(port: int) -> dict[str, Option]:
    """The same with TLS, and only so. Clients need no certificates; replicas and sentinels connect with TLS, too."""
    return {
        "port": "0",
        "tls-port": str(port),
        "tls-cert-file": tls.CERTIFICATE,
        "tls-key-file": tls.KEY,
        "tls-ca-cert-file": tls.AUTHORITY,
        "tls-auth-clients": "no",
        "tls-replication": "yes",
    }


def redis_conf(settings: Redis, listener: Mapping[str, Option]) -> dict[str, Option]:
    """The options of redis.conf, with the user's laid over them. What depends on the pod is added when it starts.

    Raises:
        InvalidValues: the user's options touch what the cluster stands on.
    """
    own: dict[str, Option] = {
        **listener,
        "bind": "* -::*",
        # Passwords are set; the mode would only refuse other pods until they are.
        "protected-mode": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        # Locks must never be evicted: better an error than two holders.
        "maxmemory-policy": "noeviction",
        # A master that was cut off stops accepting writes, which would be lost when it comes back.
        "min-replicas-to-write": "1" if settings.replicas > 1 else "0",
        "min-replicas-max-lag": "10",
        "repl-diskless-sync-delay": "0",
        "tcp-keepalive": _KEEPALIVE,
    }
    if memory := settings.resources.get("limits", {}).get("memory"):
        own["maxmemory"] = str(int(amount(memory) * _SHARE_OF_MEMORY))
    return laid_over(own, settings.configuration, key="redis.configuration", ours=(*_OURS, *listener))


def sentinel_conf(settings: Redis, listener: Mapping[str, Option]) -> dict[str, Option]:
    """The options of sentinel.conf. Which master there is, Sentinel itself writes down."""
    return {
        **listener,
        "protected-mode": "no",
        "tcp-keepalive": _KEEPALIVE,
        # Names stay when a pod gets another address; addresses would leave ghosts behind.
        "sentinel resolve-hostnames": "yes",
        "sentinel announce-hostnames": "yes",
        f"sentinel down-after-milliseconds {MASTER}": str(settings.sentinel.down_after_milliseconds),
        f"sentinel failover-timeout {MASTER}": "30000",
        f"sentinel parallel-syncs {MASTER}": "1",
    }

"""How soon each end of a long-lived connection notices that the node of the other end is lost: all packets are dropped.

Numbers that are not ours are those of the programs. They were measured with RabbitMQ 3.10, Redis 7.0, etcd 3.4, nginx
1.22, pymongo 4.6.3 and amqp 5.3.1; only those of MongoDB are from its sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from constructs_st2.facts.backends.connections import SOCKET_TIMEOUT
from constructs_st2.facts.node_loss import (
    DEAD_AFTER,
    KEEPALIVE_IDLE,
    KEEPALIVE_INTERVAL,
    KEEPALIVE_PROBES,
    NET_TICKTIME,
    NET_TICKTIME_SPREAD,
)
from constructs_st2.values.model import Values

LIMIT = 120
"""Seconds after which no connection should be left at which anybody waits."""

# src/mongo/util/net/sockaddr.cpp and its neighbours: at most 300 s of silence, and probes at most 1 s apart.
_MONGOD = KEEPALIVE_IDLE + KEEPALIVE_PROBES
# anetKeepAlive in anet.c: three probes, each a third of the time apart.
_REDIS = KEEPALIVE_IDLE + 3 * (KEEPALIVE_IDLE // 3)
# amqp/transport.py: 60 s of silence; TCP_USER_TIMEOUT of 1 s ends it with the first probe that is lost, 10 s later.
_PY_AMQP = 60 + 10
# Its time-outs of requests, in library/st2_etcd.py.
_ETCD_DRIVER = 10
# repl-timeout of Redis.
_REPLICATION = 60
_ERLANG = NET_TICKTIME * NET_TICKTIME_SPREAD
# heartbeatTimeoutSecs of MongoDB.
_HEARTBEAT = 10
# ConnReadTimeout and ConnWriteTimeout of rafthttp.
_RAFT = 5
# server/embed/etcd.go gives connections a period of 30 s; the number of probes is that of Go, 9.
_ETCD = 30 + 30 * 9
# SENTINEL_MIN_LINK_RECONNECT_PERIOD.
_SENTINEL = 15


@dataclass(frozen=True)
class Notice:
    """After how many seconds one end has noticed, and by what."""

    seconds: float
    by: str


@dataclass(frozen=True)
class Pair:
    """Both ends of a connection. ``harmless``: why it matters to nobody that an end may take longer than the limit."""

    client: str
    server: str
    of_client: Notice
    of_server: Notice
    harmless: str = ""


def pairs(values: Values) -> Iterator[Pair]:
    """All pairs within a cluster that has every backend."""
    times = f"{KEEPALIVE_IDLE}/{KEEPALIVE_INTERVAL}/{KEEPALIVE_PROBES}"
    sysctls = f"keepalive {times} (sysctls)"
    answer = values.mongodb.socket_timeout_milliseconds / 1000
    yield Pair(
        "services",
        "MongoDB",
        Notice(answer, f"`mongodb.socketTimeoutMilliseconds`; {DEAD_AFTER} s where it waits for an answer: {sysctls}"),
        Notice(_MONGOD, "keepalive of mongod, from the sysctls"),
    )
    yield Pair(
        "services",
        "RabbitMQ",
        Notice(_PY_AMQP, "keepalive of amqp; 1 s for what is sent"),
        Notice(DEAD_AFTER, f"keepalive {times} and TCP_USER_TIMEOUT (advanced.config)"),
    )
    yield Pair(
        "services",
        "Redis, sentinels",
        Notice(SOCKET_TIMEOUT, "socket_timeout in the URL"),
        Notice(_REDIS, "tcp-keepalive"),
    )
    yield Pair(
        "services",
        "etcd",
        Notice(_ETCD_DRIVER, "time-outs of the driver"),
        Notice(_ETCD, "keepalive of etcd"),
        "locks and members hang on leases, not on connections",
    )
    yield Pair(
        "sentinels",
        "Redis, sentinels",
        Notice(_SENTINEL, "pings of Sentinel, and new connections"),
        Notice(_REDIS, "tcp-keepalive"),
    )
    for name, notice in {
        "Redis (replication)": Notice(_REPLICATION, "repl-timeout"),
        "RabbitMQ": Notice(_ERLANG, "net_ticktime"),
        "MongoDB": Notice(_HEARTBEAT, "heartbeatTimeoutSecs"),
        "etcd": Notice(_RAFT, "read and write time-outs"),
    }.items():
        yield Pair(name, "its other members", notice, notice)
    yield Pair(
        "st2web",
        "st2auth, st2api, st2stream",
        Notice(DEAD_AFTER, f"{sysctls}; 2 s while it connects"),
        Notice(DEAD_AFTER, f"{sysctls} of nginx, with internal TLS"),
        "without TLS, a request that st2web had begun stays open, and costs some memory",
    )
    yield Pair(
        "browsers, API clients",
        "st2web",
        Notice(LIMIT, "their own; the web UI hears from st2stream every 25 s"),
        Notice(DEAD_AFTER, sysctls),
    )

"""How soon a cluster is rid of what was on a node that is lost: connections to its pods, and the pods themselves.

A node that loses its power or its network says nothing. Kubernetes notices after 40 to 50 s that its kubelet is silent,
and marks the node; a peer of a pod notices when a packet of its own is not answered, and only if it sends one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from constructs_st2.kube.documents import Document

if TYPE_CHECKING:
    from constructs_st2.values.model import Values

# --- connections

KEEPALIVE_IDLE = 20
"""Seconds of silence after which a connection is probed. By default, Linux waits for two hours."""
KEEPALIVE_INTERVAL = 5
"""Seconds between two probes."""
KEEPALIVE_PROBES = 4
"""How many of them in a row stay without an answer until the connection counts as dead."""
DEAD_AFTER = KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_PROBES
"""Seconds after which a silent connection is gone. It is also how long sent data may stay without an acknowledgement
where that can be said (TCP_USER_TIMEOUT): no probes are sent while data is on its way, and Linux gives up on data only
after about 15 minutes (tcp_retries2)."""

NET_TICKTIME = 30
"""Seconds of silence after which nodes of RabbitMQ hold each other for gone, and up to a quarter of it more. RabbitMQ's
own is 60. Until then queues whose leader is lost stand still, and no queue can be made: 78 s were seen with 60, because
the new leader cannot be written down while the lost node still counts."""
NET_TICKTIME_SPREAD = 1.25

SYSCTLS: Mapping[str, str] = {
    "net.ipv4.tcp_keepalive_time": str(KEEPALIVE_IDLE),
    "net.ipv4.tcp_keepalive_intvl": str(KEEPALIVE_INTERVAL),
    "net.ipv4.tcp_keepalive_probes": str(KEEPALIVE_PROBES),
}
"""Defaults of a pod's sockets, for programs that turn keepalive on and leave its times to the system. They hold for
IPv6, too. Kubernetes counts them among the safe ones since 1.29, and so do its Pod Security Standards."""


def keepalive(values: Values) -> Document:
    """The part of a pod's security context that has its dead connections found soon."""
    if not values.failover.keepalive_sysctls:
        return {}
    return {"sysctls": [{"name": name, "value": value} for name, value in SYSCTLS.items()]}


# --- pods

TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""What Kubernetes puts on a node that is lost. By itself it lets every pod stay there for 300 s."""


def tolerations(users: list[Any], seconds: int | None) -> list[Document]:
    """The tolerations of a pod that stays on a lost node for some seconds, unless the user's say otherwise.

    Args:
        users: the user's, as they are.
        seconds: how long it stays; None leaves it to Kubernetes.
    """
    if seconds is None:
        return users
    own = [
        {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
        for taint in TAINTS
        if not any(_tolerates(toleration, taint) for toleration in users)
    ]
    return [*users, *own]


def _tolerates(toleration: Mapping[str, Any], taint: str) -> bool:
    # As the admission plugin DefaultTolerationSeconds sees it. Without a key, all taints are meant.
    return toleration.get("key") in (None, "", taint) and toleration.get("effect") in (None, "", "NoExecute")

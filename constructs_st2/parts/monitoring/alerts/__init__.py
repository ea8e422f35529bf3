"""The alerts, by the group in which Prometheus computes them one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from constructs_st2.parts.alerts import Alert
from constructs_st2.parts.monitoring.alerts.etcd import ETCD
from constructs_st2.parts.monitoring.alerts.kubernetes import KUBERNETES
from constructs_st2.parts.monitoring.alerts.mongodb import MONGODB
from constructs_st2.parts.monitoring.alerts.rabbitmq import RABBITMQ
from constructs_st2.parts.monitoring.alerts.redis import REDIS
from constructs_st2.parts.monitoring.alerts.stackstorm import STACKSTORM
from constructs_st2.parts.optional import OPTIONAL_PARTS, PartHooks

_OF_EVERY_CLUSTER: Mapping[str, tuple[Alert, ...]] = {
    "stackstorm": STACKSTORM,
    "mongodb": MONGODB,
    "rabbitmq": RABBITMQ,
    "redis": REDIS,
    "etcd": ETCD,
    "kubernetes": KUBERNETES,
}


def alerts(parts: Iterable[PartHooks]) -> dict[str, tuple[Alert, ...]]:
    """The alerts of a cluster with some optional parts, by their groups."""
    found = dict(_OF_EVERY_CLUSTER)
    for part in parts:
        for group, more in part.alerts.items():
            found[group] = (*found.get(group, ()), *more)
    return found


def names() -> Iterator[str]:
    """The names of all alerts that there are."""
    everything = alerts(part.load() for part in OPTIONAL_PARTS)
    return (alert.name for group in everything.values() for alert in group)

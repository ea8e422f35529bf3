"""Alerts on Redis and its sentinels. Names of metrics: https://github.com/oliver006/redis_exporter/tree/v1.83.0"""

from __future__ import annotations

from constructs_st2.parts.alerts import Alert

REDIS: tuple[Alert, ...] = (
    Alert(
        "StackStormRedisNoMaster",
        "redis",
        "critical",
        2,
        lambda f: f"count({f.redis('redis_up')}) unless count({f.redis('redis_instance_info', role='master')})",
        "Redis has no master",
        "No member of Redis accepts writes. Services cannot take locks.",
    ),
    Alert(
        "StackStormRedisSeveralMasters",
        "redis",
        "critical",
        2,
        lambda f: f"count({f.redis('redis_instance_info', role='master')}) > 1",
        "Redis has several masters",
        "{{ $value }} members of Redis accept writes. Two services may hold the same lock.",
        members=2,
    ),
    Alert(
        "StackStormRedisReplicasMissing",
        "redis",
        "warning",
        10,
        lambda f: f"max({f.redis('redis_connected_slaves')}) < {f.members['redis'] - 1}",
        "A replica of Redis is missing",
        "The master of Redis has only {{ $value }} replicas.",
        members=2,
    ),
)

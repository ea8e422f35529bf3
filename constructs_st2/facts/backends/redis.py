"""What servers and clients of Redis must agree on."""

from __future__ import annotations

METRICS_USER = "metrics"
"""The user of Redis by whom the exporter looks at it (access list in scripts/start-redis.sh)."""


def own_address(port: int, *, tls: bool) -> str:
    """The URL of the Redis in the same pod."""
    return f"{'rediss' if tls else 'redis'}://127.0.0.1:{port}"

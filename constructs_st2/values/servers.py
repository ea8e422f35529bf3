"""What is fixed about the servers of a cluster. It is below the facts: by it one sees what keys of the chart mean."""

from __future__ import annotations

MONGODB_PORT = 27017
RABBITMQ_PORT = 5672
REDIS_PORT = 6379
SENTINEL_PORT = 26379

MASTER = "mymaster"
"""What the sentinels call the Redis that accepts writes."""

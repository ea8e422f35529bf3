"""What servers and clients of Redis must agree on."""

from __future__ import annotations

MASTER = "mymaster"
"""What the sentinels call the Redis that accepts writes."""

"""What servers and clients of Redis must agree on."""

from __future__ import annotations

from constructs_st2.facts.images import St2Version

MASTER = "mymaster"
"""What the sentinels call the Redis that accepts writes."""


def sentinels_have_a_password(version: St2Version) -> bool:
    """Whether the tooz of this st2 can log in to a sentinel: 2.8 of st2 3.8 cannot, 6.3 of st2 3.9 can."""
    return version != "3.8"

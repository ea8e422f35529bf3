"""A cluster of few objects."""

from __future__ import annotations

from typing import Any

LEAN: dict[str, Any] = {
    "profile": "dev",
    "mongodb": {"enabled": False, "external": {"uri": "mongodb://db.example.org/"}},
    "rabbitmq": {"enabled": False, "external": {"urls": ["amqp://mq.example.org/st2"]}},
    "redis": {"enabled": False},
    "coordination": {"backend": "external", "external": {"url": "redis://r.example.org:6379"}},
    "networkPolicy": {"enabled": False},
    "secrets": {"mode": "existing"},
}
"""The tree of constructs treats all objects alike, and each costs milliseconds in Node.js: so there are no backends,
and nothing else that can be left out."""

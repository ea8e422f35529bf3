"""A cluster of few objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from constructs_st2 import node

node.start()

from constructs_st2.construct.stackstorm import StackStorm  # noqa: E402
from constructs_st2.construct.tiers import Tier  # noqa: E402

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


class Lean(StackStorm):
    """A cluster without the tiers that no other needs, for what is true of any tier. With `LEAN`, it has half of the
    objects."""

    TIERS: ClassVar[Mapping[str, type[Tier]]] = {
        name: tier for name, tier in StackStorm.TIERS.items() if name in ("namespace", "config", "api", "client")
    }

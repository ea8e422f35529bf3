"""What RabbitMQ holds before anybody has connected."""

from __future__ import annotations

import json
from typing import Any

from constructs_st2.facts.secrets.composition import ComposedText, SecretPart
from constructs_st2.values.model.backends import Rabbitmq

NODE_NAME = "RABBITMQ_NODENAME"
"""The environment variable by which a node is told its name, with that of its pod in it."""
WATCH_QUEUE_EXPIRY = 60 * 60 * 1000
"""Milliseconds after which a watch queue without a consumer goes away.

Sensor containers, rules engines and timers engines make a durable queue of a new name at every start, and leave it
behind where they cannot stop in order; it then fills for ever (sensor_watcher.py and triggerwatcher.py of st2common).
"""


def node_name(host: str) -> str:
    """The name of a node, of which the first part is the same everywhere."""
    return f"rabbit@{host}"


def definitions(settings: Rabbitmq, password: SecretPart) -> ComposedText:
    """What the cluster holds before anybody has connected: the user, the virtual host and the policies.

    Args:
        settings: the user's settings.
        password: the password of StackStorm's user: hashed (encoding ``rabbitmq-hash``); or as it is (``json``), and
            then RabbitMQ hashes it when it reads the definitions.
    """
    vhost, user = settings.vhost, settings.auth.username
    mark = "{password}"
    hashed = {"password_hash": mark, "hashing_algorithm": "rabbit_password_hashing_sha256"}
    secret = hashed if password.encoding == "rabbitmq-hash" else {"password": mark}
    data: dict[str, Any] = {
        "users": [{"name": user, **secret, "tags": []}],
        "vhosts": [
            {
                "name": vhost,
                # st2 cannot ask for a type of queue. Queues that are exclusive stay classic ones.
                "metadata": {"description": "StackStorm", "tags": [], "default_queue_type": "quorum"},
            }
        ],
        "permissions": [{"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}],
        "policies": [
            {
                "name": "st2-watch-expiry",
                "vhost": vhost,
                "pattern": r"^st2\.(trigger|sensor)\.watch\.",
                "apply-to": "queues",
                "priority": 0,
                "definition": {"expires": WATCH_QUEUE_EXPIRY},
            }
        ],
    }
    before, after = json.dumps(data, indent=2).split(mark)
    if password.encoding == "json":
        # This encoding brings its own quotes.
        before, after = before[:-1], after[1:]
    return (before, password, after)

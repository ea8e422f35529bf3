"""The shell scripts that run in pods, as they are mounted there."""

from __future__ import annotations

from functools import cache
from importlib import resources

MOUNT_PATH = "/opt/constructs-st2"

WAIT_FOR = "wait-for.sh"
STOP = "stop.sh"
MESSAGING_CONNECTED = "messaging-connected.sh"
CLIENT = "client.sh"

ALL = (WAIT_FOR, STOP, MESSAGING_CONNECTED, CLIENT)


@cache
def read(name: str) -> str:
    """The text of a script."""
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")

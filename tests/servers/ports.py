"""TCP ports of this machine."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

_PAUSE = 0.05
_LONGEST_PAUSE = 1


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether something listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait until something holds.

    What takes long to ask is asked less often: servers that start beside it need the time more.

    Raises:
        TimeoutError: it did not, in that time.
    """
    begin = asked = time.monotonic()
    while not condition():
        now = time.monotonic()
        if now - begin > seconds:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(min(max(_PAUSE, now - asked), _LONGEST_PAUSE))
        asked = time.monotonic()

"""TCP ports of this machine."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# Below those that Linux gives to clients, any of which might take one before the server does that it is for.
_PORTS = range(20_000, 32_000)
_LOCKS = Path(tempfile.gettempdir()) / "constructs-st2-ports"

_PAUSES = (0.05, 1)
"""The shortest and the longest time between two looks."""
_PAUSE_OF_WAIT = 0.1
"""The pause after a look, as a share of the wait so far: looks take the CPU that the servers need to start."""


def free_port() -> int:
    """A port that nothing listens on, and that no other test is given as long as this process lives.

    Raises:
        RuntimeError: there is none.
    """
    _LOCKS.mkdir(exist_ok=True)
    begin = os.getpid() * 16 % len(_PORTS)
    for step in range(len(_PORTS)):
        if _take(port := _PORTS[(begin + step) % len(_PORTS)]):
            return port
    raise RuntimeError("all ports are taken")


def _take(port: int) -> bool:
    lock = os.open(_LOCKS / str(port), os.O_CREAT | os.O_RDWR, 0o666)
    try:
        # Held until this process ends.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        os.close(lock)
        return False
    return True


def accepts(port: int) -> bool:
    """Whether something listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


PATIENCE = 120
"""Seconds after which something that should come is taken not to come. A machine with much to do takes its time, and
where all is well nobody waits as long: shorter ones are for what must not take longer."""


def eventually(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something holds, and goes on to hold: between two looks, it may have come and gone.

    What takes long to come or to ask is asked less often: servers that start beside it need the time more.

    Raises:
        TimeoutError: it did not, in that time.
    """
    begin = asked = time.monotonic()
    while not condition():
        now = time.monotonic()
        if now - begin > seconds:
            raise TimeoutError(f"{what}: not within {seconds} s")
        shortest, longest = _PAUSES
        time.sleep(min(max(shortest, now - asked, _PAUSE_OF_WAIT * (now - begin)), longest))
        asked = time.monotonic()

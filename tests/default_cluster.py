"""What the default cluster has, said by hand: a new service or Secret is told here, and nowhere else in the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

CRYPTO_KEY = "/etc/st2/keys"
SSH_KEY = "/home/stanley/.ssh"

BACKENDS = ("mongodb", "rabbitmq", "redis")


class Service(NamedTuple):
    """What is expected of the pods of a service.

    ``stop`` is the signal that ends its process, ``grace`` the seconds that it has for that. ``registered`` is its
    group in st2's service registry. With ``shares``, several pods of it need coordination. ``serves``: clients connect
    to it, and it drains before it stops. ``mounts`` are those that not all services of Python have.
    """

    replicas: int = 2
    waits: tuple[str, ...] = BACKENDS
    stop: Literal["TERM", "INT", "QUIT"] = "TERM"
    grace: int = 30
    registered: str | None = None
    shares: bool = False
    serves: bool = False
    mounts: tuple[str, ...] = ()


SERVICES: Mapping[str, Service] = {
    "st2auth": Service(
        waits=("mongodb", "redis"), stop="INT", grace=45, registered="auth", serves=True, mounts=("/etc/st2/auth",)
    ),
    "st2api": Service(stop="INT", grace=45, registered="api", serves=True, mounts=(CRYPTO_KEY,)),
    "st2stream": Service(
        stop="INT", grace=45, registered="stream", serves=True, mounts=("/etc/st2/st2.stream.logging.conf",)
    ),
    "st2rulesengine": Service(stop="INT", registered="rulesengine", shares=True, mounts=(CRYPTO_KEY,)),
    "st2timersengine": Service(replicas=1, stop="INT", registered="timer_engine"),
    "st2workflowengine": Service(grace=330, registered="workflow_engine", shares=True, mounts=(CRYPTO_KEY,)),
    "st2scheduler": Service(registered="scheduler", shares=True, mounts=(CRYPTO_KEY,)),
    "st2notifier": Service(stop="INT", registered="notifier", shares=True),
    "st2garbagecollector": Service(replicas=1, stop="INT", registered="garbagecollector"),
    "st2sensorcontainer": Service(
        replicas=1,
        grace=60,
        registered="sensorcontainer",
        mounts=(CRYPTO_KEY, "/home/stanley", "/etc/st2/st2.sensorcontainer.conf"),
    ),
    "st2actionrunner": Service(
        replicas=5, grace=330, registered="actionrunner", mounts=(CRYPTO_KEY, SSH_KEY, "/home/stanley")
    ),
    "st2web": Service(waits=(), stop="QUIT", grace=45, serves=True),
    "st2client": Service(replicas=1, waits=(), mounts=(CRYPTO_KEY, SSH_KEY, "/home/stanley", "/etc/st2-client")),
}
"""In the order of the catalogue."""

PYTHON_SERVICES = frozenset(SERVICES) - {"st2web"}
"""Those that read st2.conf."""
SINGLE = tuple(name for name, service in SERVICES.items() if service.replicas == 1)
SEVERAL = tuple(name for name, service in SERVICES.items() if service.replicas > 1)

SECRETS = (
    "st2-auth",
    "st2-datastore-crypto-key",
    "st2-ssh",
    "st2web-tls",
    "mongodb",
    "rabbitmq",
    "redis",
    "st2-secrets-conf",
    "st2-client-config",
)
"""In the order in which they are made, without the name of the release."""

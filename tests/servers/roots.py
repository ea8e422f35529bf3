"""Servers of newer releases of Debian, each in a root file system of its own beside the servers of this machine.

They are packages that are unpacked and nothing more: no maintainer script has run, and no service was ever started.
A container of a fake pod has such a root in place of the machine's, see `servers.containers.Image`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from servers import cache


class Server(NamedTuple):
    """A server of some suite of Debian."""

    name: str
    suite: str


ROOTS: Mapping[Server, tuple[str, ...]] = {
    Server("etcd", "trixie"): ("etcd-server", "etcd-client"),
    Server("rabbitmq", "trixie"): ("rabbitmq-server",),
    Server("rabbitmq", "sid"): ("rabbitmq-server",),
    Server("redis", "trixie"): ("redis-server", "redis-sentinel"),
    Server("valkey", "trixie"): ("valkey-server", "valkey-sentinel"),
}
"""The packages of each server."""

# What scripts in pods and the fake pods themselves run.
_BASE = (
    *("base-files", "base-passwd", "bash", "coreutils", "dash", "findutils", "grep", "hostname", "libc-bin", "mawk"),
    *("mount", "procps", "sed", "util-linux"),
)

# What the scripts of packages would make, and the names of Redis's programs, which the image of Valkey has too.
_FINISH = """
set -eu
ln -sf mawk "$1/usr/bin/awk"
for program in "$1"/usr/bin/valkey-*; do
    [ ! -e "$program" ] || ln -s "${program##*/}" "$1/usr/bin/redis-${program##*/valkey-}"
done
cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"
cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
rm -rf "$1/usr/share/doc" "$1/usr/share/locale" "$1/usr/share/man"
"""

_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_MIRROR = "http://deb.debian.org/debian"


def find(server: Server) -> Path | None:
    """The root of a server, or None where there is none, or one of other packages."""
    folder = _folder(server)
    return folder if folder.exists() else None


def ensure() -> None:
    """Make the roots that are missing, as root on Debian. Never fails: tests that lack one say so."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("apt-get", "dpkg-deb"))):
        return
    missing = [server for server in ROOTS if find(server) is None]
    for suite in dict.fromkeys(server.suite for server in missing):
        with tempfile.TemporaryDirectory(prefix="apt-") as folder:
            apt = _Apt(suite, Path(folder))
            for server in missing:
                if server.suite == suite:
                    print(f"unpacking {server.name} of Debian {suite}", flush=True)
                    try:
                        _make(server, apt)
                    except subprocess.CalledProcessError as error:
                        print(error, error.stderr, sep="\n", file=sys.stderr)


def _folder(server: Server) -> Path:
    return cache.folder("roots", f"{server.name}-{server.suite}", (ROOTS[server], _BASE, _FINISH))


class _Apt:
    """An apt of another suite, with lists, cache and status of its own, which knows of no installed package."""

    def __init__(self, suite: str, folder: Path) -> None:
        for path in ("lists/partial", "archives/partial", "nothing/partial"):
            (folder / path).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(f"deb [signed-by={_KEYS}] {_mirror()} {suite} main\n")
        self._archives, self._nothing = folder / "archives", folder / "nothing"
        settings = {
            "Dir::State": folder,
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder,
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": os.devnull,
            "Dir::Etc::preferences": os.devnull,
            "Dir::Etc::preferencesparts": os.devnull,
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "root",
        }
        options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        self._command = ["apt-get", "-qq", *options]
        self._updated = False

    def fetch(self, names: Sequence[str]) -> list[Path]:
        """The files of these packages and of all that they depend on.

        Raises:
            CalledProcessError: they cannot be had.
        """
        if not self._updated:
            _run([*self._command, "update"])
            self._updated = True
        install = [*self._command, "install", "-y", "--no-install-recommends", *names]
        # It leaves out what is in its cache, as from the server before.
        uris = _run([*install, "--print-uris", "-o", f"Dir::Cache::archives={self._nothing}"])
        _run([*install, "--download-only"])
        return [self._archives / line.split()[1] for line in uris.splitlines()]


def _make(server: Server, apt: _Apt) -> None:
    """Unpack a server. The root gets its name when it is whole, so that nobody finds half of it."""
    folder = _folder(server)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as unfinished:
        root = Path(unfinished, "root")
        packages = apt.fetch([*_BASE, *ROOTS[server]])
        # First of all the links that lead from /bin and /lib to /usr.
        for package in sorted(packages, key=lambda path: not path.name.startswith("base-files_")):
            _run(["dpkg-deb", "--extract", str(package), str(root)])
        _run(["sh", "-c", _FINISH, "finish", str(root)])
        if not folder.exists():
            root.rename(folder)


def _mirror() -> str:
    """Where this machine gets Debian from."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return next((uri for uri in found if uri.rstrip("/").endswith("/debian")), _MIRROR)


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

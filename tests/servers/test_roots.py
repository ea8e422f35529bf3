"""Newer servers beside those of this machine: pods run them, and nobody finds half of one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from servers import roots
from servers.pods import FakeCluster, Image
from servers.roots import ROOTS, Server
from support import Server as FindServer
from support import need_root

VERSION = {
    "etcd": "etcd --version",
    "rabbitmq": "ls /usr/lib/rabbitmq/bin/rabbitmq-server && erl -version",
    "redis": "redis-server --version && redis-sentinel --version",
    "valkey": "redis-server --version && redis-sentinel --version",
}
BROKEN = Server("broken", "trixie")


@pytest.mark.parametrize("wanted", ROOTS, ids="-".join)
def test_a_container_has_the_root_of_its_image_and_leaves_it_as_it_was(
    wanted: Server, server: FindServer, tmp_path: Path
) -> None:
    need_root()
    root = server(*wanted)
    script = f"set -e; {VERSION[wanted.name]}; . /etc/os-release; echo $NAME; echo 1 | awk '{{print $1 + 1}}'; >/left"
    pod = {"metadata": {}, "spec": {"containers": [{"name": "main", "command": ["sh", "-c", script]}]}}
    job = {"kind": "Job", "metadata": {"name": "version"}, "spec": {"template": pod}}
    with FakeCluster([job], {}, tmp_path / "pods", images={"main": Image(root=root)}) as cluster:
        log = cluster.run("version").log("main")
    assert log.endswith("Debian GNU/Linux\n2\n")
    assert not (root / "left").exists()


def test_what_cannot_be_unpacked_is_reported_and_not_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() != 0 or subprocess.run(["dpkg-deb", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("not run: only root makes roots, on Debian")
    package = tmp_path / "half.deb"
    package.write_text("half of a package")

    def fetch(_apt: object, names: Sequence[str]) -> list[Path]:
        assert "broken-server" in names
        return [package]

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(roots, "ROOTS", {BROKEN: ("broken-server",)})
    monkeypatch.setattr(roots._Apt, "fetch", fetch)
    roots.ensure()
    assert roots.find(BROKEN) is None
    assert "half.deb" in capfd.readouterr().err
    assert list((tmp_path / "cache" / "constructs-st2" / "roots").iterdir()) == []

"""A real API server with its etcd, from the folder in KUBEBUILDER_ASSETS, and nothing that acts on what it holds."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.ports import free_port


class ApiServer:
    """A running one."""

    def __init__(self, kubectl: Path, port: int) -> None:
        self._kubectl = [
            str(kubectl),
            f"--server=https://127.0.0.1:{port}",
            "--insecure-skip-tls-verify",
            "--token=admin",
        ]

    @property
    def command(self) -> str:
        """Kubectl with what it takes to reach it."""
        return " ".join(self._kubectl)

    def kubectl(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl, however it ends."""
        command = [*self._kubectl, *arguments]
        environment = {**os.environ, "KUBECONFIG": "/dev/null", "HOME": "/nonexistent"}
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=environment)

    def must(self, *arguments: str, given: str | None = None) -> str:
        """Run kubectl, which must succeed: what it says."""
        ended = self.kubectl(*arguments, given=given)
        assert ended.returncode == 0, f"kubectl {' '.join(arguments)}: {ended.stderr}"
        return ended.stdout


@contextmanager
def api_server(assets: Path, folder: Path) -> Iterator[ApiServer]:
    """Start one, which is gone with the block."""
    client, peer, port = free_port(), free_port(), free_port()
    key = folder / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    tokens = folder / "tokens.csv"
    tokens.write_text("admin,admin,admin,system:masters\n")
    etcd = [
        str(assets / "etcd"),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",
    ]
    server = [
        str(assets / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{client}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        "--authorization-mode=RBAC",
        f"--token-auth-file={tokens}",
    ]
    with (folder / "log").open("wb") as log:
        running = [subprocess.Popen(command, stdout=log, stderr=log) for command in (etcd, server)]
        try:
            made = ApiServer(assets / "kubectl", port)
            end = time.monotonic() + 180
            while made.kubectl("get", "--raw=/readyz").returncode:
                assert time.monotonic() < end, (folder / "log").read_text()[-3000:]
                assert all(each.poll() is None for each in running), (folder / "log").read_text()[-3000:]
                time.sleep(0.5)
            yield made
        finally:
            for each in reversed(running):
                each.terminate()
                each.wait(30)

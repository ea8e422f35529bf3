"""nginx takes a renewed certificate without a restart, under the script that runs it in pods."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from servers.certificates import Authority
from servers.ports import PATIENCE, accepts, eventually, free_port
from support import Require

from constructs_st2.facts.secrets import contract

SCRIPT = resources.files("constructs_st2.parts.services.scripts") / "nginx.sh"
CONFIG = """\
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/tls/st2.crt;
        ssl_certificate_key {folder}/tls/st2.key;
    }}
}}
"""


class Nginx:
    """nginx as process of the script."""

    def __init__(self, shell: str, program: str, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.authority = Authority()
        self.renew("first")
        (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=self.port))
        nginx = [program, "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        self.process = subprocess.Popen(
            [*shell.split(), str(SCRIPT), str(folder / "tls" / "st2.crt"), *nginx],
            env={**os.environ, "RENEWAL_SECONDS": "0.1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(lambda: accepts(self.port), "nginx listens")

    def renew(self, name: str) -> None:
        """Another certificate, put into place as the kubelet does: a link is swapped."""
        made = self.authority.secret([name])
        version = self.folder / name
        version.mkdir()
        (version / "st2.crt").write_text(made[contract.TLS_CERTIFICATE])
        (version / "st2.key").write_text(made[contract.TLS_KEY])
        (self.folder / "next").symlink_to(version)
        (self.folder / "next").rename(self.folder / "tls")

    def serves(self, name: str) -> bool:
        certificate = ssl.get_server_certificate(("127.0.0.1", self.port))
        return certificate.strip() == (self.folder / name / "st2.crt").read_text().strip()


@pytest.fixture(params=["dash", "busybox sh"])
def nginx(request: pytest.FixtureRequest, require: Require, tmp_path: Path) -> Iterator[Nginx]:
    require(request.param.split()[0])
    started = Nginx(request.param, require("nginx"), tmp_path)
    try:
        yield started
    finally:
        # The loop ends with its container; here it is one of the session.
        os.killpg(started.process.pid, signal.SIGKILL)
        started.process.wait()


def test_a_renewed_certificate_is_served_and_nginx_stays_the_same_process(nginx: Nginx) -> None:
    assert nginx.serves("first")
    master = (nginx.folder / "nginx.pid").read_text().strip()
    assert master == str(nginx.process.pid)
    nginx.renew("second")
    eventually(lambda: nginx.serves("second"), "the new certificate is served")
    assert (nginx.folder / "nginx.pid").read_text().strip() == master
    assert nginx.process.poll() is None


def test_it_ends_as_nginx_does(nginx: Nginx) -> None:
    nginx.process.send_signal(signal.SIGQUIT)
    assert nginx.process.wait(PATIENCE) == 0

"""A RabbitMQ server for tests, with all that it writes in one folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from servers.ports import PATIENCE, accepts, eventually, free_port


class RabbitMQ:
    """One node, for the user guest from this machine."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._ctl = str(Path(program).with_name("rabbitmqctl"))
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }
        with (folder / "output").open("w") as output:
            self._server = subprocess.Popen([program], env=self._environment, stdout=output, stderr=output)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def wait(self) -> None:
        """Return when it accepts connections."""
        eventually(lambda: accepts(self.port) or self._server.poll() is not None, "RabbitMQ accepts connections")
        if self._server.poll() is not None:
            raise RuntimeError((self._folder / "output").read_text())

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run rabbitmqctl."""
        command = [self._ctl, "--quiet", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(PATIENCE)
        # The port mapper is a process of its own, which outlives the servers that started it.
        subprocess.run(["epmd", "-kill"], env=self._environment, capture_output=True, check=False)

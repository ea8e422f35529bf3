"""RabbitMQ of this machine: starts that take little work, and a server with all that it writes in one folder."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from servers.containers import SMALL, Image
from servers.ports import PATIENCE, accepts, eventually, free_port

_INSTALLED = Path("/usr/lib/rabbitmq")
_PLUGINS = "lib/rabbitmq_server-*/plugins"


def image(folder: Path) -> Image:
    """What stands for the image of RabbitMQ, of which a part is made in an empty folder."""
    # Where it looks for plugins of users, before its own.
    _modules_first(folder / _INSTALLED.relative_to("/") / "plugins")
    return Image(tree=folder)


def environment(folder: Path) -> Mapping[str, str]:
    """Variables of a server that runs in no container, for which an empty folder is filled."""
    _modules_first(folder)
    return {**SMALL, "RABBITMQ_PLUGINS_DIR": ":".join(map(str, [folder, *_INSTALLED.glob(_PLUGINS)]))}


def _modules_first(folder: Path) -> None:
    """Fill a folder of plugins with one in which Erlang finds every module, be it of the server or its own, at once.

    Before version 26 it does not remember what is in its 90 folders of code: for each of 1,000 modules it tries one
    after the other, which is a third of the work of a start.
    """
    modules = folder / "modules-0" / "ebin"
    modules.mkdir(parents=True)
    found = itertools.chain(
        _INSTALLED.glob(f"{_PLUGINS}/*/ebin/*.beam"), Path("/usr/lib/erlang/lib").glob("*/ebin/*.beam")
    )
    for module in found:
        # From the place of this one follows where the server's own plugins are.
        if module.stem != "rabbit_env":
            (modules / module.name).symlink_to(module)


class RabbitMQ:
    """One node, for the user guest from this machine."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._ctl = str(Path(program).with_name("rabbitmqctl"))
        self._environment = {
            **os.environ,
            **environment(folder / "modules"),
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

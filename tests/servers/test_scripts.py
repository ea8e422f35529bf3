"""The shell scripts of pods, in the shells of the images: dash in st2's, busybox in the small one."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import kombu
import pytest
from servers.ports import PATIENCE, eventually, free_port
from servers.rabbitmq import RabbitMQ
from support import Require

from constructs_st2.parts.services import scripts

FOLDER = Path(scripts.__file__).parent


class Shell:
    """Runs scripts as a pod with that shell does."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment

    def start(self, script: str, *arguments: object, **environment: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._command, str(FOLDER / script), *map(str, arguments)],
            env={**self._environment, **{name: str(value) for name, value in environment.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, *arguments: object, **environment: object) -> subprocess.CompletedProcess[str]:
        process = self.start(script, *arguments, **environment)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.fixture(scope="module")
def busybox(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The small image: no program but busybox."""
    program = require("busybox")
    applets = tmp_path_factory.mktemp("bin")
    subprocess.run([program, "--install", "-s", applets], check=True)
    return Shell([str(applets / "sh")], {"PATH": str(applets)})


@pytest.fixture(scope="module")
def dash(require: Require) -> Shell:
    """The image of st2."""
    return Shell([require("dash")], {"PATH": os.environ["PATH"]})


@pytest.fixture(scope="module")
def rabbitmq(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    server = RabbitMQ(require("rabbitmq-server"), tmp_path_factory.mktemp("rabbitmq"))
    try:
        server.wait()
        yield server
    finally:
        server.close()


@pytest.fixture(params=["dash", "busybox"])
def shell(request: pytest.FixtureRequest) -> Shell:
    found: Shell = request.getfixturevalue(request.param)
    return found


def test_they_are_portable_and_without_known_mistakes(require: Require) -> None:
    for shell in ("sh", "bash"):
        command = [require("shellcheck"), f"--shell={shell}", *map(str, FOLDER.glob(f"*.{shell}"))]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


class TestWaitFor:
    """wait-for.sh."""

    @pytest.fixture
    def listener(self) -> Iterator[int]:
        with closing(socket.create_server(("127.0.0.1", 0))) as server:
            yield server.getsockname()[1]

    def test_goes_on_at_once(self, busybox: Shell, listener: int) -> None:
        result = busybox.run(scripts.WAIT_FOR, "database", 30, "127.0.0.1", listener)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.splitlines() == [
            f"waiting for database: 127.0.0.1 {listener} (at most 30 s)",
            f"database: 127.0.0.1:{listener} accepts connections",
        ]

    def test_waits_until_it_is_there(self, busybox: Shell) -> None:
        port = free_port()
        process = busybox.start(scripts.WAIT_FOR, "database", 30, "127.0.0.1", port)
        time.sleep(1)
        assert process.poll() is None
        with closing(socket.create_server(("127.0.0.1", port))):
            process.communicate(timeout=PATIENCE)
        assert process.returncode == 0

    def test_one_of_several_is_enough(self, busybox: Shell, listener: int) -> None:
        endpoints = ["no-such-host.invalid", 27017, "127.0.0.1", free_port(), "127.0.0.1", listener]
        result = busybox.run(scripts.WAIT_FOR, "database", 30, *endpoints)
        assert result.returncode == 0
        assert f"127.0.0.1:{listener} accepts connections" in result.stdout

    def test_gives_up_and_says_on_what(self, busybox: Shell) -> None:
        port = free_port()
        result = busybox.run(scripts.WAIT_FOR, "database", 1, "127.0.0.1", port)
        assert result.returncode == 1
        assert result.stderr.startswith("gave up on database after ")
        assert result.stderr.endswith(f" s: nothing accepts connections at 127.0.0.1 {port}\n")


class TestMessagingConnected:
    """messaging-connected.sh."""

    HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

    def test_follows_a_connection_to_rabbitmq(self, shell: Shell, rabbitmq: RabbitMQ) -> None:
        def connected() -> bool:
            return shell.run(scripts.MESSAGING_CONNECTED, rabbitmq.port).returncode == 0

        assert not connected()
        with kombu.Connection(rabbitmq.url) as connection:
            connection.connect()
            assert connected()
        eventually(lambda: not connected(), "the connection is gone")

    @pytest.mark.parametrize(
        ("name", "line", "status"),
        [
            ("tcp", "   0: 0500000A:9C40 0A00000A:1628 01 00000000:00000000 00:00000000 00000000  1000        0 1", 0),
            (
                "tcp6",
                "   0: 0000000000000000FFFF00000500000A:9C40 0000000000000000FFFF00000A00000A:1628 01 00000000",
                0,
            ),
            # In the state TIME_WAIT.
            ("tcp", "   0: 0500000A:9C40 0A00000A:1628 06 00000000:00000000 00:00000000 00000000  1000        0 1", 1),
            # A connection that came in on that port.
            ("tcp", "   0: 0500000A:1628 0A00000A:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 1", 1),
            ("tcp", "", 1),
        ],
    )
    def test_reads_what_the_kernel_says(self, shell: Shell, tmp_path: Path, name: str, line: str, status: int) -> None:
        (tmp_path / name).write_text(f"{self.HEAD}{line}\n")
        assert shell.run(scripts.MESSAGING_CONNECTED, 5672, PROC_NET=tmp_path).returncode == status


class TestClient:
    """client.sh."""

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        home = tmp_path / "home of stanley"
        home.mkdir()
        return home

    @pytest.fixture
    def start(self, shell: Shell, home: Path, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
        (tmp_path / "config").write_text("[credentials]\n")
        started: list[subprocess.Popen[str]] = []

        def start() -> subprocess.Popen[str]:
            started.append(shell.start(scripts.CLIENT, tmp_path / "config", HOME=home))
            eventually((home / ".st2" / "config").is_symlink, "the configuration is linked")
            return started[-1]

        yield start
        for process in started:
            # With its sleep, as the end of a container would.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def test_gives_st2_its_configuration(
        self, start: Callable[[], subprocess.Popen[str]], home: Path, tmp_path: Path
    ) -> None:
        start()
        folder = home / ".st2"
        assert (folder / "config").read_text() == "[credentials]\n"
        assert not stat.S_IMODE(folder.stat().st_mode) & 0o007
        (tmp_path / "config").write_text("[changed]\n")
        assert (folder / "config").read_text() == "[changed]\n"

    def test_can_start_again_in_the_same_home(self, start: Callable[[], subprocess.Popen[str]]) -> None:
        start()
        second = start()
        time.sleep(0.2)
        assert second.poll() is None

    def test_ends_at_once_when_told(self, start: Callable[[], subprocess.Popen[str]]) -> None:
        process = start()
        process.terminate()
        assert process.wait(PATIENCE) == 0

"""The shell scripts of pods, in the shells of the images: dash in st2's, busybox in the small one."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
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


class TestConnected:
    """connected.sh."""

    HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

    def test_follows_a_connection_to_rabbitmq(self, shell: Shell, rabbitmq: RabbitMQ) -> None:
        def connected() -> bool:
            return shell.run(scripts.CONNECTED, rabbitmq.port).returncode == 0

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
        assert shell.run(scripts.CONNECTED, 5672, PROC_NET=tmp_path).returncode == status

    def test_pods_that_know_it_by_its_former_name_find_it(self, shell: Shell, tmp_path: Path) -> None:
        (tmp_path / "tcp").write_text(f"{self.HEAD}   0: 0500000A:9C40 0A00000A:1628 01 00000000:00000000\n")
        for port, status in ((5672, 0), (5673, 1)):
            assert shell.run("messaging-connected.sh", port, PROC_NET=tmp_path).returncode == status


class TestNotStuck:
    """not-stuck.sh, which looks at processes as they are."""

    WAITING = "ready(); [time.sleep(0.05) for _ in forever]"
    AT_WORK = "ready(); all(forever)"
    LOCKED = "threading.Thread(target=lambda: [time.sleep(0.05) for _ in forever]).start(); ready(); lock.acquire()"

    @pytest.fixture
    def start(self, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
        """Starts a program with a name of its own, as an interpreter runs it, and returns when it has begun."""
        started: list[subprocess.Popen[str]] = []

        def start(code: str, *before: str) -> subprocess.Popen[str]:
            (program := tmp_path / "program").write_text(
                f"#!{sys.executable}\nimport itertools, threading, time\nforever = itertools.count(1)\n"
                "lock = threading.Lock(); lock.acquire()\ndef ready(): print('ready', flush=True)\n" + code
            )
            program.chmod(0o700)
            command = [*before, str(program)]
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True))
            assert started[-1].stdout is not None
            assert started[-1].stdout.readline() == "ready\n"
            return started[-1]

        yield start
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    @pytest.fixture
    def look(self, dash: Shell, tmp_path: Path) -> Callable[..., int]:
        """Looks at the program and returns the status; with a longer time than it ever sleeps since the last look."""

        def look(**environment: object) -> int:
            time.sleep(0.3)
            found = dash.run(scripts.NOT_STUCK, tmp_path / "program", LOOKED=tmp_path / "looked", **environment)
            told = f"{tmp_path}/program has done nothing since the last look\n" if found.returncode else ""
            assert (found.stdout, found.stderr) == ("", told)
            return found.returncode

        return look

    @pytest.mark.parametrize("code", [WAITING, AT_WORK])
    def test_a_program_that_waits_or_works_is_alive(
        self, start: Callable[..., object], look: Callable[..., int], code: str
    ) -> None:
        start(code)
        assert [look() for _ in range(3)] == [0, 0, 0]

    def test_one_that_waits_for_a_lock_is_stuck_whatever_its_other_threads_do(
        self, start: Callable[..., object], look: Callable[..., int]
    ) -> None:
        start(self.LOCKED)
        assert [look() for _ in range(3)] == [0, 1, 1]

    def test_one_that_is_stopped_is_stuck_until_it_goes_on(
        self, start: Callable[..., subprocess.Popen[str]], look: Callable[..., int]
    ) -> None:
        program = start(self.WAITING)
        assert look() == 0
        program.send_signal(signal.SIGSTOP)
        assert [look() for _ in range(3)][1:] == [1, 1]
        program.send_signal(signal.SIGCONT)
        assert look() == 0

    def test_another_process_of_it_is_another_one(
        self, start: Callable[..., subprocess.Popen[str]], look: Callable[..., int]
    ) -> None:
        stuck = start(self.LOCKED)
        assert [look(), look()] == [0, 1]
        stuck.kill()
        stuck.wait()
        start(self.LOCKED)
        assert look() == 0

    def test_what_has_it_among_its_arguments_is_not_it(
        self, start: Callable[..., object], look: Callable[..., int]
    ) -> None:
        around = '"$0" & while sleep 0.05; do :; done'
        start(self.LOCKED, "sh", "-c", around)
        assert [look() for _ in range(3)] == [0, 1, 1]

    def test_nothing_is_said_of_one_that_does_not_run(self, look: Callable[..., int]) -> None:
        assert [look(), look()] == [0, 0]

    def test_where_the_kernel_does_not_count_nobody_is_ended(self, look: Callable[..., int], tmp_path: Path) -> None:
        (process := tmp_path / "proc" / "1").mkdir(parents=True)
        (process / "cmdline").write_bytes(os.fsencode(f"python\0{tmp_path}/program\0"))
        (process := process / "task" / "1").mkdir(parents=True)
        (process / "stat").write_text("1 (a name) b) S 0 1 1 0 -1 4194560 2 0 0 0 17 4 0 0 20 0 1 0 7 1 1 1")
        (process / "status").write_text("Name:\tprogram\n")
        assert [look(PROC=tmp_path / "proc") for _ in range(2)] == [0, 0]
        (process / "status").write_text("voluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t2\n")
        assert [look(PROC=tmp_path / "proc") for _ in range(2)] == [0, 1]
        (process / "stat").write_text("1 (a name) b) S 0 1 1 0 -1 4194560 2 0 0 0 18 4 0 0 20 0 1 0 7 1 1 1")
        assert look(PROC=tmp_path / "proc") == 0

    def test_where_nothing_can_be_remembered_nobody_is_ended(
        self, start: Callable[..., object], look: Callable[..., int], tmp_path: Path
    ) -> None:
        start(self.LOCKED)
        (tmp_path / "looked").symlink_to(tmp_path / "none" / "looked")
        assert [look(), look()] == [0, 0]


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
            link = home / ".st2" / "config"
            # One who starts again makes a new one.
            earlier = link.lstat().st_ctime_ns if link.is_symlink() else 0
            started.append(shell.start(scripts.CLIENT, tmp_path / "config", HOME=home))
            eventually(lambda: link.is_symlink() and link.lstat().st_ctime_ns > earlier, "the configuration is linked")
            return started[-1]

        yield start
        for process in started:
            # With its sleep, as the end of a container would. It may be over already, and its sleep, too.
            with suppress(ProcessLookupError):
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

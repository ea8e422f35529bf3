"""on-term.bash as the first process of a container: what the kubelet's SIGTERM becomes, and what else it passes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers.ports import PATIENCE, eventually
from support import Require, need_root

from constructs_st2.parts.services import scripts

SCRIPT = Path(scripts.__file__).parent / scripts.ON_TERM
# Container runtimes start the first process with the usual handling of signals; whoever runs the tests may not.
NAMESPACE = ["env", "--default-signal=INT,QUIT", "unshare", "--pid", "--fork", "--mount-proc"]
PYTHON = [sys.executable, "-S", "-c"]
INTERRUPTIBLE = """
import time
print("ready", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    raise SystemExit({})
"""
# Like a service that receives its first SIGINT in a place where it is lost.
STUBBORN = """
import signal, time
def ignored(*_): signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGINT, ignored)
print("ready", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    raise SystemExit(7)
"""
COUNTING = """
import signal, time
def hear(number, _): print(signal.Signals(number).name, flush=True)
for each in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2"): signal.signal(getattr(signal, "SIG" + each), hear)
print("ready", flush=True)
while True: time.sleep(60)
"""


class Init:
    """A PID namespace whose first process is the script."""

    def __init__(self, log: Path, *arguments: object) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*NAMESPACE, "bash", str(SCRIPT), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        eventually(lambda: bool(children(self.process.pid)), "it starts")
        (self.pid,) = children(self.process.pid)
        # The last one that it asks for. It hears SIGTERM before it runs the program, and ends at once then.
        eventually(lambda: hears(self.pid, signal.SIGUSR2) or self.process.poll() is not None, "it runs the program")

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def program(self) -> int:
        """The process that it runs."""
        return children(self.pid)[0]

    def ready(self) -> Init:
        eventually(lambda: "ready\n" in self.log, "the program is ready")
        return self

    def says(self, *words: str) -> None:
        """Wait until the program has said this and nothing else."""
        eventually(lambda: self.log.split() == [*words], f"it says {words}")

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def ended(self) -> int:
        """With what it ends."""
        return self.process.wait(PATIENCE)


def children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def status(pid: int) -> dict[str, str]:
    """What the kernel tells of a process; nothing where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def hears(pid: int, number: signal.Signals) -> bool:
    facts = status(pid)
    return facts.get("Name") == "bash" and bool(int(facts["SigCgt"], 16) >> (number - 1) & 1)


@pytest.fixture
def start(require: Require, tmp_path: Path) -> Iterator[Callable[..., Init]]:
    require("bash")
    need_root()
    started: list[Init] = []

    def start(*arguments: object) -> Init:
        started.append(Init(tmp_path / f"log-{len(started)}", *arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            os.killpg(each.process.pid, signal.SIGKILL)
            each.process.wait()


Start = Callable[..., Init]


@pytest.mark.parametrize("code", [0, 7])
def test_sigterm_becomes_the_signal_of_the_service_whose_exit_code_is_handed_on(start: Start, code: int) -> None:
    init = start("INT", 0, *PYTHON, INTERRUPTIBLE.format(code)).ready()
    init.send(signal.SIGTERM)
    assert init.ended() == code


def test_a_signal_that_is_lost_is_sent_again(start: Start) -> None:
    init = start("INT", 0, *PYTHON, STUBBORN).ready()
    asked = time.monotonic()
    init.send(signal.SIGTERM)
    assert init.ended() == 7
    assert time.monotonic() - asked > 3


def test_it_serves_on_until_the_requests_have_drained(start: Start) -> None:
    init = start("INT", 2, *PYTHON, COUNTING).ready()
    asked = time.monotonic()
    init.send(signal.SIGTERM)
    eventually(lambda: "SIGINT\n" in init.log, "it is told to stop")
    assert time.monotonic() - asked >= 2


def test_being_told_twice_changes_nothing(start: Start) -> None:
    init = start("QUIT", 1, *PYTHON, COUNTING).ready()
    for _ in range(3):
        init.send(signal.SIGTERM)
        time.sleep(0.3)
    eventually(lambda: "SIGQUIT\n" in init.log, "it is told to stop")
    time.sleep(1)
    assert init.log == "ready\nSIGQUIT\n"


def test_other_signals_go_on_to_the_program_as_they_are(start: Start) -> None:
    init = start("INT", 0, *PYTHON, COUNTING).ready()
    passed = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGQUIT]
    for count, number in enumerate(passed, 1):
        init.send(number)
        init.says("ready", *(each.name for each in passed[:count]))
    assert init.process.poll() is None


@pytest.mark.parametrize(("script", "code"), [("exit", 0), ("exit 3", 3), ("kill -KILL $$", 137)])
def test_it_ends_as_soon_as_the_program_does(start: Start, script: str, code: int) -> None:
    assert start("INT", 60, "sh", "-c", f"sleep 0.3; {script}").ended() == code


def test_a_program_that_dies_while_requests_drain_holds_nothing_up(start: Start) -> None:
    init = start("INT", 60, "sh", "-c", "echo ready; exec sleep 60").ready()
    init.send(signal.SIGTERM)
    eventually(lambda: len(children(init.pid)) == 2, "the drain has begun")
    os.kill(init.program, signal.SIGKILL)
    assert init.ended() == 137


def test_a_program_that_is_still_starting_can_be_stopped(start: Start) -> None:
    # No handler is there yet, so SIGINT ends it at once; as the first process of a container it would not.
    init = start("INT", 0, "sleep", 60)
    init.send(signal.SIGTERM)
    assert init.ended() == 128 + signal.SIGINT


def test_one_that_hears_nothing_is_killed_with_everything_when_its_time_is_over(start: Start) -> None:
    init = start("INT", 0, "sh", "-c", "trap '' INT TERM; echo ready; sleep 60 & wait; sleep 60").ready()
    init.send(signal.SIGTERM)
    eventually(lambda: len(children(init.pid)) == 2, "it is told to stop")
    eventually(lambda: len(children(init.program)) == 1, "it has begun to sleep")
    time.sleep(0.5)
    everything = [init.program, *children(init.program)]
    assert len(everything) == 2
    init.send(signal.SIGKILL)
    init.ended()
    eventually(lambda: not any(map(status, everything)), "nothing is left")


def test_the_program_hears_sigint_and_sigquit_as_if_nobody_had_started_it(start: Start) -> None:
    init = start("INT", 0, "sh", "-c", "grep SigIgn /proc/self/status; echo ready; sleep 60; :").ready()
    ignored = int(init.log.split()[1], 16)
    assert not ignored >> (signal.SIGINT - 1) & 1
    assert not ignored >> (signal.SIGQUIT - 1) & 1


def test_it_buries_the_orphans_of_the_program(start: Start, tmp_path: Path) -> None:
    # The inner shell ends first, so that the first process becomes the parent of its child.
    may_end = tmp_path / "may end"
    orphan = f'until [ -e "{may_end}" ]; do sleep 0.1; done & :'
    orphans = f"for _ in 1 2 3 4 5; do sh -c '{orphan}'; done; echo ready; sleep 60; :"
    init = start("INT", 0, "sh", "-c", orphans).ready()
    assert len(children(init.pid)) == 6
    may_end.touch()
    eventually(lambda: len(children(init.pid)) == 1, "no zombie is left")

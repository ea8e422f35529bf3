"""A synth that is interrupted ends at once, says nothing, and leaves everything as it was."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from servers.ports import eventually

runs_programs = pytest.mark.servers

ROOT = Path(__file__).parent.parent
COUNT = int(os.environ.get("ST2_TEST_INTERRUPTS", "4"))
"""How many interrupts; benchmarks/interrupts.sh makes 200."""


class Place:
    """Where a synth writes: its folder, and the one for temporary files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.temporary = folder, folder / "tmp"
        self.temporary.mkdir()
        self.environment = {**os.environ, "TMPDIR": str(self.temporary)}

    def start(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(ROOT / "main.py"), "--quiet", "--output", "dist", *options]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def state(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() or path.parent in (self.folder, self.temporary)
            if not path.is_dir() or path not in (self.temporary, self.folder / "dist")
        }


def has_begun(process: subprocess.Popen[str]) -> bool:
    """Whether the program hears signals, or is over already. Python alone hears no SIGTERM."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (heard,) = re.findall(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(int(heard, 16) >> (signal.SIGTERM - 1) & 1) or process.poll() is not None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@runs_programs
def test_interrupts_at_any_time(place: Place) -> None:
    begin = time.monotonic()
    process = place.start()
    assert process.communicate()[1] == ""
    whole = time.monotonic() - begin
    good = place.state()
    assert any(name.startswith("dist/") for name in good)
    chance = random.Random(4711)
    for number in range(COUNT):
        process = place.start()
        # Not in the first moments, when it is Python that an interrupt finds, before any program.
        eventually(partial(has_begun, process), "the program has begun")
        time.sleep(chance.uniform(0, 1.1) * whole)
        sent = chance.choice([signal.SIGINT, signal.SIGTERM])
        # From the keyboard it comes to all processes of a program; from kill, to one.
        if process.poll() is None:
            (os.killpg if number % 2 else os.kill)(process.pid, sent)
        begin = time.monotonic()
        _, said = process.communicate(timeout=30)
        assert said == ""
        assert process.returncode in (0, -sent)
        assert time.monotonic() - begin < 2 or os.getloadavg()[0] > 4
        assert place.state() == good


@pytest.mark.parametrize(
    "begin", ["import constructs_st2; constructs_st2.program", "import constructs_st2.commands.entry"]
)
def test_nothing_is_imported_before_an_interrupt_is_an_end(begin: str) -> None:
    """It takes longer than Python itself to start, and Python would print where it was."""
    look = "sorted(name for name in {*sys.modules} - before if not name.startswith('constructs_st2'))"
    program = f"import sys, __future__; before = {{*sys.modules}}; {begin}; print({look})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_status_tells_the_signal(place: Place) -> None:
    process = place.start()
    time.sleep(0.3)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)


@runs_programs
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize("full", ["dist", "tmp"])
def test_a_full_disk_is_said_in_one_line(place: Place, full: str) -> None:
    program = f"{sys.executable} {ROOT / 'main.py'} --quiet --output disk/dist"
    temporary = "TMPDIR=disk " if full == "tmp" else ""
    disk = "mkdir disk; mount -t tmpfs -o size=40k small disk"
    script = f"{disk}; {temporary}{program}; status=$?; ls -A disk; exit $status"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "No space left on device" in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1

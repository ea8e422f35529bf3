"""`synth --watch`: what it writes and tells when files change."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from constructs_st2.commands.cli import cli
from constructs_st2.commands.watching import stamps

PATIENCE = 60.0


@pytest.fixture
def watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    (tmp_path / "values.yaml").write_text("st2api: {replicas: 2}\n")
    monkeypatch.chdir(tmp_path)
    cli(["synth", "--quiet"], standalone_mode=False)
    command = [sys.executable, "-c", "from constructs_st2.commands.entry import main; main()", "synth", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_of(stream: IO[str]) -> queue.Queue[str]:
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)

    threading.Thread(target=read, daemon=True).start()
    return lines


def wait_for(lines: queue.Queue[str], text: str) -> None:
    seen: list[str] = []
    try:
        while text not in (seen or [""])[-1]:
            seen.append(lines.get(timeout=PATIENCE))
    except queue.Empty:
        pytest.fail(f"no {text!r} in {seen}")


@pytest.mark.servers  # a program that starts programs
def test_each_change_is_written_and_told(watching: subprocess.Popen[str], tmp_path: Path) -> None:
    assert watching.stdout is not None
    lines = lines_of(watching.stdout)
    wait_for(lines, "nothing changes")
    (tmp_path / "values.yaml").write_text("st2api: {replicas: 3}\n")
    wait_for(lines, "st2api.replicas 2 -> 3")
    (tmp_path / "values.yaml").write_text("st2api: {replica: 3}\n")
    wait_for(lines, "values.yaml:1: st2api.replica: unknown key")
    watching.send_signal(signal.SIGINT)
    assert watching.wait(PATIENCE) == -signal.SIGINT
    assert lines.empty() or "Traceback" not in lines.get()


def test_what_is_written_and_what_is_hidden_is_no_change(tmp_path: Path) -> None:
    for name in ("dist/a.yaml", ".git/index", "__pycache__/a.pyc", "values.yaml", "rbac/roles/a.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = stamps([tmp_path], tmp_path / "dist")
    assert {str(Path(path).relative_to(tmp_path)) for path in found} == {"values.yaml", "rbac/roles/a.yaml"}

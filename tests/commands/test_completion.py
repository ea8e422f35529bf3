"""What shells complete."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from constructs_st2.commands.cli import cli
from constructs_st2.commands.completion import completion


def completed(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    monkeypatch.setenv("_CONSTRUCTS_ST2_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["constructs-st2", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    result = CliRunner().invoke(cli, prog_name="constructs-st2")
    return [line.partition(",")[2] for line in result.output.splitlines()]


def test_commands_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed(monkeypatch, "expl") == ["explain"]


@pytest.mark.parametrize("words", [("explain", "st2api.repl"), ("synth", "--set", "st2api.repl")])
def test_keys_of_values_are_completed(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    assert completed(monkeypatch, *words) == ["st2api.replicas"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_it_where_it_looks(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    printed = CliRunner().invoke(completion, [shell], catch_exceptions=False).output
    result = CliRunner().invoke(completion, [shell, "--install"], catch_exceptions=False)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert str(file) in result.output
    assert file.read_text() == printed.rstrip("\n") + "\n" or file.read_text() == printed.removesuffix("\n")
    if shutil.which(shell):
        subprocess.run([shell, "-n", file], check=True)

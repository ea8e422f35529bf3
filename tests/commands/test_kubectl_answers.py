"""Commands that ask a cluster, with a kubectl that is none, or that answers with something else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from constructs_st2.commands import cli
from constructs_st2.commands.kubectl import objects_in

ANSWERS = {
    "no JSON": "}{",
    "a page of a proxy": "<html>log in</html>",
    "another JSON": "5",
    "no objects": '{"a": 1}',
    "nothing": "",
    "control characters": "\\001\\002",
}
COMMANDS = (["plan", "--against", "cluster"], ["doctor"], ["adopt", "--release", "st2", "--output", "x"])


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_it_is_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    answer: str,
) -> None:
    program = tmp_path / "kubectl"
    program.write_text(f"#!/bin/sh\nprintf '{ANSWERS[answer]}'\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(sys, "argv", ["constructs-st2", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


def test_what_is_no_object_in_a_list_is_left_out() -> None:
    whole = '{"kind": "Pod", "metadata": {"name": "a"}}'
    assert objects_in(f'{{"items": [5, null, {{"kind": "Pod"}}, {whole}]}}') == [
        {"kind": "Pod", "metadata": {"name": "a"}}
    ]
    assert objects_in(whole) == [{"kind": "Pod", "metadata": {"name": "a"}}]
    assert objects_in("[]") is None

"""The same input gives the same bytes, wherever and however the program runs: also where it can keep nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jobs.test_changes import CONTENT, EXTRA
from test_blocks import BLOCKS, together

from constructs_st2.values.layers import overlay

ROOT = Path(__file__).parent.parent
VALUES: Mapping[str, Any] = overlay(
    overlay(together(BLOCKS), CONTENT),
    {
        "jobs": {"extra": [EXTRA], "extra_hooks": [{**EXTRA, "hook": "post-install"}]},
        "st2api": {"annotations": {"example.org/note": "für alle"}},
    },
)
"""Where much is made of sets and mappings, and of texts that are not ASCII."""

ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {
    "C": {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
    "UTF-8": {
        "PYTHONHASHSEED": "4711",
        "LC_ALL": "C.UTF-8",
        "TZ": "America/St_Johns",
        "PYTHONUTF8": "0",
        "HOME": "/proc/nowhere",
    },
}


def test_the_environment_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(VALUES, allow_unicode=True), encoding="utf-8")
    command = [sys.executable, str(ROOT / "main.py"), "--quiet", "-f", "values.yaml", "--output"]
    processes = [
        subprocess.Popen(
            [*command, name], cwd=tmp_path, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
        )
        for name, environment in ENVIRONMENTS.items()
    ]
    one_told, other_told = (process.communicate(timeout=60)[1] for process in processes)
    assert one_told == other_told
    assert all(line.startswith("warning: ") for line in one_told.splitlines())
    assert [process.returncode for process in processes] == [0, 0]
    one, other = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ENVIRONMENTS)
    assert one == other
    assert b"job-mine" in one["80-jobs.k8s.yaml"]
    assert "für alle".encode() in one["40-api.k8s.yaml"]

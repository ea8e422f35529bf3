"""The same input gives the same bytes, wherever and however the program runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
        {"PYTHONHASHSEED": "4711", "LC_ALL": "C.UTF-8", "TZ": "America/St_Johns", "PYTHONUTF8": "0"},
    ],
    ids=["C", "UTF-8"],
)
def test_the_environment_does_not_matter(tmp_path: Path, environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "--quiet", "-f", str(ROOT / "values.yaml"), "--output", "out"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        check=True,
    )
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    committed = {path.name: path.read_bytes() for path in (ROOT / "dist").iterdir()}
    assert written == committed

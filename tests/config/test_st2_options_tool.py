"""The maintainer's tool that makes the tables of st2's options."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from st2_options.__main__ import PROGRAM, TABLES, written

_SERVICE = """
from oslo_config import cfg, types

def register_opts(ignore_errors=False):
    cfg.CONF.register_opts(
        [
            cfg.IntOpt("port", default=9101),
            cfg.StrOpt("host_url", default="https://this-host", sample_default="https://localhost"),
            cfg.StrOpt("password", secret=True),
            cfg.StrOpt("mode", default="a", choices=["a", "b", None]),
            cfg.BoolOpt("tls", default=False, deprecated_name="ssl"),
            cfg.StrOpt("old", deprecated_for_removal=True, deprecated_reason="Not in use."),
            cfg.Opt("partitions", type=types.Dict(), default={"name": "default"}),
            cfg.StrOpt("python", default="PREFIX/bin/python"),
        ],
        group="api",
    )
"""


def test_options_are_read_from_a_service(tmp_path: Path) -> None:
    package = tmp_path / "service"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "config.py").write_text(_SERVICE.replace("PREFIX", sys.prefix))
    command = [sys.executable, str(PROGRAM), "service"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["api"] == {
        "port": {"type": "int", "default": 9101},
        "host_url": {"type": "str", "default": "https://localhost"},
        "password": {"type": "str", "secret": True},
        "mode": {"type": "str", "choices": ["a", "b"], "default": "a"},
        "tls": {"type": "bool", "default": False, "former": ["ssl"]},
        "old": {"type": "str", "deprecated": "Not in use."},
        "partitions": {"type": "dict", "default": {"name": "default"}},
        "python": {"type": "str"},
    }


@pytest.mark.parametrize("table", sorted(TABLES.glob("*.json")), ids=lambda path: path.stem)
def test_tables_are_written_as_the_tool_writes_them(table: Path) -> None:
    text = table.read_text()
    assert written(json.loads(text)) == text

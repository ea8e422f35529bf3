"""The Pythons that can run the bootstrap program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

OWN = "own"
VERSIONS = (OWN, "3.8", "3.10")
"""This Python, and the versions in the images of st2 3.8 and 3.9."""


def python(version: str, module: str = "sys") -> list[str]:
    """The command that starts a Python with a module; ends the test where this machine has none.

    This one has no site packages, and so neither the module nor this project.
    """
    if version == OWN:
        return [sys.executable, "-S"]
    path = _path(version, module)
    if path is None:
        pytest.skip(f"there is no Python {version} with {module}")
    return [path]


@cache
def _path(version: str, module: str) -> str | None:
    return next((path for path in _candidates(version) if _has(path, module)), None)


def _candidates(version: str) -> Iterator[str]:
    managed = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().glob(f"versions/{version}.*/bin/python")
    yield from map(str, sorted(managed))
    if found := shutil.which(f"python{version}"):
        yield found


def _has(path: str, module: str) -> bool:
    return subprocess.run([path, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0

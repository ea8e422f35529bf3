"""The Pythons that can run the bootstrap program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

IN_IMAGES = ("3.8", "3.10")
"""The versions in the images of st2 3.8 and 3.9."""
OWN = "own"


@cache
def pythons(module: str = "sys") -> dict[str, list[str]]:
    """The commands that start a Python with a module: this one, and of those in the images what this machine has.

    This one has no site packages, and so neither the module nor this project.
    """
    found = {OWN: [sys.executable, "-S"]}
    for version in IN_IMAGES:
        for path in _candidates(version):
            if version not in found and _has(path, module):
                found[version] = [path]
    return found


def _candidates(version: str) -> list[str]:
    managed = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().glob(f"versions/{version}.*/bin/python")
    return [path for path in (shutil.which(f"python{version}"), *map(str, sorted(managed))) if path]


def _has(python: str, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0

"""The library by which st2 outlasts another master of Redis, and that the Pythons of st2 find what is in it."""

from __future__ import annotations

import ast
import io
import subprocess
import zipfile
from pathlib import Path
from typing import get_args

import pytest
from support import Environment

from constructs_st2.parts.backends.redis.library import LIBRARY_FILE, SCHEMES, library
from constructs_st2.values.model.images import St2Version

# As stevedore looks for drivers: that of st2 3.8 by pkg_resources, that of st2 3.9 by importlib.metadata.
LOOK_UP = """
from stevedore import driver
found = driver.DriverManager("tooz.backends", "st2redis").driver
import st2_redis
assert found is st2_redis.Driver
print(st2_redis.__file__)
"""


def test_has_the_driver_and_nothing_else() -> None:
    archive = zipfile.ZipFile(io.BytesIO(library()))
    assert archive.namelist() == ["EGG-INFO/PKG-INFO", "EGG-INFO/entry_points.txt", "st2_redis.py"]
    points = archive.read("EGG-INFO/entry_points.txt").decode()
    assert points == "[tooz.backends]\n" + "".join(f"{scheme} = st2_redis:Driver\n" for scheme in SCHEMES)
    # The Python of st2 3.8.
    ast.parse(archive.read("st2_redis.py"), feature_version=(3, 8))


@pytest.mark.parametrize("version", get_args(St2Version))
def test_st2_finds_and_imports_the_driver(version: St2Version, environment: Environment, tmp_path: Path) -> None:
    path = tmp_path / LIBRARY_FILE
    path.write_bytes(library())
    python, variables = environment(f"st2-{version}"), {"PYTHONPATH": str(path)}
    done = subprocess.run([python, "-c", LOOK_UP], env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(path / "st2_redis.py"), done.stderr

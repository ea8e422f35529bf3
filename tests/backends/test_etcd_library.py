"""The library by which st2 coordinates through etcd: its content, and that the Pythons of st2 find what is in it."""

from __future__ import annotations

import ast
import base64
import csv
import hashlib
import io
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import get_args

import pytest
from support import Environment

from constructs_st2.parts.backends.etcd.library import LIBRARY_FILE, SCHEMES, library
from constructs_st2.values.model.images import St2Version

VERSIONS: tuple[St2Version, ...] = get_args(St2Version)
PYTHON: Mapping[St2Version, tuple[int, int]] = {"3.8": (3, 8), "3.9": (3, 10)}
"""What the images of each version have."""

DIGESTS = """
import hashlib
from constructs_st2.parts.backends.etcd.library import library
print([hashlib.sha256(library(version)).hexdigest() for version in {versions!r}])
"""
LOOK_UPS = {
    "importlib.metadata": """
from importlib import metadata
points = metadata.entry_points()
found = points.select(group="tooz.backends") if hasattr(points, "select") else points["tooz.backends"]
""",
    "pkg_resources": """
import warnings
warnings.simplefilter("ignore")
import pkg_resources
found = pkg_resources.iter_entry_points("tooz.backends")
""",
}


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> St2Version:
    found: St2Version = request.param
    assert found in PYTHON, f"say in PYTHON which Python the images of st2 {found} have"
    return found


@pytest.fixture
def archive(version: St2Version) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(library(version)))


@pytest.fixture
def path(version: St2Version, tmp_path: Path) -> Path:
    """The library as a file."""
    written = tmp_path / LIBRARY_FILE
    written.write_bytes(library(version))
    return written


def run(code: str, *, python: Path | str = sys.executable, **options: object) -> str:
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    output: str = done.stdout
    return output


def test_is_the_same_wherever_it_is_made(tmp_path: Path) -> None:
    here = [hashlib.sha256(library(version)).hexdigest() for version in VERSIONS]
    variables = {"TZ": "Pacific/Auckland", "SOURCE_DATE_EPOCH": "1700000000", "LC_ALL": "C"}
    for umask in (0o000, 0o077):
        there = run(DIGESTS.format(versions=VERSIONS), cwd=tmp_path, umask=umask, env={**os.environ, **variables})
        assert ast.literal_eval(there) == here


def test_its_bytes_follow_from_its_files_alone(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    for entry in entries:
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert (entry.create_system, entry.external_attr >> 16) == (3, stat.S_IFREG | 0o644)
        assert entry.compress_type == zipfile.ZIP_STORED  # zlib and its rivals do not agree on bytes
        assert (entry.extra, entry.comment) == (b"", b"")


def test_fits_into_a_config_map(version: St2Version) -> None:
    assert len(base64.b64encode(library(version))) < 2**20 / 4


def test_has_the_driver_and_all_that_st2_runs_of_etcd3gw(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    assert {"st2_etcd.py", "etcd3gw/__init__.py", "etcd3gw/client.py", "etcd3gw/lease.py"} <= set(names)
    assert not [name for name in names if "tests" in name or "examples" in name]
    assert [name for name in names if name.endswith(".dist-info/METADATA")]
    (license_name,) = (name for name in names if name.endswith("/LICENSE"))
    assert b"Apache License" in archive.read(license_name)


@pytest.mark.parametrize("wheel", ["etcd3gw-2.4.2-py3-none-any.whl", "etcd3gw-2.7.0-py3-none-any.whl"])
def test_the_wheels_are_whole(wheel: str) -> None:
    content = resources.files("constructs_st2.parts.backends.etcd.library").joinpath(wheel).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (record,) = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        listed = {name: digest for name, digest, _ in csv.reader(archive.read(record).decode().splitlines())}
        assert set(listed) == set(archive.namelist())
        for name in set(listed) - {record}:
            digest = base64.urlsafe_b64encode(hashlib.sha256(archive.read(name)).digest()).decode().rstrip("=")
            assert listed[name] == f"sha256={digest}"


def test_the_python_of_the_images_reads_it(version: St2Version, archive: zipfile.ZipFile) -> None:
    sources = [name for name in archive.namelist() if name.endswith(".py")]
    for name in sources:
        ast.parse(archive.read(name), name, feature_version=PYTHON[version])


def test_the_driver_is_read_by_the_oldest_python_of_all(archive: zipfile.ZipFile) -> None:
    ast.parse(archive.read("st2_etcd.py"), feature_version=min(PYTHON.values()))


def test_needs_nothing_but_its_path_to_be_found(path: Path) -> None:
    look_up = LOOK_UPS["importlib.metadata"] + "print(sorted((point.name, point.value) for point in found))"
    # Without site-packages nothing else has entry points.
    done = subprocess.run(
        [sys.executable, "-S", "-c", look_up], env={"PYTHONPATH": str(path)}, capture_output=True, text=True, check=True
    )
    assert ast.literal_eval(done.stdout) == sorted((scheme, "st2_etcd:Driver") for scheme in SCHEMES)


@pytest.mark.parametrize("look_up", LOOK_UPS)
def test_st2_finds_and_imports_the_driver(
    version: St2Version, path: Path, look_up: str, environment: Environment
) -> None:
    code = LOOK_UPS[look_up] + (
        "drivers = {point.name: point.load() for point in found if point.name.startswith('st2etcd')}\n"
        "import etcd3gw, st2_etcd\n"
        "assert set(drivers.values()) == {st2_etcd.Driver}\n"
        "print(sorted(drivers), etcd3gw.__file__, st2_etcd.__file__, sep='\\n')"
    )
    names, *files = run(code, python=environment(f"st2-{version}"), env={"PYTHONPATH": str(path)}).splitlines()
    assert ast.literal_eval(names) == sorted(SCHEMES)
    assert files == [str(path / "etcd3gw" / "__init__.py"), str(path / "st2_etcd.py")]

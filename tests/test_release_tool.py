"""The release script, in a clone of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMED = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(folder))
    changelog = folder / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(text.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- A thing.\n", 1))
    readme = folder / "README.md"
    readme.write_text("Version 0.1.0: young.\n", encoding="utf-8")
    git(folder, "commit", "--quiet", "--all", "--message", "Tell of a thing")
    return folder


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def release(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "release", *arguments, "--folder", str(clone), "--output", str(clone.parent)]
    return subprocess.run(
        command, cwd=ROOT / "tools", env={**os.environ, **NAMED}, capture_output=True, text=True, check=False
    )


def test_a_release(clone: Path) -> None:
    made = release(clone, "7.8.9")
    assert made.returncode == 0, made.stderr
    assert '__version__ = "7.8.9"' in git(clone, "show", "v7.8.9:constructs_st2/__init__.py")
    assert git(clone, "show", "v7.8.9:README.md").startswith("Version 7.8.9:")
    changelog = git(clone, "show", "v7.8.9:CHANGELOG.md")
    head, _, told = changelog.partition("## [7.8.9] - 20")
    assert head.endswith("## [Unreleased]\n\n")
    assert told.partition("\n")[2].startswith("\n### Added\n\n- A thing.\n")
    assert "### Added\n\n- A thing." in git(clone, "tag", "--list", "--format=%(contents)", "v7.8.9")
    with zipfile.ZipFile(clone.parent / "constructs_st2-7.8.9-py3-none-any.whl") as wheel:
        assert "constructs_st2/construct/stackstorm.py" in wheel.namelist()
    assert (clone.parent / "constructs_st2-7.8.9.tar.gz").exists()
    assert not git(clone, "status", "--porcelain")


def test_a_dry_run_changes_nothing(clone: Path) -> None:
    before = git(clone, "rev-parse", "HEAD")
    told = release(clone, "7.8.9", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert '+__version__ = "7.8.9"' in told.stdout
    assert "- A thing." in told.stdout.partition("tag v7.8.9, with these notes:")[2]
    assert (git(clone, "rev-parse", "HEAD"), git(clone, "tag"), git(clone, "status", "--porcelain")) == (before, "", "")
    assert not list(clone.parent.glob("*.whl"))


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("0.0.9", "is older than"),
        ("1.2", "is no version"),
        ("v1.2.3", "is no version"),
        ("1.2.3.dev1", "is no version"),
    ],
)
def test_a_version_that_is_none(clone: Path, version: str, why: str) -> None:
    refused = release(clone, version)
    assert refused.returncode == 1
    assert why in refused.stderr
    assert not git(clone, "status", "--porcelain")


def test_what_is_not_committed(clone: Path) -> None:
    (clone / "README.md").write_text("changed")
    assert "not committed" in release(clone, "7.8.9").stderr


def test_a_tag_that_is_there(clone: Path) -> None:
    git(clone, "tag", "v7.8.9")
    assert "there is a tag" in release(clone, "7.8.9").stderr


def test_nothing_to_tell(clone: Path) -> None:
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-01\n\n- A thing.\n")
    git(clone, "commit", "--quiet", "--all", "--message", "x")
    assert "tells nothing" in release(clone, "7.8.9").stderr

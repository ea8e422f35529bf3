"""The release script: in a clone of this repository, or in one that has no more than what a release changes."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from release.steps import NotReleasable, Release

ROOT = Path(__file__).parent.parent
NAMED = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(folder))
    return with_news(folder)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    for name in ("CHANGELOG.md", "README.md", "constructs_st2/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    return with_news(folder)


def with_news(folder: Path) -> Path:
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


@pytest.mark.servers
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


def test_a_dry_run_changes_nothing(repository: Path) -> None:
    before = state(repository)
    told = release(repository, "7.8.9", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert '+__version__ = "7.8.9"' in told.stdout
    assert "- A thing." in told.stdout.partition("tag v7.8.9, with these notes:")[2]
    assert state(repository) == before
    assert not list(repository.parent.glob("*.whl"))


def state(folder: Path) -> tuple[str, str, str]:
    return git(folder, "rev-parse", "HEAD"), git(folder, "tag"), git(folder, "status", "--porcelain")


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("0.0.9", "is older than"),
        ("1.2", "is no version"),
        ("v1.2.3", "is no version"),
        ("1.2.3.dev1", "is no version"),
    ],
)
def test_a_version_that_is_none(repository: Path, version: str, why: str) -> None:
    with pytest.raises(NotReleasable, match=why):
        Release(repository, version, datetime.date(2026, 1, 1)).commit()
    assert not git(repository, "status", "--porcelain")


def test_what_is_not_committed(repository: Path) -> None:
    (repository / "README.md").write_text("changed")
    refused = release(repository, "7.8.9")
    assert (refused.returncode, refused.stderr) == (1, "error: there are changes that are not committed\n")


def test_a_tag_that_is_there(repository: Path) -> None:
    git(repository, "tag", "v7.8.9")
    with pytest.raises(NotReleasable, match="there is a tag"):
        Release(repository, "7.8.9", datetime.date(2026, 1, 1)).check()


def test_nothing_to_tell(repository: Path) -> None:
    nothing = "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-01\n\n- A thing.\n"
    (repository / "CHANGELOG.md").write_text(nothing)
    with pytest.raises(NotReleasable, match="tells nothing"):
        Release(repository, "7.8.9", datetime.date(2026, 1, 1)).commit()

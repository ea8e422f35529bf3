"""The steps of a release, each of which can be looked at before it is taken."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_OWN_VERSION = re.compile(r'^__version__ = "(.*)"$', re.MULTILINE)
_UNRELEASED = "## [Unreleased]\n"


class NotReleasable(Exception):
    """Why no release can be made."""


@dataclass(frozen=True)
class Release:
    """A release of the repository in a folder."""

    folder: Path
    version: str
    day: datetime.date

    def edits(self) -> Iterator[tuple[Path, str]]:
        """The files that change, and what is in them then.

        Raises:
            NotReleasable: the version is none or an older one, or nothing is told of it in the changelog.
        """
        changes = {
            "constructs_st2/__init__.py": self._own_version,
            "CHANGELOG.md": self._changelog,
            "README.md": self._readme,
        }
        for name, change in changes.items():
            path = self.folder / name
            yield path, change(path.read_text(encoding="utf-8"))

    def check(self) -> None:
        """Look whether a release can be made of what is here.

        Raises:
            NotReleasable: there are changes that are not committed, or the tag is there.
        """
        if self._git("status", "--porcelain"):
            raise NotReleasable("there are changes that are not committed")
        if self._git("tag", "--list", self.tag):
            raise NotReleasable(f"there is a tag {self.tag}")

    @property
    def tag(self) -> str:
        """The name of its tag."""
        return f"v{self.version}"

    def notes(self) -> str:
        """What the changelog tells of it."""
        text = (self.folder / "CHANGELOG.md").read_text(encoding="utf-8")
        _, found, rest = text.partition(_UNRELEASED)
        notes = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].strip()
        if not found or not notes:
            raise NotReleasable("CHANGELOG.md tells nothing below Unreleased")
        return notes

    def commit(self) -> None:
        """Write the files, commit them, and make the tag, whose message are the notes."""
        notes = self.notes()
        for path, text in list(self.edits()):
            path.write_text(text, encoding="utf-8")
        self._git("commit", "--quiet", "--all", "--message", f"Release {self.version}")
        # Headings of the notes would be comments to git.
        message = f"constructs-st2 {self.version}\n\n{notes}"
        self._git("tag", "--annotate", "--cleanup=verbatim", "--message", message, self.tag)

    def build(self, output: Path) -> list[Path]:
        """Build wheel and source distribution."""
        command = [sys.executable, "-m", "hatchling", "build", "--directory", str(output)]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return sorted(output.glob(f"constructs_st2-{self.version}*"))

    def _own_version(self, text: str) -> str:
        (former,) = _OWN_VERSION.findall(text)
        if not VERSION.fullmatch(self.version):
            raise NotReleasable(f"{self.version} is no version such as 1.2.3 or 1.2.3rc1")
        if Version(self.version) < Version(former):
            raise NotReleasable(f"{self.version} is older than {former}")
        return _OWN_VERSION.sub(f'__version__ = "{self.version}"', text)

    def _changelog(self, text: str) -> str:
        self.notes()
        return text.replace(_UNRELEASED, f"{_UNRELEASED}\n## [{self.version}] - {self.day.isoformat()}\n", 1)

    def _readme(self, text: str) -> str:
        return re.sub(r"^Version \S+:", f"Version {self.version}:", text, flags=re.MULTILINE)

    def _git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

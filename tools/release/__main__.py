"""``python -m release 1.2.3 [--dry-run]``: see docs/contributing.md, "A release"."""

from __future__ import annotations

import argparse
import datetime
import difflib
import sys
from pathlib import Path

from release.steps import NotReleasable, Release

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Make a release, or say what it would be."""
    parser = argparse.ArgumentParser(prog="release", description=__doc__)
    parser.add_argument("version", help="such as 1.2.3 or 1.2.3rc1")
    parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    parser.add_argument("--folder", type=Path, default=ROOT, help="the repository (default: this one)")
    parser.add_argument("--output", type=Path, help="folder for what is built (default: build/ of the repository)")
    arguments = parser.parse_args()
    release = Release(
        arguments.folder.resolve(), arguments.version, datetime.datetime.now(datetime.timezone.utc).date()
    )
    try:
        release.check()
        if arguments.dry_run:
            _tell(release)
            return
        release.commit()
    except NotReleasable as error:
        sys.exit(f"error: {error}")
    for path in release.build((arguments.output or release.folder / "build").resolve()):
        print(path)
    print(f"look at it (git show {release.tag}), then: git push origin HEAD {release.tag}")


def _tell(release: Release) -> None:
    for path, text in release.edits():
        name = path.relative_to(release.folder)
        old = path.read_text(encoding="utf-8").splitlines()
        sys.stdout.writelines(
            f"{line}\n" for line in difflib.unified_diff(old, text.splitlines(), str(name), str(name), n=1, lineterm="")
        )
    print(f"\ntag {release.tag}, with these notes:\n\n{release.notes()}")


main()

"""The files of this package that manifests hold as they are: scripts, programs, libraries and settings."""

from __future__ import annotations

from functools import cache
from importlib import resources

_READ: set[str] = set()


@cache
def shipped_text(package: str, name: str) -> str:
    """The text of a file of this package."""
    return shipped(resources.files(package).joinpath(name).read_text(encoding="utf-8"))


def shipped(text: str) -> str:
    """A text that is made of files of this package alone, and the same for everybody."""
    _READ.add(text)
    return text


def is_shipped(text: str) -> bool:
    """Whether a text is a file of this package, or made of such, to the letter. So everybody can read it already."""
    return text in _READ

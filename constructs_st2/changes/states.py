"""States of manifests as files. Only what matters of them is read: to read YAML takes longer than to write it."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from constructs_st2.checks import misshapen
from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document
from constructs_st2.kube.reading import read_text

Files = Mapping[str, bytes]
"""The text of each file of manifests, by its name."""

_SUFFIXES = (".yaml", ".yml")
_TIER = re.compile(r"(?:^|-)\d\d-[a-z]")


def files_of_folder(folder: Path) -> dict[str, bytes]:
    """The manifests in a folder; none where there is no folder."""
    if not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _SUFFIXES}


def files_of_revision(revision: str, folder: Path) -> dict[str, bytes]:
    """The manifests that a folder had in a revision of its git repository.

    Raises:
        UserError: there is no such revision, or no such folder in it.
    """
    import tarfile

    files = {}
    with tarfile.open(fileobj=io.BytesIO(_git(revision, folder, "archive", "--format=tar"))) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None and member.name.endswith(_SUFFIXES):
                files[Path(member.name).name] = content.read()
    return files


def has_history(folder: Path) -> bool:
    """Whether a folder is in a git repository. Asks the file system alone: every synth over manifests does."""
    return any((each / ".git").exists() for each in folder.absolute().parents)


def names_before(names: Collection[str], revision: str, folder: Path) -> frozenset[str]:
    """Which of some names of objects were in the manifests of a folder at some time up to a revision.

    It is the history of what was applied: what a merge brought counts, and not each commit of its branch. Nothing is
    known without git, or of what a shallow clone lacks.
    """
    # They are made of letters, digits, hyphens and dots.
    pattern = "|".join(name.replace(".", "[.]") for name in sorted(names))
    command = ("log", "--first-parent", "-m", "--format=", "--patch", "--unified=0", "--text", "--no-color")
    try:
        lines = _git(revision, folder, *command, "--no-ext-diff", "--no-textconv", "--pickaxe-regex", f"-S{pattern}")
    except UserError:
        return frozenset()
    return frozenset(names) & frozenset(re.findall(r"[a-z0-9.-]+", lines.decode(errors="replace")))


def _git(revision: str, folder: Path, *command: str) -> bytes:
    """What git says of a folder.

    Raises:
        UserError: there is no such revision, or no such folder in it.
    """
    import subprocess

    around = folder.absolute().parent
    while not around.exists():
        around = around.parent
    place = folder.absolute().relative_to(around)
    try:
        ended = subprocess.run(
            ["git", "-C", str(around), *command, revision, "--", f"./{place}"], capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise UserError("there is no git, by which to read another revision") from error
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        raise UserError(f"git:{revision}: {said[0] if said else 'cannot be read'}")
    return ended.stdout


def previous(folder: Path) -> dict[str, bytes]:
    """What a folder holds, or else what git's HEAD has there: the program `cdk8s` empties the folder before a synth."""
    if files := files_of_folder(folder):
        return files
    try:
        return files_of_revision("HEAD", folder)
    except UserError:
        return {}


def documents(files: Files, known: Mapping[str, list[Document]] | None = None) -> list[Document]:
    """The objects of files.

    Args:
        files: the files.
        known: those of some files, which need not be read.

    Raises:
        UserError: a file is not made of Kubernetes objects, or one of them lacks what makes it one.
    """
    found: list[Document] = []
    for name, content in files.items():
        if known and name in known:
            found += known[name]
        else:
            found += shaped(read_text(content, name), name)
    return found


def shaped(objects: list[Document], name: str) -> list[Document]:
    """The objects, which must have what makes them some.

    Args:
        objects: the objects.
        name: how messages name where they are from.

    Raises:
        UserError: one has not.
    """
    if problems := misshapen(objects):
        raise UserError(f"{name}: {problem}" for problem in problems)
    return objects


def concerned(old: Files, new: Files) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of those clusters that differ: consequences follow from a cluster as a whole, and from no other."""
    differ = {_cluster(name) for name in {*old, *new} if old.get(name) != new.get(name)}
    first, second = ({name: text for name, text in each.items() if _cluster(name) in differ} for each in (old, new))
    return first, second


def _cluster(name: str) -> str:
    """What the names of a cluster's files begin with."""
    found = _TIER.search(name)
    return name[: found.start()] if found else name

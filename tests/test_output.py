"""The folder of manifests is replaced as a whole, or not at all."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from constructs_st2.construct.output import replacing
from constructs_st2.errors import UserError


def write(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(name, encoding="utf-8")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_stale_files_vanish(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    write(dist, "old.k8s.yaml", "both.k8s.yaml")
    with replacing(dist) as folder:
        write(folder, "both.k8s.yaml", "new.k8s.yaml")
    assert names(dist) == ["both.k8s.yaml", "new.k8s.yaml"]
    assert names(tmp_path) == ["dist"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with replacing(tmp_path / "a" / "b") as folder:
        write(folder, "x.k8s.yaml")
    assert names(tmp_path / "a" / "b") == ["x.k8s.yaml"]


def test_the_folder_can_be_read_by_others(tmp_path: Path) -> None:
    with replacing(tmp_path / "dist") as folder:
        write(folder, "x.k8s.yaml")
    made = tmp_path / "plain"
    made.mkdir()
    assert (tmp_path / "dist").stat().st_mode == made.stat().st_mode


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays(tmp_path: Path, there: bool) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    if there:
        write(real, "old.k8s.yaml")
    link.symlink_to("real")
    with replacing(link) as folder:
        write(folder, "new.k8s.yaml")
    assert (link.is_symlink(), names(real)) == (True, ["new.k8s.yaml"])


@pytest.mark.parametrize("kind", ["current", "mounted", "below one of others"])
def test_a_folder_that_cannot_be_renamed_gets_new_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    dist = tmp_path / "dist"
    write(dist, "old.k8s.yaml", "both.k8s.yaml", "construct-metadata.json")
    given = dist
    match kind:
        case "current":
            monkeypatch.chdir(dist)
            given = Path()
        case "mounted":
            monkeypatch.setattr(Path, "is_mount", lambda each: each == dist)
        case "below one of others":
            monkeypatch.setattr(os, "access", lambda path, _: path != dist.parent)
    before = dist.stat().st_ino
    with replacing(given) as folder:
        write(folder, "both.k8s.yaml", "new.k8s.yaml")
        assert "old.k8s.yaml" in names(dist)
    assert names(dist) == ["both.k8s.yaml", "new.k8s.yaml"]
    assert dist.stat().st_ino == before


def test_what_a_killed_program_left_goes_with_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dist = tmp_path / "dist"
    write(dist, "old.k8s.yaml")
    monkeypatch.chdir(dist)
    killed = os.fork()
    if not killed:
        try:
            with replacing(Path()) as folder:
                write(folder, "new.k8s.yaml")
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.waitpid(killed, 0)
    assert len(names(dist)) == 2
    with replacing(Path()) as folder:
        write(folder, "new.k8s.yaml")
    assert names(dist) == ["new.k8s.yaml"]


def test_a_failure_keeps_the_old_folder_and_leaves_nothing_else(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    write(dist, "old.k8s.yaml")

    def fail() -> None:
        with replacing(dist) as folder:
            write(folder, "new.k8s.yaml")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(dist) == ["old.k8s.yaml"]
    assert names(tmp_path) == ["dist"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "folder with notes",
            "cannot write {dist}: it holds notes.txt, which is no manifest and would be lost; "
            "choose a folder of its own for manifests",
        ),
        ("file", "cannot write {dist}: it is not a folder"),
        ("below a file", "cannot write {dist}: {dist.parent} is not a folder"),
    ],
)
def test_folders_that_cannot_be_replaced(tmp_path: Path, content: str, message: str) -> None:
    dist = tmp_path / "dist"
    if content == "folder with notes":
        write(dist, "notes.txt", "a.k8s.yaml")
    elif content == "file":
        dist.write_text("", encoding="utf-8")
    else:
        (tmp_path / "file").write_text("", encoding="utf-8")
        dist = tmp_path / "file" / "dist"
    with pytest.raises(UserError) as caught, replacing(dist):
        pytest.fail("must not get here")
    assert caught.value.problems == (message.format(dist=dist),)

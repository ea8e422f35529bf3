"""Where the programs of Kubernetes come from, and what builds them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from servers import kubernetes_programs, roots
from servers.kubernetes_programs import ASSETS

PACKAGES = {name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kube-apiserver", "kubectl")}

# A Go that writes down how it is called, and makes what it is told to make.
BUILDS = """
echo "$0 $*" >> "$LOG"
[ "$1" = version ] && echo "go version go$VERSION linux/amd64"
[ "$1" = build ] || exit 0
while [ "$1" != -o ]; do shift; done
folder=$2
shift 2
for package; do echo built > "$folder${package##*/}"; done
"""

# One of before 1.21, which can read the module no more than build it, but fetches a newer one.
FETCHES = """
echo "$0 $*" >> "$LOG"
case "$1" in
version) echo "go version go1.19.8 linux/amd64" ;;
env) printf 'linux\\namd64\\n' ;;
mod) cat "$FETCHED" ;;
*) exit 1 ;;
esac
"""


@pytest.fixture(autouse=True)
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program on this machine, and none in the cache."""
    monkeypatch.delenv(ASSETS, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(shutil, "which", lambda name: found(tmp_path / "bin" / name))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setattr(roots, "ensure", lambda: None)


def found(path: Path) -> str | None:
    return str(path) if path.exists() else None


def program(path: Path, script: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    return path


def log(folder: Path) -> list[str]:
    return (folder / "log").read_text().splitlines()


def test_both_are_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSION", "1.24.4")
    go = program(tmp_path / "bin" / "go", BUILDS)
    assert kubernetes_programs.find_kubectl() is None
    kubernetes_programs.ensure()
    asked, built = log(tmp_path)
    assert asked == f"{go} version"
    assert built.startswith(f"{go} build ")
    assert built.endswith(" ".join(PACKAGES.values()))
    kubectl = kubernetes_programs.find_kubectl()
    assert kubectl
    assert {each.name for each in kubectl.parent.iterdir()} == set(PACKAGES)
    kubernetes_programs.ensure()
    assert len(log(tmp_path)) == 2
    # Beside others, it would be found again without them.
    monkeypatch.setattr(kubernetes_programs, "_BUILT", (*PACKAGES, "kube-scheduler"))
    assert kubernetes_programs.find_kubectl() is None


def test_who_gives_a_server_gets_kubectl_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSION", "1.24.4")
    monkeypatch.setenv(ASSETS, str(tmp_path / "assets"))
    for name in ("kube-apiserver", "etcd"):
        program(tmp_path / "assets" / name)
    assert kubernetes_programs.find() == (tmp_path / "assets" / "kube-apiserver", tmp_path / "assets" / "etcd")
    program(tmp_path / "bin" / "go", BUILDS)
    kubernetes_programs.ensure()
    assert log(tmp_path)[-1].endswith(f" {PACKAGES['kubectl']}")
    in_cache = kubernetes_programs.find_kubectl()
    assert in_cache
    assert in_cache.is_relative_to(tmp_path / "cache")
    # The nearest one is used.
    for folder in ("bin", "assets"):
        nearer = program(tmp_path / folder / "kubectl")
        assert kubernetes_programs.find_kubectl() == nearer


def test_an_old_go_fetches_the_one_that_the_module_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = tmp_path / "fetched"
    go = program(fetched / "bin" / "go", BUILDS)
    compiler = program(fetched / "pkg" / "tool" / "linux_amd64" / "compile")
    # As modules come: without programs, and without modules in them.
    for each in (go, compiler):
        each.chmod(0o444)
    (fetched / "src" / "cmd").mkdir(parents=True)
    for folder in (fetched / "src", fetched / "src" / "cmd"):
        (folder / "_go.mod").write_text("module std\n")
        folder.chmod(0o555)
    (tmp_path / "answer.json").write_text(json.dumps({"Dir": str(fetched)}))
    monkeypatch.setenv("FETCHED", str(tmp_path / "answer.json"))
    monkeypatch.setenv("VERSION", "1.26.0")
    old = program(tmp_path / "bin" / "go", FETCHES)
    kubernetes_programs.ensure()
    *_, download, build = log(tmp_path)
    assert download == f"{old} mod download -json golang.org/toolchain@v0.0.1-go1.26.0.linux-amd64"
    assert build.startswith(f"{go} build ")
    assert kubernetes_programs.find_kubectl()
    assert os.access(compiler, os.X_OK)
    assert {path.parent.name for path in fetched.rglob("go.mod")} == {"src", "cmd"}


def test_what_cannot_be_had_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kubernetes_programs.ensure()
    assert "there is no go, which builds kube-apiserver and kubectl" in capsys.readouterr().err
    (tmp_path / "answer.json").write_text("")
    program(tmp_path / "bin" / "go", FETCHES.replace('cat "$FETCHED"', "echo no network >&2; exit 1"))
    kubernetes_programs.ensure()
    assert "no network" in capsys.readouterr().err
    assert kubernetes_programs.find_kubectl() is None

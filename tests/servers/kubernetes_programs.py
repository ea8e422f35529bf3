"""The programs of Kubernetes that tests run: the API server with its etcd, and kubectl.

They come from the folder KUBEBUILDER_ASSETS, where other projects' tests look for them too, or are built from the
sources of Kubernetes by ``make api-server``, which takes many minutes, once. Then etcd is Debian's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from servers import cache, roots

ASSETS = "KUBEBUILDER_ASSETS"
INSTALL = "make api-server"
"""What builds the programs."""

_MODULE = Path(__file__).parents[2] / "tools" / "kube_apiserver"
_APISERVER, _KUBECTL = "kube-apiserver", "kubectl"
_BUILT = (_APISERVER, _KUBECTL)
_ETCD = roots.Server("etcd", "trixie")

_GO = re.compile(r"\bgo(\d+)\.(\d+)")
_FETCHES_ITSELF = (1, 21)
"""The first Go that fetches the version that a module asks for."""


class Programs(NamedTuple):
    """The programs of an API server."""

    apiserver: Path
    etcd: Path


def find() -> Programs | None:
    """What an API server takes, or None where some of it is missing."""
    if assets := os.environ.get(ASSETS):
        given = Programs(Path(assets, _APISERVER), Path(assets, "etcd"))
        return given if all(map(Path.exists, given)) else None
    root = roots.find(_ETCD)
    built = _folder() / _APISERVER
    return Programs(built, root / "usr/bin/etcd") if root and built.exists() else None


def find_kubectl() -> Path | None:
    """Kubectl, or None where there is none. One beside the API server comes first, then that of this machine."""
    given = Path(os.environ.get(ASSETS) or _folder(), _KUBECTL)
    machine = shutil.which(_KUBECTL)
    return next((each for each in (given, Path(machine or given), _folder() / _KUBECTL) if each.exists()), None)


def ensure() -> None:
    """Build the programs that are missing. Never fails: tests that lack them say so."""
    roots.ensure()
    given = ASSETS in os.environ
    missing = find_kubectl() is None if given else not all((_folder() / name).exists() for name in _BUILT)
    if missing and (go := _go()):
        # Who gives an API server need not wait for another one.
        _build(go, (_KUBECTL,) if given else _BUILT)


def _build(go: str, names: tuple[str, ...]) -> None:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unfinished.", dir=folder) as unfinished:
        packages = [f"k8s.io/kubernetes/cmd/{name}" for name in names]
        command = [go, "build", "-ldflags", _link(), "-o", f"{unfinished}{os.sep}", *packages]
        print(*command, f"# Kubernetes {version()}, once; this takes a while", flush=True)
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "auto"}
        environment.pop("GOROOT", None)  # It may be that of an older Go.
        if subprocess.run(command, cwd=_MODULE, env=environment, check=False).returncode == 0:
            for name in names:
                Path(unfinished, name).rename(folder / name)


def _folder() -> Path:
    """Where the built programs are: another folder for other sources, and for other programs."""
    sources = tuple((_MODULE / name).read_text(encoding="utf-8") for name in ("go.mod", "go.sum"))
    return cache.folder("kubernetes", version(), (sources, _BUILT, _link(), os.uname().machine))


def _link() -> str:
    """How they are linked. What the server says of itself decides which versions of its features it turns on."""
    return f"-s -w -X k8s.io/component-base/version.gitVersion={version()}"


def version() -> str:
    """The version of Kubernetes that is built: ``v1.36.3``."""
    return _in_module(r"\bk8s\.io/kubernetes (v\S+)")


def _in_module(pattern: str) -> str:
    found = re.search(pattern, (_MODULE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert found, pattern
    return found[1]


def _go() -> str | None:
    """A Go that can build the module, or None where none can be had."""
    go = shutil.which("go")
    if go is None:
        print(f"there is no go, which builds {' and '.join(_BUILT)}", file=sys.stderr)
        return None
    found = _GO.search(subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout)
    if found and (int(found[1]), int(found[2])) >= _FETCHES_ITSELF:
        return go
    return _newer_go(go)


def _newer_go(go: str) -> str | None:
    """The Go that the module asks for, by way of an older one, which fetches it as a module and checks its sum.

    Newer ones do the same, see cmd/go/internal/toolchain/select.go: a module has no programs, and no modules in it.
    """

    def ask(*arguments: str) -> str:
        done = subprocess.run([go, *arguments], cwd="/", capture_output=True, text=True, check=False)
        print(done.stderr, end="", file=sys.stderr)
        return done.stdout

    system, machine = ask("env", "GOOS", "GOARCH").split()
    module = f"golang.org/toolchain@v0.0.1-go{_in_module(r'^go (.+)$')}.{system}-{machine}"
    print(f"fetching {module}", flush=True)
    folder = json.loads(ask("mod", "download", "-json", module) or "{}").get("Dir")
    if folder is None:
        return None
    for hidden in Path(folder).rglob("_go.mod"):
        hidden.parent.chmod(0o755)
        shutil.copyfile(hidden, hidden.with_name("go.mod"))
    for programs in ("pkg/tool", "bin"):
        for program in Path(folder, programs).rglob("*"):
            program.chmod(0o755)
    return str(Path(folder, "bin", "go"))


if __name__ == "__main__":
    ensure()

"""The tutorials, word by word: what stands in them as shell is run, in an empty folder.

What only pods could answer is answered by a stub. Blocks that begin with ``$`` take a cluster and are not run here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from servers.bindings import definitions
from servers.kube_apiserver import Kubectl

runs_programs = pytest.mark.servers

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALL = {
    "make setup\n. .venv/bin/activate\n",
    "constructs-st2 --version\n",
    'python3 -m venv .venv\n.venv/bin/pip install --quiet "constructs-st2[node] @ file://$CONSTRUCTS_ST2"\n',
}
"""What makes an environment: the tests run in one, and tests/test_wheel.py makes another."""
STUB = """\
#!/bin/sh
# The Job that makes Secrets, cert-manager, and everything else that takes pods.
case " $* " in
*" wait "*"app=job-smoke-test "*)
    constructs-st2 secrets generate -f production.yaml -f packs.yaml | {kubectl} create -f -
    {kubectl} -n stackstorm create secret generic st2-st2-client-config --from-literal=config='[credentials]
username = stackstorm
password = first
'
    {kubectl} -n stackstorm create secret generic st2-example-org --from-literal=tls.key=x --from-literal=tls.crt=x ;;
*" wait "*|*" logs "*) echo "kubectl $*" ;;
*) exec {kubectl} "$@" ;;
esac
"""


def script(page: str) -> str:
    """What a tutorial has somebody type."""
    text = "\n".join(BLOCK.findall((TUTORIALS / page).read_text(encoding="utf-8")))
    for part in INSTALL:
        text = text.replace(part, "")
    return f"set -euo pipefail\n{text}"


def follow(page: str, folder: Path, *paths: Path, given: str = "", **environment: str) -> str:
    """Follow a tutorial to its end: what is printed."""
    path = os.pathsep.join(map(str, (*paths, Path(sys.executable).parent, os.environ["PATH"])))
    ended = subprocess.run(
        ["bash", "-c", script(page)],
        cwd=folder,
        env={**os.environ, **environment, "PATH": path, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


def test_what_installs_is_left_out_and_nothing_else() -> None:
    texts = [path.read_text(encoding="utf-8") for path in TUTORIALS.glob("*.md")]
    assert all(any(part in text for text in texts) for part in INSTALL)


@runs_programs
def test_on_a_laptop(tmp_path: Path) -> None:
    told = follow("laptop.md", tmp_path)
    assert "st2actionrunner.replicas 1 -> 2" in told
    assert not list(tmp_path.iterdir())


def test_production_in_an_afternoon(tmp_path: Path, kubectl: Kubectl) -> None:
    kubectl.server.define([each for file in definitions() for each in yaml.safe_load_all(file.read_text())])
    programs, folder = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    folder.mkdir()
    (programs / "kubectl").write_text(STUB.format(kubectl=kubectl.program))
    (programs / "kubectl").chmod(0o755)
    environment = {name: value for name, value in kubectl.environment.items() if name.startswith("KUBE")}
    told = follow("production.md", folder, programs, given="first\nsecond\nthird\n", **environment)
    assert "statefulset.apps/st2-mongodb created" in told
    assert "ingress.networking.k8s.io/st2-st2web-ingress created" in told
    assert "job.batch/st2-restore-20260131t031700z created" in told
    ldap = kubectl.must("-n", "stackstorm", "get", "secret", "stackstorm-ldap", "-o", "jsonpath={.data}")
    assert "st2.secrets.conf" in ldap
    replicas = ("-n", "stackstorm", "get", "deployment", "st2-st2actionrunner", "-o", "jsonpath={.spec.replicas}")
    assert kubectl.must(*replicas) == "5"
    assert (folder / "crypto-key.yaml").stat().st_size > 0


@runs_programs
def test_in_an_app_of_your_own(tmp_path: Path) -> None:
    project = tmp_path / "automation"
    text = script("library.md")
    assert "mkdir automation && cd automation\n" in text
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    # The environment is there before the tutorial makes its folder: `mkdir` brings it along.
    (bin_folder / "mkdir").write_text(f'#!/bin/sh\n/bin/mkdir "$@" && ln -s {sys.prefix} "$1/.venv"\n')
    (bin_folder / "mkdir").chmod(0o755)
    told = follow("library.md", tmp_path, bin_folder, CONSTRUCTS_ST2=str(ROOT))
    assert "must be at least 0, not -1" in told
    assert "objects hold together" in told
    assert "minReadySeconds 20 -> 30" in told
    kinds = [each["kind"] for each in yaml.safe_load_all((project / "dist" / "wallboard.k8s.yaml").read_text())]
    assert kinds == ["Deployment"]

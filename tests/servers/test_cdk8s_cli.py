"""`cdk8s synth`, by the real program, beside `python main.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import Require

from constructs_st2 import node

ROOT = Path(__file__).parents[2]
PARTS = ("Makefile", "cdk8s.yaml", "constructs_st2", "main.py", "pyproject.toml", "requirements")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("ST2_", "CDK8S_"))}


class Project:
    """A copy of the project, in which the program may delete dist/."""

    def __init__(self, folder: Path, cdk8s: str) -> None:
        self.folder = folder
        environment = dict(ENVIRONMENT)
        node.prepare(environment)
        self.cdk8s = [environment.get("JSII_NODE", "node"), cdk8s]
        for name in PARTS:
            (folder / name).symlink_to(ROOT / name)
        virtual = folder / ".venv"
        virtual.mkdir()
        for name in ("bin", "lib", "pyvenv.cfg"):
            (virtual / name).symlink_to(Path(sys.prefix, name))
        # Newer than all that it is made from, so that `make setup` has nothing to do.
        (virtual / "ready").touch()

    def synth(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self._run([*self.cdk8s, "synth", *options], {"CDK8S_CHECK_UPGRADE": "false", **environment})

    def main(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "main.py", *options], {})

    def _run(self, command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**ENVIRONMENT, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def manifests(self, folder: str | Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / folder).iterdir()}


@pytest.fixture
def project(tmp_path: Path, require: Require) -> Project:
    return Project(tmp_path, require("cdk8s"))


def test_it_writes_what_main_writes(project: Project) -> None:
    result = project.synth()
    assert result.returncode == 0, result.stderr
    project.main("--output", "by-main")
    assert project.manifests("dist") == project.manifests("by-main") == project.manifests(ROOT / "dist")


def test_values_from_the_environment_and_its_own_output_folder(project: Project) -> None:
    project.write("values.yaml", "st2api: {replicas: 9}\n")
    project.write("a.yaml", "st2api: {replicas: 3}\nst2auth: {replicas: 3}\n")
    project.write("b.yaml", "st2auth: {replicas: 4}\n")
    result = project.synth("--output", "elsewhere/manifests", ST2_VALUES="a.yaml:b.yaml")
    assert result.returncode == 0, result.stderr
    project.main("-f", "a.yaml", "-f", "b.yaml", "--output", "by-main")
    assert project.manifests("elsewhere/manifests") == project.manifests("by-main")
    assert not (project.folder / "dist").exists()


def test_files_of_an_earlier_synth_vanish(project: Project) -> None:
    (project.folder / "dist").mkdir()
    project.write("dist/99-old.k8s.yaml", "")
    assert project.synth().returncode == 0
    assert "99-old.k8s.yaml" not in project.manifests("dist")


def test_a_mistake_fails_it_with_our_message(project: Project) -> None:
    project.write("values.yaml", "st2api:\n  replica: 3\n")
    result = project.synth()
    said = result.stdout + result.stderr
    assert result.returncode == 1
    assert 'error: values.yaml:2: st2api.replica: unknown key; did you mean "replicas"?' in said
    assert "Traceback" not in said

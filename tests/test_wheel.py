"""The wheel as somebody installs it: in an environment without this repository, in an app with its own imports/."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import jedi  # type: ignore[import-untyped]
import pytest

from constructs_st2 import __version__
from constructs_st2.kube.reading import read_folder

pytestmark = pytest.mark.servers
"""All of it runs programs: what builds the wheel, a Python that has it, a type checker."""

ROOT = Path(__file__).parent.parent
FOLDER = Path(sys.prefix, "environments", "wheel")
"""Always the same one, so that mypy need not look at the same libraries in every run."""

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/library.md").read_text(encoding="utf-8"), re.DOTALL)


class Installed:
    """An environment that has the wheel and what it depends on."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True)
        (self.wheel,) = folder.glob("*.whl")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.python = folder / "bin" / "python"
        (packages,) = folder.glob("lib/python*/site-packages")
        with zipfile.ZipFile(self.wheel) as archive:
            archive.extractall(packages)
        # The dependencies, without what is installed beside them by .pth files: this repository.
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    def run(self, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CDK8S"))}
        environment["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "20"
        return subprocess.run(
            [str(self.python), *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def installed() -> Installed:
    return Installed(FOLDER)


def test_everything_is_below_the_package(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {"constructs_st2", f"constructs_st2-{__version__}.dist-info"}
    assert not any("crds" in name for name in names)
    assert {"constructs_st2/py.typed", "constructs_st2/kernel.js", "constructs_st2/values/profiles/ha.yaml"} <= {*names}


def test_the_program_tells_its_version(installed: Installed, tmp_path: Path) -> None:
    done = installed.run(tmp_path, "-c", "from constructs_st2.commands.entry import main; main()", "--version")
    assert done.stdout == f"constructs-st2, version {__version__}\n"
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changes or f"## [{__version__}]" in changes


APP = """
from pathlib import Path

import cdk8s
import constructs_st2
from imports.k8s import OURS

from constructs_st2 import StackStorm

assert Path(constructs_st2.__file__).is_relative_to(__import__("sys").prefix), constructs_st2.__file__
app = cdk8s.App()
parts = {part: {"enabled": True} for part in ("podMonitors", "rules")}
values = {"monitoring": {"enabled": True, **parts}, "st2actionrunner": {"autoscaling": {"enabled": True}}}
values["st2actionrunner"]["autoscaling"]["maxReplicas"] = OURS
values |= {"st2web": {"tls": {"enabled": False}}}
values |= {"ingress": {"enabled": True, "hosts": [{"host": "st2.example.org", "paths": [{"path": "/"}]}]}}
StackStorm(app, "st2", values=values)
app.synth()
assert "constructs_st2.imports.sh.keda" in __import__("sys").modules
"""


def test_it_lives_beside_the_imports_of_an_app(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "imports").mkdir()
    (tmp_path / "imports" / "__init__.py").write_text("")
    (tmp_path / "imports" / "k8s.py").write_text("OURS = 9\n")
    (tmp_path / "app.py").write_text(APP)
    done = installed.run(tmp_path, "app.py")
    assert (done.returncode, done.stderr) == (0, "")
    kinds = {each["kind"] for each in read_folder(tmp_path / "dist")}
    assert {"PodMonitor", "PrometheusRule", "ScaledObject", "Ingress"} <= kinds


EXAMPLES = """
import runpy, shutil, sys
from pathlib import Path

dist = Path("dist")
for name in sys.argv[1:]:
    shutil.rmtree(dist, ignore_errors=True)
    runpy.run_path(name, run_name="__main__")
    assert "app.synth()" not in Path(name).read_text() or list(dist.iterdir()), name
"""
"""One after the other in one process, so that Node.js starts once."""


def test_the_examples_of_the_page_run(installed: Installed, tmp_path: Path) -> None:
    names = [f"block_{number}.py" for number in range(len(BLOCKS))]
    for name, block in zip(names, BLOCKS, strict=True):
        (tmp_path / name).write_text(block)
    done = installed.run(tmp_path, "-c", EXAMPLES, *names)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(" objects") == 1


WRONG = """
from constructs_st2 import Values
from constructs_st2.values.model import ActionRunner

Values(st2actionrunner=ActionRunner(replicas="8"))
Values(st2actionrunner=ActionRunner(replica=8))
Values(st2actionrunner={"replicas": 8})
"""


def test_type_checkers_know_it(installed: Installed, tmp_path: Path) -> None:
    for number, block in enumerate(BLOCKS):
        (tmp_path / f"block_{number}.py").write_text(block)
    shutil.copy(ROOT / "main.py", tmp_path / "our_main.py")
    shutil.copy(ROOT / "examples" / "fleet.py", tmp_path)
    (tmp_path / "wrong.py").write_text(WRONG)
    options = ["--strict", "--python-executable", str(installed.python), "--cache-dir", str(FOLDER.with_name("mypy"))]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--config-file=", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^(.*\.py):(\d+): error: .*\[(.*)\]$", done.stdout, re.MULTILINE)
    assert found == [("wrong.py", "5", "arg-type"), ("wrong.py", "6", "call-arg"), ("wrong.py", "7", "arg-type")], (
        done.stdout + done.stderr
    )
    # Pyright, by which editors check, takes fewer things for properties than mypy does.
    command = [sys.executable, "-m", "basedpyright", "--level", "error", "--outputjson"]
    done = subprocess.run(
        [*command, "--pythonpath", str(installed.python)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    told = [
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["rule"])
        for each in json.loads(done.stdout)["generalDiagnostics"]
    ]
    assert told == [
        ("wrong.py", 5, "reportArgumentType"),
        ("wrong.py", 6, "reportCallIssue"),
        ("wrong.py", 7, "reportArgumentType"),
    ], done.stdout + done.stderr


STACK = "from constructs_st2 import StackStorm\nStackStorm(None, 'x'"
COMPLETIONS = {
    "from constructs_st2 import Values\nValues(st2act": "st2actionrunner=",
    "from constructs_st2.values.model import HttpService\nHttpService(repl": "replicas=",
    f"{STACK}, rele": "release=",
    f"{STACK}).runn": "runners",
    f"{STACK}).api['st2api']['Service'].metadata.add_lab": "add_label",
    f"{STACK}).node.find_a": "find_all",
}


@pytest.mark.parametrize("begun", COMPLETIONS)
def test_editors_complete_it(installed: Installed, begun: str) -> None:
    environment = jedi.create_environment(str(installed.python.parent.parent), safe=False)
    found = {each.name for each in jedi.Script(begun, environment=environment).complete()}
    assert COMPLETIONS[begun] in found

"""Finding Node.js."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from constructs_st2 import node
from constructs_st2.errors import UserError


def program(folder: Path, text: str) -> str:
    """A program called node that prints a text."""
    path = folder / "node"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_named_program_is_used(tmp_path: Path) -> None:
    environment = {"JSII_NODE": program(tmp_path, "echo v22.1.0"), "PATH": "/nowhere"}
    node.prepare(environment)
    assert node.problem(environment) is None


def test_node_of_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "")
    monkeypatch.setattr(node, "_from_pypi", lambda: None)
    environment = {"PATH": str(tmp_path)}
    node.prepare(environment)
    assert "JSII_NODE" not in environment


def test_node_of_pypi_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "_from_pypi", lambda: shutil.which("sh"))
    environment = {"PATH": "/nowhere"}
    node.prepare(environment)
    assert environment["JSII_NODE"] == shutil.which("sh")


def test_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "_from_pypi", lambda: None)
    with pytest.raises(UserError, match=r"^cannot find Node\.js \(node\): install Node\.js 20 or newer, or"):
        node.prepare({"PATH": "/nowhere"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo v18.20.4", r"Node\.js v18\.20\.4 \(.*\) is too old: install Node\.js 20"),
        ("echo hello", r"cannot run Node\.js"),
        ("exit 1", r"cannot run Node\.js"),
    ],
)
def test_a_node_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    problem = node.problem({"JSII_NODE": program(tmp_path, text)})
    assert problem is not None
    with pytest.raises(UserError, match=message):
        raise problem


@pytest.mark.skipif(sys.platform != "linux", reason="the folder has another name there")
@pytest.mark.parametrize("home", ["nowhere", "file", "with a file", "/proc"])
def test_the_cache_is_turned_off_where_it_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "with a file").mkdir()
    (tmp_path / "with a file" / ".cache").touch()
    monkeypatch.setenv("HOME", str(tmp_path / home))
    environment = {"JSII_NODE": program(tmp_path, "")}
    node.prepare(environment)
    assert environment["JSII_RUNTIME_PACKAGE_CACHE"] == "disabled"


def test_what_node_complains_of_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(tmp_path / "file" / "cache")}
    done = subprocess.run(
        [sys.executable, Path(__file__).parents[1] / "main.py", "--output", tmp_path / "dist"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot start cdk8s: Cannot use the jsii package cache in ")
    assert done.stderr.count("\n") == 1


def test_the_users_choice_of_a_cache_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    environment = {"JSII_NODE": program(tmp_path, ""), "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(tmp_path)}
    node.prepare(environment)
    assert "JSII_RUNTIME_PACKAGE_CACHE" not in environment


STARTED = """
import os, sys
from constructs_st2 import interrupts, node
{change}
before = dict(os.environ)
node.start()
import cdk8s
cdk8s.App(outdir=sys.argv[1]).synth()
assert {{name: os.environ.get(name) for name in before}} == before
print(len(interrupts._descendants(os.getpid())), "JSII_RUNTIME" in os.environ)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells of the processes")
@pytest.mark.parametrize(
    ("change", "processes"),
    [("", 1), ('node._KNOWN_TO_THE_KERNEL = (b"what no jsii has",)', 2)],
    ids=["jsii as it is known", "another jsii"],
)
def test_one_process_is_started_where_jsii_is_as_it_is_known(tmp_path: Path, change: str, processes: int) -> None:
    program_text = STARTED.format(change=change)
    done = subprocess.run(
        [sys.executable, "-c", program_text, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"{processes} False\n", "")


def test_packages_are_links_to_the_cache(tmp_path: Path) -> None:
    """Otherwise each start links and removes hundreds of files."""
    text = (
        "from constructs_st2 import node; node.start()\n"
        "from pathlib import Path\n"
        f"print(*(each.is_symlink() for each in Path({str(tmp_path)!r}).glob('jsii-kernel-*/node_modules/*')))\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


BEGUN = "from constructs_st2 import node; node.start(); import cdk8s; print(cdk8s.Names.to_dns_label.__name__)"


def begin(home: Path, **variables: str) -> list[str]:
    """What there is in the folder of compiled programs after cdk8s has run."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(home), **variables}
    done = subprocess.run([sys.executable, "-c", BEGUN], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("to_dns_label\n", "")
    return sorted(path.name for path in home.glob("constructs-st2/node/*"))


def test_what_is_compiled_is_kept(tmp_path: Path) -> None:
    (name,) = begin(tmp_path)
    kept = tmp_path / "constructs-st2" / "node" / name
    first = kept.stat()
    assert first.st_mode & 0o77 == 0
    begin(tmp_path)
    assert kept.stat().st_ino == first.st_ino
    # What is not as it was is made anew: V8 would end Node.js for it.
    whole = kept.read_bytes()
    half = len(whole) // 2
    for broken in (b"", whole[:half], whole[:half] + bytes(1000) + whole[half + 1000 :]):
        kept.write_bytes(broken)
        begin(tmp_path)
        assert kept.stat().st_size > 100_000
        assert kept.read_bytes() != broken


def test_nothing_compiled_is_kept_where_others_write_or_nothing_is_to_be_kept(tmp_path: Path) -> None:
    assert begin(tmp_path, JSII_RUNTIME_PACKAGE_CACHE="disabled") == []
    folder = tmp_path / "constructs-st2" / "node"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert begin(tmp_path) == []
    folder.rmdir()
    folder.write_text("no folder")
    assert begin(tmp_path) == []


def test_errors_of_javascript_come_through(tmp_path: Path) -> None:
    node.start()
    import cdk8s

    app = cdk8s.App(outdir=str(tmp_path))
    cdk8s.Chart(app, "a")
    with pytest.raises(RuntimeError, match="There is already a Construct with name 'a'"):
        cdk8s.Chart(app, "a")


MAIN = Path(__file__).parent.parent / "main.py"


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.argv.append('synth'); from constructs_st2.commands.entry import main; main()",
        f"import runpy; runpy.run_path({str(MAIN)!r}, run_name='__main__')",
    ],
    ids=["constructs-st2", "main.py"],
)
def test_every_program_that_writes_says_that_there_is_none(program: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "JSII_NODE": "/nowhere/node"},
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("error: cannot find Node.js (/nowhere/node)")

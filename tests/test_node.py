"""Finding Node.js."""

from __future__ import annotations

import shutil
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


def test_the_cache_is_turned_off_where_it_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    environment = {"JSII_NODE": program(tmp_path, "")}
    node.prepare(environment)
    assert environment["JSII_RUNTIME_PACKAGE_CACHE"] == "disabled"


def test_the_users_choice_of_a_cache_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    environment = {"JSII_NODE": program(tmp_path, ""), "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(tmp_path)}
    node.prepare(environment)
    assert "JSII_RUNTIME_PACKAGE_CACHE" not in environment

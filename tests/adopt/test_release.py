"""The move of a release of Helm."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support import Require

from constructs_st2.commands import adopt as adopt_package
from constructs_st2.commands.adopt.helm import decoded
from constructs_st2.commands.cli import cli
from constructs_st2.errors import UserError
from constructs_st2.values import load

STEPS = Path(adopt_package.__file__).parent / "steps"
MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: st2-st2api}
spec:
  replicas: 4
  template:
    spec:
      containers: [{name: st2api, image: "stackstorm/st2api:3.8", env: [{name: A}]}]
"""
RELEASE: dict[str, Any] = {
    "name": "st2",
    "version": 3,
    "info": {"status": "deployed"},
    "config": {"mongodb": {"architecture": "replicaset", "auth": {"password": "s3cret"}}, "st2api": {"replicas": 4}},
    "chart": {
        "metadata": {"name": "stackstorm-ha", "version": "1.1.0", "appVersion": "3.8"},
        "values": {"mongodb": {"auth": {"username": "st2-admin"}}, "rabbitmq": {"auth": {"username": "admin"}}},
    },
    "manifest": MANIFEST,
}


def stored(release: dict[str, Any]) -> str:
    """As Helm 3 writes it, and the API encodes it."""
    inner = base64.b64encode(gzip.compress(json.dumps(release).encode()))
    return base64.b64encode(inner).decode()


@pytest.fixture
def adopt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    def run(*releases: dict[str, Any]) -> Result:
        secret = {"kind": "Secret", "metadata": {"name": "sh.helm.release.v1.st2.v1"}}
        secrets = {"items": [{**secret, "data": {"release": stored(release)}} for release in releases]}
        (tmp_path / "answer.json").write_text(json.dumps(secrets))
        program = tmp_path / "bin" / "kubectl"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ncat {tmp_path}/answer.json\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        monkeypatch.chdir(tmp_path)
        return CliRunner().invoke(cli, ["adopt", "--release", "st2", "--namespace", "tools"])

    return run


def test_names_stay_and_versions_can_read_the_data(adopt: Callable[..., Result], tmp_path: Path) -> None:
    assert adopt({**RELEASE, "version": 2, "info": {"status": "superseded"}}, RELEASE).exit_code == 0
    values = load([tmp_path / "adopted/values.yaml"], [], release_name="st2", release_namespace="tools").values
    assert values.mongodb.auth.username == "st2-admin"
    assert values.rabbitmq.auth.username == "admin"
    assert values.service_account.service_account_name == "stackstorm-ha"
    assert values.namespace.pod_security == "none"
    assert (values.image.tag, values.mongodb.image.tag, values.st2api.replicas) == ("3.8", "4.4.30", 4)
    assert "s3cret" not in (tmp_path / "adopted/values.yaml").read_text()
    assert "get secret --selector owner=helm,name=st2" in (tmp_path / "asked").read_text()


def test_both_are_compared(adopt: Callable[..., Result], tmp_path: Path) -> None:
    adopt(RELEASE)
    comparison = (tmp_path / "adopted/comparison.md").read_text()
    assert "| Deployment/st2-st2api | env | A |" in comparison
    assert "| Deployment/st2-st2api | replicas |" not in comparison, "they are the same"


def test_all_steps_are_written_and_what_is_saved_stays(adopt: Callable[..., Result], tmp_path: Path) -> None:
    adopt(RELEASE)
    steps = tmp_path / "adopted/steps"
    (steps / "saved").mkdir()
    (steps / "saved/x").write_text("x")
    adopt(RELEASE)
    assert (steps / "saved/x").exists()
    assert "RELEASE=st2\nNAMESPACE=tools\nREVISION=3\nDATABASE=st2\n" in (steps / "settings.sh").read_text()
    told = (steps / "README.md").read_text()
    numbered = sorted(path.name for path in steps.glob("[0-9]*.sh"))
    assert len(numbered) == 9
    assert all(f"`{name}`" in told for name in numbered)


def test_the_steps_are_plain_sh(require: Require) -> None:
    scripts = sorted(map(str, STEPS.glob("*.sh")))
    command = [require("shellcheck"), "--external-sources", "--source-path=SCRIPTDIR", "--shell=sh", *scripts]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("releases", "problem"),
    [
        ([], "there is no release st2 of Helm in the namespace tools"),
        ([{**RELEASE, "chart": {"metadata": {"name": "nginx"}}}], "release st2 is of the chart nginx, not of"),
    ],
)
def test_what_is_no_release_of_the_chart(adopt: Callable[..., Result], releases: Any, problem: str) -> None:
    result = adopt(*releases)
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith(problem)


def test_a_secret_of_something_else_is_no_release() -> None:
    with pytest.raises(UserError, match="nothing that Helm 3 has written"):
        decoded(base64.b64encode(b"x").decode())

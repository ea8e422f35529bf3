"""An upgrade from st2 3.8 with the backends of its time, step by step on a real API server, as a person takes it.

Each jump is refused at first. The steps that the error names are those that `constructs-st2 upgrade --write` sets in
the values file, one by one; synth and API server accept each.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers.kube_apiserver import Kubectl

from constructs_st2.commands import cli

Run = Callable[..., tuple[int, str, str]]

VALUES = """\
# The release of last year.
image:
  tag: "3.8"  # with MongoDB 4.4, RabbitMQ 3.13 and Redis 7.2
secrets:
  mode: existing
"""
FIRST = {
    "mongodb.image.tag": "4.4.30",
    "rabbitmq.image.tag": "3.13-management",
    "redis.image.tag": "7.2",
    "image.tag": "3.9",
}
TAG, FORMATS = "mongodb.image.tag", "mongodb.featureCompatibilityVersion"
MONGODB = [
    (FORMATS, "4.4"),
    *((key, version) for version in ("5.0", "6.0", "7.0") for key in (TAG, FORMATS)),
]
RABBITMQ = [("rabbitmq.image.tag", f"{version}-management") for version in ("4.0", "4.1", "4.2")]
REDIS = [("redis.image.tag", "8.0")]
UPGRADES = {"mongodb": ("7.0", MONGODB), "rabbitmq": ("4.2", RABBITMQ), "redis": ("8.0", REDIS)}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kubectl: Kubectl) -> Run:
    """Runs a command in this process, with the API server as its cluster: its status, and what it says."""
    monkeypatch.chdir(tmp_path)
    for name, value in kubectl.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("ST2_VALUES", "ST2_RELEASE", "ST2_NAMESPACE", "ST2_ACCEPT", "CDK8S_OUTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(kubectl.program.parent), prepend=":")

    def execute(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["constructs-st2", *arguments])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return execute


def settings(text: str) -> list[tuple[str, str]]:
    """The keys of the values that an error tells to set, in its order."""
    return re.findall(r'\d\. ([a-z]+\.\S+): "([^"]+)"', text)


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values by their keys."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def written() -> dict[str, Any]:
    return flat(yaml.safe_load(Path("values.yaml").read_text()))


def stateful_sets(kubectl: Kubectl) -> dict[str, dict[str, Any]]:
    """The backends, by their names."""
    found = json.loads(kubectl.must("-n", "stackstorm", "get", "statefulset", "-o", "json"))["items"]
    return {each["metadata"]["name"].removeprefix("st2-"): each for each in found}


def servers(kubectl: Kubectl) -> dict[str, str]:
    """The image that each backend runs."""
    sets = stateful_sets(kubectl).items()
    return {name: each["spec"]["template"]["spec"]["containers"][0]["image"] for name, each in sets}


def generations(kubectl: Kubectl) -> dict[str, int]:
    """How often each backend was changed."""
    return {name: each["metadata"]["generation"] for name, each in stateful_sets(kubectl).items()}


def test_step_by_step(run: Run, kubectl: Kubectl) -> None:
    Path("values.yaml").write_text(VALUES)
    assert run("synth", "--quiet")[0] == 0
    kubectl.must("apply", "-f", "dist/")
    before = servers(kubectl)

    # All at once: the version of st2 alone would move every backend.
    refused = run("synth", "--set", "image.tag=3.9")
    assert refused[0] == 1
    named = settings(refused[2])
    assert [each for each in named if each not in FIRST.items()] == [*MONGODB, *RABBITMQ]
    assert [each for each in named if each in FIRST.items()] == [
        (key, FIRST[key]) for key in (TAG, "rabbitmq.image.tag")
    ]
    status, said, _ = run("plan", "--set", "image.tag=3.9", "--against", "cluster")
    assert status == 3
    assert settings(said) == named

    take(run, kubectl, "st2", "3.9")
    assert written().items() >= FIRST.items()
    assert servers(kubectl) == before, "the backends stay what they are"

    for what, (version, steps) in UPGRADES.items():
        if len(steps) > 1:
            key, value = next(each for each in reversed(steps) if each[0].endswith(".image.tag"))
            status, _, error = run("synth", "--set", f"{key}={value}")
            assert status == 1
            assert settings(error)[1:] == steps
        for key, value in steps:
            count = generations(kubectl)
            take(run, kubectl, what, version)
            assert written()[key] == value
            changed = {name for name, number in generations(kubectl).items() if number != count[name]}
            assert changed == ({what} if key.endswith(".image.tag") else set())
        status, said, _ = run("upgrade", what, version, "--write")
        assert (status, said) == (0, f"{what} is at {version}: nothing is left to do\n")

    kubectl.must("apply", "-f", "dist/", "--prune", "-l", "release=st2", "--prune-allowlist=batch/v1/Job")
    assert run("plan", "--against", "cluster")[0] == 0
    text = Path("values.yaml").read_text()
    assert text.startswith("# The release of last year.\n")
    assert "# with MongoDB 4.4" in text


def take(run: Run, kubectl: Kubectl, what: str, version: str) -> None:
    """The next step, as `upgrade` says."""
    status, said, error = run("upgrade", what, version, "--write")
    assert status == 0, error
    assert said.endswith("Step 1 is set in values.yaml. See what it does: constructs-st2 plan\n")
    before = {path.name: path.read_text() for path in Path("dist").iterdir()}
    status, _, error = run("synth", "--quiet")
    assert status == 0, error
    # What is as it was does nothing, and takes its time.
    changed = [path for path in sorted(Path("dist").iterdir()) if before.get(path.name) != path.read_text()]
    kubectl.must("apply", *(f"-f={path}" for path in changed))

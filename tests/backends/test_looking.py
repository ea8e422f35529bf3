"""Probes of containers that look at a member again and again."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from support import Objects, Require

from constructs_st2.kube.documents import Document
from constructs_st2.parts.backends.looking import SCRIPTS

LOOKING = [("mongodb", "reconcile"), ("redis", "guard")]


def probe(objects: Objects, component: str, name: str, kind: str = "livenessProbe") -> Document:
    (container,) = (each for each in objects.pod(component)["containers"] if each["name"] == name)
    found: Document = container[kind]
    return found


@pytest.mark.parametrize(("component", "name"), LOOKING)
def test_a_look_that_hangs_is_ended_and_one_in_time_is_not(
    component: str, name: str, default_objects: Objects, require: Require, tmp_path: Path
) -> None:
    *_, script, file, seconds = probe(default_objects, component, name)["exec"]["command"]
    texts = default_objects.named("ConfigMap", f"st2-{component}-scripts")["data"]
    assert texts[Path(script).name] == SCRIPTS["looked.sh"]
    (path := tmp_path / "looked.sh").write_text(SCRIPTS["looked.sh"])
    looked = tmp_path / "looked"

    def passes() -> bool:
        command = [require("dash"), str(path), str(looked), seconds]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    assert not passes()
    looked.touch()
    assert passes()
    for age, alive in ((int(seconds) - 30, True), (int(seconds) + 1, False)):
        os.utime(looked, (time.time() - age,) * 2)
        assert passes() == alive
    # It is what the script touches.
    assert any(f"/{Path(file).name}" in text for other, text in texts.items() if other != "looked.sh")


@pytest.mark.parametrize(("component", "name"), LOOKING)
def test_it_is_ready_from_its_first_look_on_whatever_becomes_of_the_others(
    component: str, name: str, default_objects: Objects, require: Require, tmp_path: Path
) -> None:
    *_, script, file = probe(default_objects, component, name, "readinessProbe")["exec"]["command"]
    # The same one that liveness asks for.
    assert file == probe(default_objects, component, name)["exec"]["command"][-2]
    texts = default_objects.named("ConfigMap", f"st2-{component}-scripts")["data"]
    (path := tmp_path / "has-looked.sh").write_text(texts[Path(script).name])
    looked = tmp_path / "looked"

    def passes() -> bool:
        command = [require("dash"), str(path), str(looked)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    assert not passes()
    looked.touch()
    assert passes()
    os.utime(looked, (0, 0))
    assert passes()


def test_a_member_of_rabbitmq_is_ready_when_others_can_ask_it(default_objects: Objects) -> None:
    assert probe(default_objects, "rabbitmq", "formation", "readinessProbe")["httpGet"] == {"port": "formation"}

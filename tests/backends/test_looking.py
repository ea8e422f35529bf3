"""Liveness of containers that look at a member again and again."""

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


def probe(objects: Objects, component: str, name: str) -> Document:
    (container,) = (each for each in objects.pod(component)["containers"] if each["name"] == name)
    found: Document = container["livenessProbe"]
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

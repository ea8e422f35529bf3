"""As which user programs of st2 run."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import Objects, Synth, need_root

STANLEY, OURS = 1000, 10001
KEEPING = ("st2api", "st2client", "st2sensorcontainer")
CLAIM = {"persistentVolumeClaim": {"claimName": "mine"}}
SHARED = {"st2": {"packs": {"volumes": {"enabled": True, "packs": CLAIM, "virtualenvs": CLAIM}}}}


def user(objects: Objects, name: str) -> int:
    found: int = objects.pod(name)["securityContext"]["runAsUser"]
    return found


def register_content(objects: Objects) -> dict[str, Any]:
    (pod,) = (each for name, each in objects.pod_templates().items() if "register-content" in name)
    spec: dict[str, Any] = pod["spec"]
    return spec


def has_name(container: dict[str, Any]) -> bool:
    """Whether our user has a name in a container."""
    mount = {"name": "st2-scripts", "mountPath": "/etc/passwd", "subPath": "passwd", "readOnly": True}
    return mount in container["volumeMounts"]


def test_only_the_runner_is_stanley_and_all_of_the_others_have_names(default_objects: Objects) -> None:
    for name in ("st2api", "st2auth", "st2notifier", "st2scheduler", "st2sensorcontainer", "st2client"):
        assert user(default_objects, name) == OURS, name
        assert has_name(default_objects.container(name)), name
    job = register_content(default_objects)
    assert job["securityContext"]["runAsUser"] == OURS
    assert has_name(job["containers"][0])
    assert user(default_objects, "st2actionrunner") == STANLEY
    assert not has_name(default_objects.container("st2actionrunner"))
    # They read what belongs to its group.
    assert {default_objects.pod(name)["securityContext"]["fsGroup"] for name in KEEPING} == {STANLEY}


def test_files_on_shared_volumes_belong_to_one_user(synth: Synth) -> None:
    shared = synth(SHARED)
    for name in KEEPING:
        assert user(shared, name) == STANLEY, name
        assert not has_name(shared.container(name))
    assert register_content(shared)["securityContext"]["runAsUser"] == STANLEY
    assert user(shared, "st2notifier") == OURS


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (CLAIM, STANLEY),
        ({"nfs": {"server": "files", "path": "/"}}, STANLEY),
        ({"configMap": {"name": "mine"}}, OURS),
        ({"emptyDir": {}}, OURS),
    ],
)
def test_files_on_a_volume_of_the_user_keep_their_owner(synth: Synth, source: dict[str, Any], expected: int) -> None:
    volume = {"name": "mine", "mount": {"mountPath": "/mine"}, "volume": source}
    made = synth({"st2sensorcontainer": {"extra_volumes": [volume]}})
    assert user(made, "st2sensorcontainer") == expected
    assert user(made, "st2api") == OURS


def test_a_user_of_the_values_has_the_name_that_the_image_gives(synth: Synth) -> None:
    made = synth({"st2notifier": {"podSecurityContext": {"runAsUser": 4711}}})
    assert user(made, "st2notifier") == 4711
    assert not has_name(made.container("st2notifier"))
    assert has_name(made.container("st2scheduler"))


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/"])
def test_names_of_the_user_win(synth: Synth, path: str) -> None:
    volume = {"name": "mine", "mount": {"mountPath": path}, "volume": {"configMap": {"name": "mine"}}}
    made = synth({"st2notifier": {"extra_volumes": [volume]}})
    mounts = made.container("st2notifier")["volumeMounts"]
    assert [each["name"] for each in mounts if each["mountPath"].startswith("/etc/passwd")] == (
        ["mine"] if path == "/etc/passwd" else []
    )
    assert has_name(made.container("st2scheduler"))


def test_programs_find_the_name_and_the_home(synth: Synth, tmp_path: Path) -> None:
    """What st2 asks when it loads runners that start processes, and what ssh cannot do without."""
    need_root()
    objects = synth({"st2": {"system_user": {"user": "deploy"}}})
    passwd = tmp_path / "passwd"
    passwd.write_text(objects.named("ConfigMap", "st2-st2-scripts")["data"]["passwd"])
    with pytest.raises(KeyError):
        pwd.getpwuid(OURS)
    ask = f"import os, pwd; os.setuid({OURS}); print(*pwd.getpwuid(os.getuid())[:1], os.path.expanduser('~deploy'))"
    mounted = f'mount --bind "{passwd}" /etc/passwd && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", mounted, "sh", sys.executable, "-S", "-c", ask]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.defpath})
    assert (done.stdout, done.stderr) == ("deploy /home/deploy\n", "")

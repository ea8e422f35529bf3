"""Volumes and their mounts."""

from __future__ import annotations

import pytest
from checks.sound import (
    API,
    API_MAIN,
    MAIN,
    MONGODB,
    POD,
    SURROUNDINGS,
    Change,
    Finding,
    both,
    drop,
    findings_after,
    problems_after,
    put,
)
from support import Objects, Synth

from constructs_st2.errors import UserError

MOUNTS = (*MAIN, "volumeMounts")


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        pytest.param(
            put(API, *MOUNTS, 2, "name", value="pack"),
            [
                ("mount", API, f"{API_MAIN}.volumeMounts[2]"),
                ("unused-volume", API, "spec.template.spec.volumes[packs]"),
            ],
            id="a volume that does not exist",
        ),
        pytest.param(
            put(API, *MAIN, "volumeDevices", value=[{"name": "pack", "devicePath": "/dev/a"}]),
            [("mount", API, f"{API_MAIN}.volumeDevices[0].name")],
            id="a device of a volume that does not exist",
        ),
        pytest.param(
            put(API, *MOUNTS, 2, "mountPath", value="/etc/st2/auth"),
            [("mount", API, f"{API_MAIN}.volumeMounts[2]")],
            id="one path for two volumes",
        ),
        pytest.param(
            put(API, *MOUNTS, 0, "subPath", value="st2.docker.conf"),
            [("mount", API, f"{API_MAIN}.volumeMounts[0].subPath")],
            id="a file that the ConfigMap does not have",
        ),
        pytest.param(
            put(API, *MOUNTS, 1, "subPath", value="htpasswd"),
            [("mount", API, f"{API_MAIN}.volumeMounts[1].subPath")],
            id="a file by its key, where items give it another path",
        ),
        pytest.param(
            drop(API, *MOUNTS, 1),
            [("unused-volume", API, "spec.template.spec.volumes[auth]")],
            id="a volume that nobody mounts",
        ),
        pytest.param(
            drop(MONGODB, *MOUNTS, 0),
            [("unused-volume", MONGODB, "spec.volumeClaimTemplates[data]")],
            id="a claim that nobody mounts",
        ),
    ],
)
def test_what_cannot_be_mounted_is_found(change: Change, findings: list[Finding]) -> None:
    assert findings_after(change) == findings


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(put(API, *MOUNTS, 1, "subPath", value="f"), id="a file by the path of its item"),
        pytest.param(put(API, *MOUNTS, 2, "subPath", value="any/folder"), id="a folder of a claim"),
        pytest.param(
            put(API, *POD, "initContainers", 0, "volumeMounts", value=[{"name": "packs", "mountPath": "/p"}]),
            id="a volume in two containers",
        ),
        pytest.param(
            both(
                drop(MONGODB, *MOUNTS, 0),
                put(MONGODB, *MAIN, "volumeDevices", value=[{"name": "data", "devicePath": "/dev/x"}]),
            ),
            id="a claim as a block device",
        ),
    ],
)
def test_what_can_be_mounted_is_accepted(change: Change) -> None:
    assert findings_after(change) == []


def test_what_a_service_reads_must_be_mounted() -> None:
    def findings(*paths: str) -> list[Finding]:
        content = {"st2api": frozenset(paths), "st2web": frozenset({"/elsewhere"})}
        return findings_after(both(), SURROUNDINGS._replace(content=content))

    assert findings("/etc/st2/auth", "/opt/stackstorm/packs") == []
    assert findings("/etc/st2/auth", "/etc/st2/keys") == [("content", API, f"{API_MAIN}.volumeMounts")]


def test_a_patch_cannot_take_content_from_a_service(synth: Synth, default_objects: Objects) -> None:
    mounts = default_objects.container("st2api")["volumeMounts"]
    position = [mount["mountPath"] for mount in mounts].index("/etc/st2/keys")
    target = {"kind": "Deployment", "name": "st2-st2api"}
    remove = {"op": "remove", "path": f"/spec/template/spec/containers/0/volumeMounts/{position}"}
    with pytest.raises(UserError, match="nothing is mounted at /etc/st2/keys, where the service looks for it"):
        synth({"patches": [{"target": target, "patch": [remove]}]})


def test_the_volumes_and_files_that_exist_are_told() -> None:
    (volume, _) = problems_after(put(API, *MOUNTS, 2, "name", value="pack"))
    assert volume.message == 'the pod has no volume "pack"; its volumes are: auth, config, packs'
    (file,) = problems_after(put(API, *MOUNTS, 0, "subPath", value="st2.docker.conf"))
    assert file.message == 'volume "config" has no file "st2.docker.conf"; its files are: st2.conf'

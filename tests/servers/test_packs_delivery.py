"""Packs on their way into pods, as the manifests bring them: by the real scripts, in fake pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from servers.pods import FakeCluster, Image, Pod, PodFailed
from support import MakeCluster, Objects, Require, Synth, need_root

from constructs_st2.facts.images import SERVICE_UID
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document

STACKSTORM = "opt/stackstorm"
WAITS = {f"wait-for-{name}" for name in ("mongodb", "rabbitmq", "redis", "st2auth", "st2api", "login")}

SYSTEM = {
    "packs/core/pack.yaml": "version: 3.9.0",
    "packs/core/actions/local.yaml": "name: local",
    "packs/default/pack.yaml": "version: 0.1.0",
    "st2/lib/python3.10/site-packages/st2common.py": "",
}
OLDER = {
    "packs/aws/pack.yaml": "version: 1.0.0",
    "packs/aws/actions/only_in_1.yaml": "name: only_in_1",
    "packs/core/pack.yaml": "version: 3.8.1",
    "virtualenvs/aws/lib/python3.10/site-packages/boto3.py": "",
}
NEWER = {
    "packs/aws/pack.yaml": "version: 2.0.0",
    "packs/aws/actions/list.sh": "#!/bin/sh\necho buckets\n",
    "virtualenvs/aws/lib/python3.10/site-packages/boto4.py": "",
}
RUNS = "#!/bin/sh\nexec sleep infinity\n"
SEES = """#!/bin/sh
cd /opt/stackstorm
id -u
for file in packs/*/pack.yaml configs/*.yaml; do
    [ ! -e "$file" ] || echo "$file: $(cat "$file")"
done
"""
"""What stands for `st2-register-content`."""

IMAGES = [{"repository": "images", "name": name, "tag": "1"} for name in ("older", "newer")]
CLAIM = {"create": {"size": "1Gi"}}
SHARED = {"enabled": True, "packs": CLAIM, "virtualenvs": CLAIM}


class Pods:
    """Starts the pods of manifests, with trees of files in place of images."""

    def __init__(self, folder: Path, cluster: MakeCluster, synth: Synth, stack: ExitStack) -> None:
        self._folder = folder
        self._cluster = cluster
        self._synth = synth
        self._stack = stack
        trees = {"older": OLDER, "newer": NEWER, "system": SYSTEM}
        self._trees = {name: self._tree(name, files) for name, files in trees.items()}

    def _tree(self, name: str, files: Mapping[str, str]) -> Path:
        root = self._folder / "images" / name
        for path, text in files.items():
            place = root / STACKSTORM / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            place.chmod(0o755 if text.startswith("#!") else 0o644)
        return root

    def of(self, values: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]] | None = None) -> Release:
        """The pods of some values, in a network of their own."""
        made = self._cluster(values)
        required = contract.keys_by_name(made.release, made.values)
        st2 = Image(
            tree=self._trees["system"],
            files={
                f"/{STACKSTORM}/st2/bin/st2-register-content": SEES,
                **{f"/{STACKSTORM}/st2/bin/{name}": RUNS for name in ("st2api", "st2actionrunner")},
            },
        )
        objects = self._synth(values)
        pods = FakeCluster(
            objects,
            {**{name: dict.fromkeys(keys or (), "x") for name, keys in required.items()}, **(secrets or {})},
            self._folder / "cluster",
            images={
                "packs-image-0": Image(tree=self._trees["older"]),
                "packs-image-1": Image(tree=self._trees["newer"]),
                **dict.fromkeys(
                    ("packs-system", "pre-register-content", "register-content", "st2api", "st2actionrunner"), st2
                ),
            },
            skip=WAITS,
            image_volumes={f"images/{name}:1": self._trees[name] for name in ("older", "newer")},
        )
        return Release(self._stack.enter_context(pods), objects)


class Release:
    """The pods of one cluster."""

    def __init__(self, pods: FakeCluster, objects: Objects) -> None:
        self.pods = pods
        self._objects = objects

    def start(self, service: str) -> Pod:
        """Start a pod of a service."""
        return self.pods.deploy(f"st2-{service}")

    def run(self, job: str) -> Pod:
        """Run a Job to its end."""
        return self.pods.run(self.job(job)["metadata"]["name"])

    def job(self, name: str) -> Document:
        """The Job of a name, whose hash does not matter."""
        return self._objects.begins("Job", f"st2-job-{name}-")


@pytest.fixture
def pods(cluster: MakeCluster, synth: Synth, require: Require, tmp_path: Path) -> Iterator[Pods]:
    require("ip")
    need_root()
    with ExitStack() as stack:
        yield Pods(tmp_path, cluster, synth, stack)


def output(pod: Pod, script: str) -> str:
    """What a script prints that succeeds in the main container, in the folder of packs."""
    (main, *_) = (name for name in pod.containers if name.startswith("st2"))
    done = pod.exec(main, ["sh", "-c", f"cd /{STACKSTORM}; {script}"])
    assert done.returncode == 0, done.stderr
    return done.stdout


def fails(pod: Pod, script: str) -> bool:
    (main, *_) = (name for name in pod.containers if name.startswith("st2"))
    return pod.exec(main, ["sh", "-c", f"cd /{STACKSTORM}; {script}"]).returncode != 0


@pytest.mark.parametrize(("service", "image_volumes"), [("st2api", False), ("st2actionrunner", True)])
def test_packs_of_images_come_to_the_pods(pods: Pods, service: str, image_volumes: bool) -> None:
    packs = {"images": IMAGES, "imageVolumes": image_volumes, "configs": {"aws.yaml": "region: eu\n"}}
    pod = pods.of({"st2": {"packs": packs}}).start(service)
    # The later image has the pack, and nothing of the older one shines through. System packs are those of st2.
    assert output(pod, "cat packs/aws/pack.yaml; ls packs/aws/actions") == "version: 2.0.0list.sh\n"
    assert output(pod, "packs/aws/actions/list.sh") == "buckets\n"
    assert output(pod, "cat packs/core/pack.yaml; ls -A packs") == "version: 3.9.0aws\ncore\ndefault\n"
    assert output(pod, "ls -A virtualenvs virtualenvs/aws/lib/python3.10/site-packages").split() == [
        "virtualenvs:",
        "aws",
        "virtualenvs/aws/lib/python3.10/site-packages:",
        "boto4.py",
    ]
    assert output(pod, "cat configs/aws.yaml") == "region: eu\n"
    assert "images/newer:1: 1 packs, 1 virtualenvs\n" in pod.log("packs-image-1")
    assert output(pod, "[ -L packs/aws ] && echo link || echo folder") == ("link\n" if image_volumes else "folder\n")
    for folder in ("packs", "packs/aws", "virtualenvs", "virtualenvs/aws", "configs"):
        assert fails(pod, f"touch {folder}/new")


def test_packs_reach_a_runner_with_sudo_although_it_is_root(pods: Pods) -> None:
    pod = pods.of({"st2": {"packs": {"images": IMAGES}}, "st2actionrunner": {"sudo": True}}).start("st2actionrunner")
    assert output(pod, "id -u; stat -c %u packs/aws; cat packs/aws/pack.yaml") == "0\n1000\nversion: 2.0.0"


def test_content_is_registered_from_the_packs_that_services_have(pods: Pods) -> None:
    packs = {"images": IMAGES, "configs": {"aws.yaml": "region: eu"}, "existingConfigsSecret": "mine"}
    secrets = {"mine": {"chef.yaml": "token: x"}}
    job = pods.of({"st2": {"packs": packs}}, secrets).run("register-content")
    assert job.log("register-content").splitlines() == [
        str(SERVICE_UID),
        "packs/aws/pack.yaml: version: 2.0.0",
        "packs/core/pack.yaml: version: 3.9.0",
        "packs/default/pack.yaml: version: 0.1.0",
        "configs/aws.yaml: region: eu",
        "configs/chef.yaml: token: x",
    ]


@pytest.mark.parametrize("packs", [{}, {"volumes": SHARED}], ids=["in the image", "on shared volumes"])
def test_a_command_can_change_packs_before_they_are_registered(pods: Pods, packs: dict[str, Any]) -> None:
    command = ["sh", "-c", f"echo changed >/{STACKSTORM}/packs/core/pack.yaml; touch /tmp/x ~/x"]
    values = {"st2": {"packs": packs}, "jobs": {"preRegisterContentCommand": command}}
    job = pods.of(values).run("register-content")
    assert "packs/core/pack.yaml: changed\n" in job.log("register-content")


def test_packs_live_on_shared_volumes(pods: Pods) -> None:
    packs = {"images": IMAGES, "volumes": {**SHARED, "configs": CLAIM}, "configs": {"aws.yaml": "region: eu"}}
    release = pods.of({"st2": {"packs": packs}})
    tried = release.run("packs-write-test").log("packs-write-test").splitlines()
    assert tried[:3] == ["packs: writable", "virtualenvs: writable", "configs: writable"]

    seen = release.run("register-content").log("register-content").splitlines()
    assert {"packs/aws/pack.yaml: version: 2.0.0", "configs/aws.yaml: region: eu"} <= {*seen}
    runner, api = release.start("st2actionrunner"), release.start("st2api")
    assert output(api, "cat packs/aws/pack.yaml packs/core/pack.yaml") == "version: 2.0.0version: 3.9.0"

    # As `st2 pack install` and `st2 pack config` do.
    output(runner, "mkdir packs/chef virtualenvs/chef && echo mine >packs/chef/pack.yaml && echo a >configs/chef.yaml")
    output(runner, "echo mine >packs/default/pack.yaml")
    seen = release.run("register-content").log("register-content").splitlines()
    assert {"packs/chef/pack.yaml: mine", "packs/default/pack.yaml: mine", "configs/chef.yaml: a"} <= {*seen}
    assert output(api, "cat packs/chef/pack.yaml configs/chef.yaml; ls -d virtualenvs/chef") == (
        "mine\na\nvirtualenvs/chef\n"
    )
    assert output(api, "ls -A packs") == "aws\nchef\ncore\ndefault\n"


def test_a_shared_volume_that_cannot_be_written_to_is_found_out(pods: Pods) -> None:
    # The files of a ConfigMap are read-only whatever the mount says, as those of some claims.
    volumes = {"enabled": True, "packs": {"configMap": {"name": "st2-st2-urls"}}, "virtualenvs": CLAIM}
    with pytest.raises(PodFailed, match=r"packs-write-test failed with 1:\n(?s:.*)packs: cannot make a folder"):
        pods.of({"st2": {"packs": {"volumes": volumes}}}).run("packs-write-test")

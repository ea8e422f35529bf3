"""The move of a release to manifests on a real API server, step by step: interrupted, repeated, and taken back."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from adopt.controllers import Controllers
from adopt.installed import CHART, NAMESPACE, RELEASE, VALUES, AsHelmDoes, Installed, WithHelm
from click.testing import CliRunner
from servers import kubernetes_programs
from servers.kube_apiserver import ApiServer
from servers.ports import eventually
from support import LONG, not_run

from constructs_st2.commands.cli import cli
from constructs_st2.kube.documents import Document, identity

PROGRAMS = Path(__file__).parent / "programs"
COLLECTIONS = "key_value_pair_d_b 3\nlive_action_d_b 17\nuser_d_b 1\n"
CLAIMS = 9
"""Of three members of each backend of the chart."""
KINDS = {
    "v1": ("services", "configmaps", "secrets", "serviceaccounts", "persistentvolumeclaims", "pods"),
    "apps/v1": ("deployments", "statefulsets"),
    "batch/v1": ("jobs",),
    "networking.k8s.io/v1": ("ingresses",),
    "policy/v1": ("poddisruptionbudgets",),
}
WHERE = ("--release", RELEASE, "--namespace", NAMESPACE)
MANAGED_BY = "app.kubernetes.io/managed-by"


class Move:
    """A release of the chart in a namespace, and the steps that move it."""

    def __init__(self, server: ApiServer, folder: Path, controllers: Controllers) -> None:
        self._server = server
        self.folder = folder
        self.controllers = controllers
        self.steps = folder / "adopted/steps"
        self.volumes = folder / "volumes"
        image = folder / "image"
        image.mkdir()
        for program in PROGRAMS.iterdir():
            if program.name != "kubectl":
                shutil.copy(program, image)
        shutil.copy(PROGRAMS / "st2", image / "python")
        kubectl = kubernetes_programs.find_kubectl()
        assert kubectl
        self.environment = {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(folder),
            **server.for_kubectl(),
            "REAL_KUBECTL": str(kubectl),
            "IMAGE": os.environ.get("ST2_TEST_MONGODB", str(image)),
            "VOLUMES": str(self.volumes),
            "CALLS": str(folder / "calls"),
            "PAUSE": "0.1",
            "PATIENCE": "0",
        }
        (folder / "given.yaml").write_text(yaml.safe_dump(VALUES))
        self.release: Installed = (
            WithHelm(CHART, self.environment, str(folder / "given.yaml")) if CHART else AsHelmDoes(server)
        )

    def all(self, *kinds: str) -> dict[str, Document]:
        """The objects of the namespace, by kind and name."""
        found = {}
        # Between two steps the server may have closed a connection.
        with closing(self._server.client()) as server:
            for group, plurals in KINDS.items():
                base = f"/apis/{group}" if "/" in group else f"/api/{group}"
                for plural in plurals:
                    if kinds and plural not in kinds:
                        continue
                    _, answer = server.request("GET", f"{base}/namespaces/{NAMESPACE}/{plural}")
                    for item in answer["items"]:
                        document = {"apiVersion": group, "kind": answer["kind"].removesuffix("List"), **item}
                        found[identity(document)] = document
        return found

    def call(self, *arguments: str) -> str:
        """A command of the product."""
        result = CliRunner(env={**os.environ, **self.environment}).invoke(cli, arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return str(result.output)

    def adopt(self) -> None:
        self.call("adopt", *WHERE)
        self.call("synth", "-f", "adopted/values.yaml", *WHERE, "--output", "adopted/dist")

    def roll_back(self) -> None:
        """As step 5 tells. Helm counts on, so that the release is adopted anew."""
        said = self.succeed("05", "back")
        (revision,) = re.findall(rf"helm rollback {RELEASE} (\d+) --namespace {NAMESPACE}", said)
        self.release.roll_back(revision)
        self.adopt()

    def kubectl(self, *arguments: str) -> str:
        command = [self.environment["REAL_KUBECTL"], "--namespace", NAMESPACE, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def run(self, step: str, *arguments: str, kill_at: int | None = None, **environment: str) -> tuple[int, str]:
        """Run a step: its status, and what it said."""
        Path(self.environment["CALLS"]).unlink(missing_ok=True)
        killed = {"KILL_AT": str(kill_at)} if kill_at else {}
        (script,) = self.steps.glob(f"{step}-*.sh")
        # It is the leader of its group, which dies as a whole.
        done = subprocess.run(
            ["/bin/sh", "-c", 'export STEP=$$; exec "$0" "$@"', str(script), *arguments],
            env={**self.environment, **killed, **environment},
            start_new_session=True,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stderr

    def succeed(self, step: str, *arguments: str) -> str:
        status, said = self.run(step, *arguments)
        assert status == 0, said
        assert not self.controllers.trouble
        return said

    def succeed_at_last(self, step: str, *arguments: str) -> None:
        """Interrupt a step at one call of kubectl and the next later one, until it gets through."""
        at = 1
        while (ended := self.run(step, *arguments, kill_at=at))[0] == -signal.SIGKILL:
            at = at + 1 if LONG else 4 * at
        assert ended[0] == 0, ended[1]

    def shape(self) -> dict[str, Any]:
        """What Helm has made, as far as it tells: without what the API gives, and what Helm notes."""
        return {
            name: document.get("spec", document.get("data"))
            for name, document in self.all("deployments", "statefulsets", "configmaps").items()
        }

    def bound(self) -> list[str]:
        """The claims that have a volume."""
        claims = self.all("persistentvolumeclaims").items()
        return [name for name, claim in claims if claim.get("status", {}).get("phase") == "Bound"]

    def volume_of(self, claim: str) -> str:
        return str(self.all("persistentvolumeclaims")[f"PersistentVolumeClaim/{claim}"]["spec"]["volumeName"])


@pytest.fixture
def move(api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Move]:
    if kubernetes_programs.find_kubectl() is None:
        not_run(f"there is no kubectl; {kubernetes_programs.INSTALL}")
    api_server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    monkeypatch.chdir(tmp_path)
    with Controllers(api_server, NAMESPACE) as controllers:
        made = Move(api_server, tmp_path, controllers)
        made.release.install()
        eventually(lambda: len(made.bound()) == CLAIMS, "all claims are bound")
        for ordinal in range(3):
            data = made.volumes / f"datadir-st2-mongodb-{ordinal}"
            data.mkdir(parents=True)
            (data / "collections").write_text(COLLECTIONS)
        yield made


def test_a_release_moves_and_may_go_back_until_the_end(move: Move) -> None:
    before = move.shape()
    key = move.all("secrets")["Secret/st2-st2-datastore-crypto-key"]["data"]
    volume = move.volume_of("data-st2-rabbitmq-0")
    move.adopt()

    # There and back, from each place.
    for step in ("01", "02", "03"):
        move.succeed_at_last(step)
    assert all(each["spec"]["replicas"] == 0 for each in move.all("deployments").values())
    move.succeed("03", "back")
    assert move.shape() == before
    move.succeed("03")
    move.succeed_at_last("04")
    move.succeed_at_last("05")
    assert not move.shape().keys() - {"ConfigMap/kube-root-ca.crt"}
    move.succeed_at_last("05", "back")
    move.roll_back()
    assert move.shape() == before
    eventually(lambda: len(move.bound()) == CLAIMS, "all claims are bound")
    assert move.volume_of("data-st2-rabbitmq-0") == volume
    for step in ("01", "02", "03", "04", "05"):
        move.succeed(step)
    for step in ("06", "07", "08"):
        move.succeed_at_last(step)
    assert move.run("07")[0] != 0, "it would lose what was done since"
    move.succeed_at_last("08", "back")
    assert move.run("05", "back")[0] != 0, "the new cluster is there"
    move.succeed_at_last("06", "back")
    move.roll_back()
    assert move.shape() == before
    assert move.volume_of("data-st2-rabbitmq-0") == volume
    assert (move.volumes / "datadir-st2-mongodb-0/collections").read_text() == COLLECTIONS

    # And there to stay.
    for step in ("01", "02", "03", "04", "05", "06", "07", "08"):
        move.succeed(step)
    assert (move.volumes / "data-st2-mongodb-0/collections").read_text() == COLLECTIONS
    assert move.all("secrets")["Secret/st2-st2-datastore-crypto-key"]["data"] == key
    assert move.volume_of("data-st2-rabbitmq-0") != volume
    assert move.run("09")[0] != 0, "it asks first"
    move.succeed_at_last("09", "yes")

    everything = move.all()
    managers = {name: each["metadata"].get("labels", {}).get(MANAGED_BY) for name, each in everything.items()}
    assert not [name for name, manager in managers.items() if manager == "Helm"]
    assert not [name for name in everything if "helm" in name or "datadir" in name or "redis-data" in name]
    versions = {name: each["metadata"]["resourceVersion"] for name, each in everything.items()}
    move.kubectl("apply", "--filename", "adopted/dist")
    assert {name: each["metadata"]["resourceVersion"] for name, each in move.all().items()} == versions
    move.call("secrets", "check", "-f", "adopted/values.yaml", *WHERE)

"""What only a real API server can tell: that data is kept, what is no difference, and what is refused."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from servers.kube_apiserver import Kubectl, Refused
from servers.ports import eventually
from support import MakeCluster, Synth

from constructs_st2.changes.findings import Section
from constructs_st2.changes.plan import Plan, plan_of
from constructs_st2.commands import uninstall
from constructs_st2.commands.cluster_options import ClusterOptions
from constructs_st2.commands.plan import live
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import identity
from constructs_st2.kube.reading import read_folder
from constructs_st2.kube.yaml_text import yaml_text

from .table import CHANGES

PlanAgainst = Callable[[list[dict[str, Any]]], Plan]

NAMESPACE = "stackstorm"
ALLOW = "constructs-st2.dev/allow-deletion=true"
PATHS = {
    **dict.fromkeys(("persistentvolumeclaims", "secrets"), f"/api/v1/namespaces/{NAMESPACE}"),
    **dict.fromkeys(("deployments", "statefulsets"), f"/apis/apps/v1/namespaces/{NAMESPACE}"),
    **dict.fromkeys(
        ("validatingadmissionpolicies", "validatingadmissionpolicybindings"), "/apis/admissionregistration.k8s.io/v1"
    ),
    "priorityclasses": "/apis/scheduling.k8s.io/v1",
}
"""Where the objects of each kind are."""


@pytest.fixture(scope="module")
def dist(synth: Synth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    objects = synth({"secrets": {"mode": "existing"}, "docker-registry": {"enabled": True}})
    (folder / "00.yaml").write_text(yaml_text(objects[:1]))
    (folder / "10.yaml").write_text(yaml_text(objects[1:]))
    return folder


def secret(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "b"}}


def claims(synth: Synth) -> Iterator[dict[str, Any]]:
    """Those that Kubernetes makes of a StatefulSet; nobody does that here."""
    for component in ("mongodb", "rabbitmq", "redis"):
        (template,) = synth().named("StatefulSet", f"st2-{component}")["spec"]["volumeClaimTemplates"]
        metadata = {**template["metadata"], "name": f"data-st2-{component}-0", "namespace": NAMESPACE}
        yield {**template, "metadata": metadata}


def names(kubectl: Kubectl, plural: str) -> list[str]:
    _, found = kubectl.server.request("GET", f"{PATHS[plural]}/{plural}")
    return sorted(each["metadata"]["name"] for each in found["items"] if "deletionTimestamp" not in each["metadata"])


def is_going(kubectl: Kubectl) -> bool:
    _, found = kubectl.server.request("GET", f"/api/v1/namespaces/{NAMESPACE}")
    return "deletionTimestamp" in found["metadata"]


@pytest.fixture(scope="module")
def there(kubectl: Kubectl, dist: Path, synth: Synth) -> Kubectl:
    """One with the manifests, with claims and with Secrets, and with the policy in force; and what tests made of it."""
    put(kubectl, dist, synth)
    return kubectl


@pytest.fixture
def applied(there: Kubectl, dist: Path, synth: Synth) -> Kubectl:
    """The same as it was in the beginning."""
    # What was validated once is not again, which takes kubectl half of its time.
    put(there, dist, synth, "--validate=false")
    return there


def put(kubectl: Kubectl, dist: Path, synth: Synth, *options: str) -> None:
    """Bring about what there is in the beginning."""
    kubectl.must("apply", "-f", str(dist), *options)
    # The controller of StatefulSets creates claims, and applies nothing. Those that are there stay.
    for claim in claims(synth):
        with contextlib.suppress(Refused):
            kubectl.server.create(claim)
    for name in ("st2-mongodb", "st2-st2-datastore-crypto-key", "st2-st2-auth"):
        kubectl.server.apply(secret(name))
    # A policy takes a moment to be in force. The Secret would be deleted in no case.
    deletion = ("DELETE", f"{PATHS['secrets']}/secrets/st2-mongodb?dryRun=All")
    eventually(lambda: kubectl.server.request(*deletion)[0] == HTTPStatus.FORBIDDEN, "the policy is in force")


def test_deleting_the_manifests_keeps_the_data(applied: Kubectl, dist: Path) -> None:
    kept = ["data-st2-mongodb-0", "data-st2-rabbitmq-0", "data-st2-redis-0", "st2-docker-registry"]
    for time_ in ("once", "twice"):
        ended = applied("delete", "-f", str(dist), "--timeout=20s")
        assert ended.returncode == 1, time_
        assert "it holds data of StackStorm, and is kept" in ended.stderr
        assert f"kubectl annotate namespaces {NAMESPACE} {ALLOW}" in ended.stderr
        assert not is_going(applied), time_
        assert names(applied, "persistentvolumeclaims") == kept
        assert {"st2-mongodb", "st2-st2-datastore-crypto-key", "st2-st2-auth"} <= set(names(applied, "secrets"))
        assert names(applied, "deployments") == []
        assert names(applied, "statefulsets") == []
    applied.must("apply", "-f", str(dist))
    assert "st2-st2api" in names(applied, "deployments")


def test_each_of_them_is_refused_and_says_how(applied: Kubectl) -> None:
    for kind, name in (("secret", "st2-mongodb"), ("pvc", "data-st2-redis-0")):
        ended = applied("-n", NAMESPACE, "delete", kind, name)
        assert ended.returncode == 1
        assert f"kubectl -n {NAMESPACE} annotate " in ended.stderr
        assert f"{name} {ALLOW}" in ended.stderr
    assert applied("-n", NAMESPACE, "delete", "pvc", "--all").returncode == 1
    assert len(names(applied, "persistentvolumeclaims")) == 4
    # Another Secret is anybody's.
    applied.must("-n", NAMESPACE, "delete", "secret", "st2-st2-auth")


def test_what_is_annotated_can_be_deleted(applied: Kubectl) -> None:
    applied.must("-n", NAMESPACE, "annotate", "pvc", "data-st2-redis-0", ALLOW)
    applied.must("-n", NAMESPACE, "delete", "pvc", "data-st2-redis-0", "--wait=false")


def test_claims_that_go_with_their_set_by_the_values_can_go(applied: Kubectl) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "st2-redis", "uid": "1"}
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    applied.must("-n", NAMESPACE, "patch", "pvc", "data-st2-rabbitmq-0", "-p", patch)
    applied.must("-n", NAMESPACE, "delete", "pvc", "data-st2-rabbitmq-0", "--wait=false")


def test_other_namespaces_are_left_alone(there: Kubectl) -> None:
    there.must("create", "namespace", "other")
    there.must("-n", "other", "create", "secret", "generic", "st2-mongodb", "--from-literal=a=b")
    there.must("-n", "other", "delete", "secret", "st2-mongodb")
    there.must("delete", "namespace", "other", "--wait=false")


def scripted(applied: Kubectl, script: str, folder: Path) -> None:
    """Run the commands that `uninstall` prints; nothing is waited for, because nothing is ever cleaned up here."""
    program = folder / "kubectl"
    waiting = 'case " $* " in *" delete "*) set -- "$@" --wait=false ;; esac'
    program.write_text(f'#!/bin/sh\n{waiting}\nexec {applied.program} "$@"\n')
    program.chmod(0o755)
    environment = {**applied.environment, "PATH": f"{folder}:{os.environ['PATH']}"}
    ended = subprocess.run(["sh", "-eu", "-c", script], check=False, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def commands(make: Callable[[Cluster, str], Iterator[str]], cluster: MakeCluster, dist: Path) -> str:
    return "\n".join(make(cluster({"secrets": {"mode": "existing"}}), str(dist)))


@pytest.fixture
def plan_against(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> PlanAgainst:
    """Plans against what the API server has."""
    for name, value in kubectl.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{kubectl.program.parent}{os.pathsep}{os.environ['PATH']}")

    def plan(wanted: list[dict[str, Any]]) -> Plan:
        found = live.state(wanted, ClusterOptions((), (), "st2", NAMESPACE), None)
        return plan_of(found.objects, wanted, earlier=found.outrun_jobs.intersection)

    return plan


def test_what_was_applied_is_no_difference(applied: Kubectl, dist: Path, plan_against: PlanAgainst) -> None:
    """Whatever the API server made of it."""
    wanted = read_folder(dist)
    plan = plan_against(wanted)
    assert {change.difference.identity: change.words for change in plan.changes} == {}
    applied.must("-n", NAMESPACE, "scale", "deployment", "st2-st2api", "--replicas=7")
    plan = plan_against(wanted)
    assert [change.words for change in plan.changes] == [("st2api.replicas 7 -> 2",)]


def jobs_of(synth: Synth, **values: Any) -> list[dict[str, Any]]:
    """The Jobs of a cluster of their own."""
    settings = {"secrets": {"mode": "existing"}, "st2": {"rbac": {"enabled": True}, **values}}
    return [each for each in synth(settings, release="blue", namespace="blue") if each["kind"] == "Job"]


def test_going_back_runs_jobs_again(kubectl: Kubectl, synth: Synth, plan_against: PlanAgainst) -> None:
    older, newer = jobs_of(synth), jobs_of(synth, config="[log]\nmask_secrets = False\n")
    prune = ("--prune", "-l", "release=blue", "--prune-allowlist=batch/v1/Job")

    def apply(jobs: list[dict[str, Any]], *options: str) -> str:
        return kubectl.must("apply", *options, "-f", "-", given=yaml_text(jobs))

    kubectl.must("create", "namespace", "blue")
    apply(older, *prune)
    # A Job that somebody makes by hand has never been applied.
    by_hand = {**older[0], "metadata": {**older[0]["metadata"], "name": "by-hand"}}
    by_hand["metadata"]["labels"] = {**by_hand["metadata"]["labels"], "app": "backup"}
    kubectl.must("create", "-f", "-", given=yaml_text([by_hand]))
    time.sleep(1.1)  # Kubernetes tells times in whole seconds.
    said = apply(newer)
    assert said.count(" created") == len(newer) == 2
    assert plan_against(newer).of(Section.NOT_RUN) == []
    (finding,) = plan_against(older).of(Section.NOT_RUN)
    (step,) = finding.steps
    assert apply(older).count(" unchanged") == 2, "they do not run again"
    arguments = step.split("#")[0].split()[1:]
    kubectl.must(*arguments, "--wait=false")
    assert apply(older).count(" created") == 2
    # Who always prunes need not do that.
    for jobs in (newer, older, newer):
        time.sleep(1.1)
        apply(jobs, *prune)
        found = json.loads(kubectl.must("-n", "blue", "get", "job", "-o", "json"))["items"]
        expected = {"by-hand", *(each["metadata"]["name"] for each in jobs)}
        assert {each["metadata"]["name"] for each in found if "deletionTimestamp" not in each["metadata"]} == expected
        assert plan_against(jobs).of(Section.NOT_RUN) == []


def takes(there: Kubectl, documents: Iterable[dict[str, Any]]) -> bool:
    """Whether the server would take some objects."""
    return there("apply", "--dry-run=server", "-f", "-", given=yaml_text(documents)).returncode == 0


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("MongoDB: bigger volumes", ["StatefulSet/st2-mongodb"]),
        ("MongoDB: another storage class", ["StatefulSet/st2-mongodb"]),
        ("MongoDB: more members", []),
        ("RabbitMQ: an option", []),
        ("the type of the Service", []),
        ("TLS of the web UI off", []),
        ("pods may displace others", ["PriorityClass/stackstorm-st2-data", "PriorityClass/stackstorm-st2-control"]),
        ("a log option of all services", []),
        ("time for actions", []),
    ],
)
def test_what_the_server_refuses_is_told(there: Kubectl, synth: Synth, change: str, refused: list[str]) -> None:
    before, after = (synth(values) for values in CHANGES[change])
    plan = plan_of(before, after)
    changed = {
        each.difference.identity: each.difference.new
        for each in plan.changes
        if each.difference.action == "changed" and each.difference.new
    }
    there.must("apply", "-f", "-", given=yaml_text([each for each in before if identity(each) in changed]))
    wrong = []
    if not takes(there, changed.values()):
        wrong = [name for name, document in changed.items() if not takes(there, [document])]
    assert wrong == refused
    assert [finding.subject for finding in plan.of(Section.HANDS)] == refused


def test_uninstalling_keeps_the_data(applied: Kubectl, cluster: MakeCluster, dist: Path, tmp_path: Path) -> None:
    before = names(applied, "persistentvolumeclaims"), names(applied, "secrets")
    scripted(applied, commands(uninstall.stop, cluster, dist), tmp_path)
    assert (names(applied, "persistentvolumeclaims"), names(applied, "secrets")) == before
    assert names(applied, "statefulsets") == []


def test_uninstalling_all_but_backups(applied: Kubectl, cluster: MakeCluster, dist: Path, tmp_path: Path) -> None:
    labels = {"app.kubernetes.io/instance": "st2", "app.kubernetes.io/managed-by": "constructs-st2"}
    metadata = {"name": "st2-backup", "namespace": NAMESPACE, "labels": {**labels, "app.kubernetes.io/name": "backup"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
    applied.must("apply", "-f", "-", given=yaml_text([claim]))
    scripted(applied, commands(uninstall.but_backups, cluster, dist), tmp_path)
    assert names(applied, "persistentvolumeclaims") == ["st2-backup"]
    assert names(applied, "secrets") == ["st2-st2-datastore-crypto-key"]


def test_uninstalling_everything(applied: Kubectl, cluster: MakeCluster, dist: Path, tmp_path: Path) -> None:
    """The last one: it takes the namespace."""
    scripted(applied, commands(uninstall.everything, cluster, dist), tmp_path)
    assert is_going(applied)
    kinds = ("validatingadmissionpolicies", "validatingadmissionpolicybindings", "priorityclasses")
    # Kubernetes has priority classes of its own.
    assert [name for kind in kinds for name in names(applied, kind) if not name.startswith("system-")] == []

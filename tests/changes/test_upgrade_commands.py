"""The commands that `constructs-st2 upgrade` prints, by a real API server: each of them finds what it is about."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from servers.kube_apiserver import Kubectl
from support import MakeCluster, Objects, Synth

from constructs_st2.commands.upgrade import steps_to
from constructs_st2.kube.yaml_text import yaml_text

BACKUP: dict[str, Any] = {"backup": {"enabled": True, "destination": {"claim": {"create": {"size": "10Gi"}}}}}
OLD: dict[str, Any] = {
    **BACKUP,
    "image": {"tag": "3.8"},
    "mongodb": {"image": {"tag": "4.4.30"}},
    "rabbitmq": {"image": {"tag": "3.13-management"}},
    "redis": {"image": {"tag": "7.2"}},
}
UPGRADES = {
    "st2": (OLD, "3.9"),
    "mongodb": ({**OLD, "image": {"tag": "3.9"}}, "7.0"),
    "rabbitmq": ({**OLD, "image": {"tag": "3.9"}}, "4.2"),
    "redis": ({**OLD, "image": {"tag": "3.9"}}, "8.0"),
    "etcd": ({"coordination": {"backend": "etcd"}, "etcd": {"image": {"tag": "v3.4.34"}}}, "3.6"),
}


def lines(cluster: MakeCluster, what: str) -> list[str]:
    values, version = UPGRADES[what]
    printed = (line for step in steps_to(cluster(values), what, version) for line in (*step.before, *step.after))
    return [line for line in dict.fromkeys(printed) if not line.startswith("#")]


@pytest.fixture(scope="module")
def running(kubectl: Kubectl, synth: Synth) -> Kubectl:
    """One with a release whose workloads have come up, as their controllers would say."""
    kubectl.must("create", "namespace", "stackstorm")
    objects = [*synth(OLD), synth(UPGRADES["etcd"][0]).named("StatefulSet", "st2-etcd")]
    workloads = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
    kubectl.must("apply", "-f", "-", given=yaml_text([*workloads, *members(objects), *backups(synth(OLD))]))
    for each in workloads:
        kind, name, replicas = each["kind"].lower(), each["metadata"]["name"], each["spec"].get("replicas", 1)
        counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), replicas)
        revisions = {"currentRevision": "1", "updateRevision": "1"} if kind == "statefulset" else {}
        status = {"status": {"observedGeneration": 1, **counts, **revisions}}
        patch = ("--subresource=status", "--type=merge", "-p", json.dumps(status))
        kubectl.must("-n", "stackstorm", "patch", kind, name, *patch)
    return kubectl


def members(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The first pod of each StatefulSet."""
    for each in objects:
        if each["kind"] == "StatefulSet":
            template = each["spec"]["template"]
            metadata = {**template["metadata"], "name": f"{each['metadata']['name']}-0", "namespace": "stackstorm"}
            volumes = [*template["spec"].get("volumes", ()), {"name": "data", "emptyDir": {}}]
            spec = {**template["spec"], "volumes": volumes}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def backups(objects: Objects) -> Iterator[dict[str, Any]]:
    """What the CronJob makes."""
    template = objects.named("CronJob", "st2-backup")["spec"]["jobTemplate"]
    metadata = {**template.get("metadata", {}), "name": "st2-backup-1", "namespace": "stackstorm"}
    yield {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


@pytest.mark.parametrize("what", UPGRADES)
def test_each_command_finds_what_it_is_about(running: Kubectl, cluster: MakeCluster, what: str) -> None:
    found = lines(cluster, what)
    assert found
    for line in found:
        arguments = shlex.split(line.removeprefix('until test "$(').partition(" | ")[0], comments=True)[1:]
        verb = next(each for each in arguments[2:] if not each.startswith("-"))
        if verb in ("exec", "logs"):
            asks(running, arguments)
        else:
            assert running.must(*(each.replace("=1h", "=5s") for each in arguments)).strip(), line


def asks(kubectl: Kubectl, arguments: list[str]) -> None:
    """No kubelet answers: whether the pods are there, and have the container."""
    position = arguments.index("exec" if "exec" in arguments else "logs")
    which = arguments[position + 1 :]
    chosen = which[:2] if which[0] == "-l" else which[:1]
    container = which[which.index("-c") + 1]
    found = json.loads(kubectl.must(*arguments[:position], "get", "pod", *chosen, "-o", "json"))
    pods = found.get("items", [found])
    assert pods
    for pod in pods:
        assert container in [each["name"] for each in pod["spec"]["containers"]]

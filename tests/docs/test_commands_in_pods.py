"""The commands that pages run in pods of backends, in the pods of the manifests, with the servers of this machine."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from docs.shell import Exec, exec_of, program
from docs.test_shell_lines import COMMANDS, IN_PODS, as_run
from servers import rabbitmq
from servers.pods import FakeCluster
from servers.ports import eventually
from servers.secrets import secrets_of
from servers.utility import utility_image
from support import MakeCluster, Require, Synth

NOT_HERE: Mapping[str, str] = {
    "--askpass": "asks a person for a password",
    "add_user": "asks a person for a password",
    "khepri": "RabbitMQ 4.2 or newer; this machine's knows no Khepri",
    "force_all_queues_shrink": "RabbitMQ 4",
    "forget_cluster_node": "takes a node that is gone",
    "member remove": "takes a member that is gone",
    "mongosh": "there is no mongod of Debian",
    "rabbitmq-queues shrink": "takes a second node",
}
"""What cannot be run so, by a part of it."""

BACKENDS: Mapping[str, Mapping[str, Any]] = {
    "etcd": {"coordination": {"backend": "etcd"}, "etcd": {"version": "3.4", "replicas": 1}},
    "rabbitmq": {"rabbitmq": {"version": "3.10", "replicaCount": 1}},
    "redis": {"redis": {"replicaCount": 1}},
}
"""The values with which each runs on this machine."""

PROGRAMS = {"etcd": ("etcd", "etcdctl"), "rabbitmq": ("rabbitmq-server",), "redis": ("redis-server", "redis-sentinel")}


def asked_of(backend: str) -> list[Exec]:
    """What the pages run in its pods, each once."""
    found: dict[str, Exec] = {}
    for each in COMMANDS:
        if program(each.text) == "kubectl" or program(each.text) in IN_PODS:
            text = as_run(each)
            inside = (
                exec_of(shlex.split(text.split("<<")[0], comments=True))
                if " exec " in text and " -- " in text
                else None
            )
            if inside and inside.target.startswith(f"st2-{backend}-") and not any(part in text for part in NOT_HERE):
                found[text] = inside
    return list(found.values())


@contextmanager
def running(backend: str, synth: Synth, cluster: MakeCluster, require: Require, folder: Path) -> Iterator[FakeCluster]:
    values = BACKENDS[backend]
    utility = utility_image(require("busybox"), folder / "utility")
    images = dict.fromkeys(("join", "witness"), utility) if backend == "etcd" else {}
    if backend == "rabbitmq":
        images = {"rabbitmq": rabbitmq.image(folder / "image")}
    secrets = secrets_of(cluster(values))
    with FakeCluster(synth(values), secrets, folder / "cluster", images=images) as pods:
        pods.start_all(f"st2-{backend}")
        eventually(lambda: all(pod.ready() for pod in pods.pods.values()), f"{backend} is ready")
        pods.update_services()
        yield pods


@pytest.mark.parametrize("backend", BACKENDS)
def test_they_do_what_they_should(
    synth: Synth, cluster: MakeCluster, require: Require, tmp_path: Path, backend: str
) -> None:
    for name in ("ip", *PROGRAMS[backend]):
        require(name)
    asked = asked_of(backend)
    assert asked
    failed = []
    with running(backend, synth, cluster, require, tmp_path) as pods:
        for each in asked:
            pod = pods.pods[f"st2-{backend}-0"]
            done = pod.exec(each.container or backend, each.command)
            said = done.stdout + done.stderr
            # Redis tells errors, or our scripts leave them out, and it ends well.
            if done.returncode or (backend == "redis" and not re.match(r"OK |\S+\.svc\.", said)):
                failed.append(f"{shlex.join(each.command)}: {done.returncode} {said}")
    assert not failed, "\n".join(failed)

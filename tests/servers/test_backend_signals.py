"""Containers of backends that wait end as soon as they are told to, whatever they wait for.

A shell that is the first process of a container hears SIGTERM only between two commands, and one without a trap never.
So the commands by which the scripts ask others hang here, as they can when packets are lost.
"""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from servers.network import PATH
from servers.pods import FakeCluster, Image, PodFailed
from servers.ports import PATIENCE, eventually
from servers.secrets import secrets_of
from servers.utility import utility_image
from support import MakeCluster, Require, Synth

AT_ONCE = 20
"""Seconds: machines are slow. What hangs here does so for ten minutes."""
HANGS = "#!/bin/sh\nexec /bin/sleep 600\n"
ACCEPTS = """#!/bin/sh
exec python3 -c 'import socket, time; server = socket.create_server(("", 5672)); time.sleep(600)'
"""
FIRST = "/hanging"
"""The folder in which programs are looked for first."""

ETCD = {"coordination": {"backend": "etcd"}}


@dataclass(frozen=True)
class Wait:
    """Something that a container waits for.

    Args:
        backend: the name of its StatefulSet.
        container: the container.
        hanging: the commands that hang.
        ordinal: which pod it is in.
        process: what runs then.
        values: those of the cluster.
        skip: init containers that are left out.
    """

    backend: str
    container: str
    hanging: tuple[str, ...]
    ordinal: int = 0
    process: str = "sleep 600"
    values: Mapping[str, Any] = field(default_factory=dict)
    skip: tuple[str, ...] = ()


WAITS = {
    "redis asks the others": Wait("redis", "redis", ("timeout",)),
    "redis pauses": Wait("redis", "redis", ("sleep",)),
    "sentinel asks the others": Wait("redis", "sentinel", ("timeout",)),
    "sentinel pauses": Wait("redis", "sentinel", ("sleep",)),
    "guard asks its server": Wait("redis", "guard", ("timeout",)),
    "guard pauses": Wait("redis", "guard", ("sleep",)),
    "join asks the others": Wait("etcd", "join", ("timeout",), values=ETCD),
    "join pauses": Wait("etcd", "join", ("sleep",), values=ETCD),
    "witness asks its server": Wait("etcd", "witness", ("timeout", "etcd"), values=ETCD, skip=("join",)),
    "witness pauses": Wait("etcd", "witness", ("sleep", "etcd"), values=ETCD, skip=("join",)),
    "rabbitmq asks the others": Wait("rabbitmq", "rabbitmq", ("erl",)),
    "rabbitmq asks a cluster": Wait("rabbitmq", "rabbitmq", ("rabbitmqctl",), ordinal=1),
    "formation answers": Wait("rabbitmq", "formation", (), process="httpd"),
    "reconcile runs": Wait("mongodb", "reconcile", ("mongosh", "mongod"), skip=("prepare",)),
}


@pytest.mark.parametrize("name", WAITS)
def test_a_container_that_waits_ends_at_once(
    name: str, require: Require, cluster: MakeCluster, synth: Synth, tmp_path: Path
) -> None:
    wait = WAITS[name]
    for program in ("ip", "erl", "redis-server"):
        require(program)
    utility = utility_image(require("busybox"), tmp_path / "utility")
    files = {f"{FIRST}/{program}": HANGS for program in wait.hanging} | {f"{FIRST}/rabbitmq-server": ACCEPTS}
    machine = Image(files=files, path=f"{FIRST}:{PATH}")
    small = Image(files=files, path=f"{FIRST}:{utility.path}", tree=utility.tree)
    names = ("redis", "sentinel", "guard", "etcd", "rabbitmq", "formation", "mongodb", "reconcile")
    images = {**dict.fromkeys(names, machine), **dict.fromkeys(("join", "witness"), small)}
    made = cluster(wait.values)
    with FakeCluster(
        synth(wait.values), secrets_of(made), tmp_path / "pods", images=images, skip=wait.skip, init_seconds=PATIENCE
    ) as pods:
        stateful_set = f"st2-{wait.backend}"
        if wait.ordinal:
            accepts(pods, stateful_set)
        starting = threading.Thread(target=start, args=[pods, stateful_set, wait.ordinal])
        starting.start()
        pod_name = f"{stateful_set}-{wait.ordinal}"

        def waits() -> bool:
            pod = pods.pods.get(pod_name)
            if pod is None or wait.container not in pod.containers:
                return False
            return pod.exec(wait.container, ["/usr/bin/pgrep", "-f", wait.process]).returncode == 0

        eventually(waits, "it waits")
        container = pods.pods[pod_name].containers[wait.container]
        time.sleep(0.2)
        begin = time.monotonic()
        container.signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            container.wait(PATIENCE)
        took = time.monotonic() - begin
        starting.join()
        assert took < AT_ONCE, container.log


def start(pods: FakeCluster, stateful_set: str, ordinal: int) -> None:
    """Start a pod whose init containers may be told to end."""
    with suppress(PodFailed):
        pods.start(stateful_set, ordinal)


def accepts(pods: FakeCluster, stateful_set: str) -> None:
    """Start the first pod of RabbitMQ as a node that has data, and to which clients can connect."""
    claim = pods.claim(f"{stateful_set}-0", "data")
    data = claim / f"rabbit@{stateful_set}-0.{stateful_set}-headless.stackstorm.svc.cluster.local"
    data.mkdir(parents=True)
    (data / "rabbit_serial").write_text("1.\n")
    (claim / "constructs-st2.note").write_text(f"4.2\nstackstorm/{stateful_set}-0\n")
    subprocess.run(["chown", "-R", "999", str(claim)], check=True)
    pods.start(stateful_set, 0)

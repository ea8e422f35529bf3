"""The cluster's nodes of RabbitMQ in fake pods, and what they say of themselves."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from servers.pods import FakeCluster, Pod
from servers.ports import eventually
from servers.rabbitmq_client import Client
from servers.secrets import secrets_of
from support import Objects

from constructs_st2.facts.backends.rabbitmq import WATCH_QUEUE_EXPIRY
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import filled
from constructs_st2.facts.secrets.programs.encodings import rabbitmq_hash

NAME = "st2-rabbitmq"
WORK = "st2.actionrunner.work"
VALUES: dict[str, dict[str, Any]] = {"rabbitmq": {"version": "3.10", "metrics": {"enabled": True}}}
GRACE = 90
"""Seconds after which the kubelet kills a node that is to stop."""


class Nodes:
    """The pods of RabbitMQ, and clients of theirs."""

    def __init__(self, cluster: Cluster, objects: Objects, folder: Path) -> None:
        self.objects = objects
        self.secret = secrets_of(cluster)[NAME]
        # Nobody can wait for an hour.
        self.secret[contract.DEFINITIONS] = self.secret[contract.DEFINITIONS].replace(str(WATCH_QUEUE_EXPIRY), "1000")
        self.pods = FakeCluster(objects, {NAME: self.secret}, folder)
        self._cluster_urls = cluster.settings.connections["messaging"]["cluster_urls"]
        self.work = self.client()

    def client(self, password: str | None = None) -> Client:
        """A client with the settings of st2."""
        secret = {**self.secret, contract.RABBITMQ_PASSWORD: password or self.secret[contract.RABBITMQ_PASSWORD]}
        return Client(self.pods, filled(self._cluster_urls, lambda _, key: secret[key]))

    def __getitem__(self, ordinal: int) -> Pod:
        return self.pods.pods[f"{NAME}-{ordinal}"]

    def start(self, *ordinals: int) -> None:
        """Start nodes at the same time."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda ordinal: self.pods.start(NAME, ordinal), ordinals))

    def run(self, ordinal: int, *command: str) -> str:
        """Run a program beside a node."""
        result = self[ordinal].exec("rabbitmq", [command[0], "--quiet", *command[1:]])
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def ask(self, ordinal: int, *command: str) -> Any:
        """What a node answers to a command of rabbitmqctl."""
        return json.loads(self.run(ordinal, "rabbitmqctl", *command, "--formatter", "json"))

    def running(self, ordinal: int) -> list[str]:
        """The nodes that are running in the cluster of one."""
        return sorted(node.partition("@")[2] for node in self.ask(ordinal, "cluster_status")["running_nodes"])

    def queues(self, ordinal: int = 0) -> dict[str, dict[str, Any]]:
        """The queues by name."""
        items = ("name", "type", "durable", "members", "online", "leader")
        return {queue["name"]: queue for queue in self.ask(ordinal, "list_queues", "--vhost", "st2", *items)}

    def all_ready(self) -> bool:
        return all(pod.ready() for pod in self.pods.pods.values())

    def whole(self, ordinal: int = 0) -> None:
        """Wait until all nodes are in one cluster, as one of them sees it, and queues have three members that work."""
        eventually(self.all_ready, "all nodes are ready")
        eventually(lambda: self.running(ordinal) == self.hosts(), "all nodes are in one cluster")
        eventually(self._all_online, "all members of queues are online")

    def _all_online(self) -> bool:
        return all(len(queue["online"]) == 3 for queue in self.queues().values())

    def hosts(self) -> list[str]:
        return sorted(pod.host for pod in self.pods.pods.values())

    def set_silence(self, seconds: int) -> None:
        """Set after how long a silent node is held for gone. A minute is the default, until it is started again."""
        with ThreadPoolExecutor() as threads:
            code = f"net_kernel:set_net_ticktime({seconds}, 0)."
            list(threads.map(lambda ordinal: self.run(ordinal, "rabbitmqctl", "eval", code), range(3)))

    def comes_back(self, ordinal: int) -> None:
        """Wait until a node that was in the minority serves again.

        This version does not always come back by itself: global:sync() of Erlang 25 can take for ever.
        """
        pod = self[ordinal]
        eventually(lambda: pod.ready() or self._hangs(pod), "it serves again, or hangs")
        if not pod.ready():
            # Then the kubelet restarts it.
            pod.restart_container("rabbitmq")

    @staticmethod
    def _hangs(pod: Pod) -> bool:
        return not any(pod.live() for _ in range(3))

    def apply(self, objects: Objects, password: str) -> None:
        """Take other manifests, and another password."""
        old = rabbitmq_hash(self.secret[contract.RABBITMQ_PASSWORD])
        definitions = self.secret[contract.DEFINITIONS].replace(old, rabbitmq_hash(password))
        data = {**self.secret, contract.RABBITMQ_PASSWORD: password, contract.DEFINITIONS: definitions}
        self.pods.apply([*objects, {"kind": "Secret", "metadata": {"name": NAME}, "stringData": data}])


def exit_of_hook(pod: Pod) -> int | None:
    """How the stop hook ended. None: not in time."""
    hook = pod.containers["rabbitmq"].hook
    return hook.returncode if hook else None

"""The cluster's nodes of RabbitMQ in fake pods, and what they say of themselves."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from servers import rabbitmq
from servers.pods import FakeCluster, Pod
from servers.ports import eventually
from servers.rabbitmq_client import Client
from servers.secrets import secrets_of
from support import Objects

from constructs_st2.facts.backends.rabbitmq import WATCH_QUEUE_EXPIRY, node_name
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import filled
from constructs_st2.facts.secrets.programs.encodings import rabbitmq_hash

NAME = "st2-rabbitmq"
WORK = "st2.actionrunner.work"
VALUES: dict[str, dict[str, Any]] = {"rabbitmq": {"version": "3.10", "metrics": {"enabled": True}}}
GRACE = 90
"""Seconds after which the kubelet kills a node that is to stop."""

# $1: the node, $2: its cookie, $3: an expression.
_EVALUATE = """printf '%s.\\n' "$3" | erl_call -timeout 10 -name "$1" -c "$2" -fetch_stdout -no_result_term -e"""
_RUNNING = "rabbit_nodes:all_running()"
_QUEUES = """maps:from_list([
    {Name, maps:from_list(rabbit_amqqueue:info(Queue, [type, durable, members, online, leader]))}
    || Queue <- rabbit_amqqueue:list(<<"st2">>), {_, _, _, Name} <- [amqqueue:get_name(Queue)]
])"""


class Nodes:
    """The pods of RabbitMQ, and clients of theirs."""

    def __init__(self, cluster: Cluster, objects: Objects, folder: Path) -> None:
        self.objects = objects
        self.secret = secrets_of(cluster)[NAME]
        # Nobody can wait for an hour.
        self.secret[contract.DEFINITIONS] = self.secret[contract.DEFINITIONS].replace(str(WATCH_QUEUE_EXPIRY), "1000")
        images = {"rabbitmq": rabbitmq.image(folder / "image")}
        self.pods = FakeCluster(objects, {NAME: self.secret}, folder / "pods", images=images)
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

    def evaluate(self, ordinal: int, expression: str) -> Any:
        """What an expression of Erlang comes to in a node, or None where the node does not say.

        Takes a hundredth of the time that rabbitmqctl takes: for what is asked again and again.
        """
        pod, cookie = self[ordinal], self.secret[contract.ERLANG_COOKIE]
        said = f"io:put_chars(rabbit_json:encode({expression}))"
        result = pod.exec("rabbitmq", ["sh", "-c", _EVALUATE, "sh", node_name(pod.host), cookie, said])
        return json.loads(result.stdout) if result.stdout else None

    def running(self, ordinal: int) -> list[str]:
        """The nodes that are running in the cluster of one, as far as it says."""
        return sorted(node.partition("@")[2] for node in self.evaluate(ordinal, _RUNNING) or ())

    def queues(self, ordinal: int = 0) -> dict[str, dict[str, Any]]:
        """The queues by name, as far as a node says."""
        return self.evaluate(ordinal, _QUEUES) or {}

    def all_ready(self) -> bool:
        return all(pod.ready() for pod in self.pods.pods.values())

    def whole(self, ordinal: int = 0) -> None:
        """Wait until all nodes are in one cluster, as one of them sees it, and queues have three members that work."""
        eventually(lambda: self._is_whole(ordinal), "all nodes are in one cluster, and all members of queues online")

    def _is_whole(self, ordinal: int) -> bool:
        return self.all_ready() and self.running(ordinal) == self.hosts() and self._all_online(ordinal)

    def _all_online(self, ordinal: int) -> bool:
        queues = self.evaluate(ordinal, _QUEUES)
        return queues is not None and all(len(queue["online"]) == 3 for queue in queues.values())

    def hosts(self) -> list[str]:
        return sorted(pod.host for pod in self.pods.pods.values())

    def set_silence(self, seconds: int) -> None:
        """Set after how long a silent node is held for gone. A minute is the default, until it is started again."""
        for ordinal in range(3):
            assert self.evaluate(ordinal, f"net_kernel:set_net_ticktime({seconds}, 0)")

    def comes_back(self, ordinal: int) -> None:
        """Wait until all is whole again with a node that was in the minority.

        This version does not always come back by itself: global:sync() of Erlang 25 can take for ever.
        """
        pod = self[ordinal]
        eventually(lambda: self._is_whole(ordinal) or self._hangs(pod), "all is whole again, or it hangs")
        if self._hangs(pod):
            # Then the kubelet restarts it.
            pod.restart_container("rabbitmq")
        self.whole(ordinal)

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

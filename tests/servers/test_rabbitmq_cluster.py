"""RabbitMQ from the manifests, in fake pods: one cluster forms, and no confirmed message is ever lost.

The tests share one cluster and run in order; each leaves it whole.
"""

from __future__ import annotations

import json
import shlex
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from servers.pods import Pod
from servers.ports import PATIENCE, eventually
from servers.rabbitmq_cluster import GRACE, NAME, VALUES, WORK, Nodes, exit_of_hook
from support import MakeCluster, Require, Synth

from constructs_st2.commands.upgrade import steps_to
from constructs_st2.facts.backends.rabbitmq import node_name
from constructs_st2.facts.secrets import contract

WATCH = "st2.sensor.watch.sensor_container-0123456789"
BLIND = 2
CHANGED = "another-password"
LATER = "one-more-password"


@pytest.fixture(scope="module", autouse=True)
def _programs(require: Require) -> None:
    require("ip")
    require("rabbitmq-server")


@pytest.fixture(scope="module")
def nodes(cluster: MakeCluster, synth: Synth, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Three nodes, each of which found no other when it started for the first time."""
    made = Nodes(cluster(VALUES), synth(VALUES), tmp_path_factory.mktemp("rabbitmq"))
    with made.pods:
        made.pods.start_all(NAME, blind_for=BLIND)
        eventually(made.all_ready, "all nodes are ready")
        yield made


class Traffic:
    """A client that publishes all the time, while something happens to the nodes."""

    def __init__(self, nodes: Nodes, log: Path) -> None:
        self._nodes = nodes
        self._publisher = nodes.work.publisher(WORK, log)
        self.goes_on()

    def goes_on(self) -> None:
        """Wait until further messages are confirmed."""
        self._publisher.goes_on()

    def nothing_is_lost(self) -> None:
        """End it, and compare what was confirmed with what there is."""
        confirmed = self._publisher.stop()
        assert confirmed <= set(self._nodes.work.take_all(WORK))


@pytest.fixture
def traffic(nodes: Nodes, tmp_path: Path) -> Traffic:
    return Traffic(nodes, tmp_path / "confirmed")


class TestThreeNodes:
    def test_form_one_cluster_as_soon_as_they_find_each_other(self, nodes: Nodes) -> None:
        with ThreadPoolExecutor() as threads:
            assert [*threads.map(nodes.running, range(3))] == [nodes.hosts()] * 3

    def test_hold_what_the_secret_defines_and_no_more(self, nodes: Nodes) -> None:
        (policy,) = nodes.ask(2, "list_policies", "--vhost", "st2")
        wanted = json.loads(nodes.secret[contract.DEFINITIONS])["policies"][0]
        assert {**policy, "definition": json.loads(policy["definition"])} == wanted
        assert nodes.ask(2, "list_users") == [{"user": "st2", "tags": []}]
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        assert nodes.ask(2, "list_permissions", "--vhost", "st2") == [{"user": "st2", **rights}]

    def test_serve_management_and_metrics(self, nodes: Nodes) -> None:
        assert "RabbitMQ Management" in get(nodes[0], 15672, "/")
        assert 'rabbitmq_cluster="st2-rabbitmq"' in get(nodes[1], 15692, "/metrics")

    def test_make_quorum_queues_of_durable_ones_without_a_type(self, nodes: Nodes) -> None:
        # For the watch queue, see below.
        nodes.work.declare(WORK, WATCH)
        queue = nodes.queues()[WORK]
        assert (queue["type"], queue["durable"], len(queue["members"])) == ("quorum", True, 3)

    def test_take_the_commands_that_an_upgrade_begins_with(self, nodes: Nodes, cluster: MakeCluster) -> None:
        old = cluster({"rabbitmq": {"image": {"tag": "3.13-management"}}})
        printed = (line for step in steps_to(old, "rabbitmq", "4.2") for line in step.before)
        commands = [shlex.split(line, comments=True) for line in dict.fromkeys(printed) if " exec " in line]
        enabling, listing = (command[command.index("--") + 1 :] for command in commands)
        nodes.run(0, *enabling)
        flags = [line.split() for line in nodes.run(0, *listing).splitlines()]
        assert [flag for flag in flags if flag[1:] == ["enabled", "stable"]]
        assert not [flag for flag in flags if flag[1:] == ["disabled", "stable"]]

    def test_let_clients_have_exclusive_queues(self, nodes: Nodes) -> None:
        assert nodes.work.send_to_itself() == "hello"

    def test_let_one_stop_when_the_others_suffice(self, nodes: Nodes, traffic: Traffic) -> None:
        old = nodes[0].ip
        nodes[0].kill()
        traffic.goes_on()
        with ThreadPoolExecutor() as threads:
            hook = threads.submit(nodes[1].exec, "rabbitmq", stop_hook(nodes[1]))
            # One that does not wait has drained its node by then, even here.
            time.sleep(10)
            assert not hook.done()
            assert nodes[1].ready(), "it serves as long as it waits"
            nodes.start(0)
        assert hook.result().returncode == 0
        traffic.goes_on()
        # It has no clients any more, and leads no queue.
        assert not nodes[1].ready()
        assert nodes.queues(1)[WORK]["leader"] != node_name(nodes[1].host)
        nodes.run(1, "rabbitmq-upgrade", "revive")
        nodes.whole()
        traffic.nothing_is_lost()
        # The one that died is back with its disk, and with another address.
        assert nodes[0].ip != old

    def test_lose_nothing_when_one_dies_with_its_disk(self, nodes: Nodes, traffic: Traffic) -> None:
        nodes[2].kill()
        traffic.goes_on()
        nodes.pods.lose_claim(f"{NAME}-2", "data")
        nodes.start(2)
        nodes.whole(2)
        traffic.nothing_is_lost()

    def test_forget_watch_queues_that_nobody_uses(self, nodes: Nodes) -> None:
        # It is there since before the tests of the loss of a node: RabbitMQ looks at a queue every five seconds only.
        eventually(lambda: nodes.queues().keys() == {WORK}, "the watch queue is gone")

    def test_lose_nothing_when_one_is_cut_off(self, nodes: Nodes, traffic: Traffic) -> None:
        nodes.set_silence(4)
        nodes[0].isolate()
        # The client was connected to this one.
        traffic.goes_on()
        eventually(lambda: not nodes[0].ready(), "the one that was cut off stops serving")
        nodes[0].reconnect()
        nodes.comes_back(0)
        traffic.nothing_is_lost()

    def test_take_another_password_without_a_restart(self, nodes: Nodes) -> None:
        nodes.apply(nodes.objects, CHANGED)
        nodes.run(0, "rabbitmqctl", "import_definitions", "/etc/constructs-st2/secret/definitions.json")
        assert nodes.client(CHANGED).can_connect()
        assert not nodes.work.can_connect()

    def test_stop_together_and_start_in_any_order(self, nodes: Nodes, tmp_path: Path) -> None:
        changed = nodes.client(CHANGED)
        before = changed.publisher(WORK, tmp_path / "before")
        before.goes_on()
        confirmed = before.stop()
        pods = [nodes[ordinal] for ordinal in range(3)]
        with ThreadPoolExecutor() as threads:
            seconds = list(threads.map(Pod.stop, pods))
        # Who finds the others gone can neither wait for them nor hand over to them, and stops all the same.
        assert [exit_of_hook(pod) for pod in pods] == [0, 0, 0]
        assert max(seconds) < GRACE

        # The password that is in the Secret when nodes start is the one that counts, if it is new to them.
        nodes.apply(nodes.objects, LATER)
        nodes.work = nodes.client(LATER)
        last, *others = sorted(range(3), key=lambda ordinal: -seconds[ordinal])
        alone = nodes.work.publisher(WORK, tmp_path / "alone", first=10**6)
        nodes.start(last)
        # It serves, or waits for the others.
        eventually(lambda: nodes[last].live() or "for Mnesia tables" in nodes[last].log("rabbitmq"), "it has started")
        time.sleep(1)
        assert not alone.confirmed
        nodes.start(*others)
        nodes.whole()
        assert confirmed | alone.stop() <= set(nodes.work.take_all(WORK))
        assert not changed.can_connect()

    def test_grow(self, nodes: Nodes, synth: Synth) -> None:
        five = synth({"rabbitmq": {**VALUES["rabbitmq"], "replicaCount": 5}})
        nodes.apply(five, nodes.secret[contract.RABBITMQ_PASSWORD])
        # The fifth comes later. Those that came together were tried in the beginning.
        nodes.start(3)
        nodes.whole()
        assert len(nodes.queues()[WORK]["members"]) == 3
        nodes.run(0, "rabbitmq-queues", "grow", node_name(nodes[3].host), "all")
        assert len(nodes.queues()[WORK]["members"]) == 4


def get(pod: Pod, port: int, path: str) -> str:
    """A page of a node."""
    with pod.sandbox.inside(), urllib.request.urlopen(f"http://{pod.ip}:{port}{path}", timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
        return text


def stop_hook(pod: Pod) -> list[str]:
    """The command that the kubelet runs before it stops a node."""
    command: list[str] = pod.containers["rabbitmq"].manifest["lifecycle"]["preStop"]["exec"]["command"]
    return command

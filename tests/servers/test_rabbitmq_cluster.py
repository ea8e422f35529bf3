"""RabbitMQ from the manifests, in fake pods: one cluster forms, and no confirmed message is ever lost.

The tests of `TestThreeNodes` share one cluster and run in order; each leaves it whole.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from servers.pods import FakeCluster, Image, Pod
from servers.ports import PATIENCE, eventually
from servers.rabbitmq_client import Client
from servers.secrets import secrets_of
from support import MakeCluster, Objects, Require, Synth

from constructs_st2.commands.upgrade import steps_to
from constructs_st2.facts.backends.rabbitmq import WATCH_QUEUE_EXPIRY
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import filled
from constructs_st2.facts.secrets.programs.encodings import rabbitmq_hash
from constructs_st2.parts.backends.rabbitmq import scripts
from constructs_st2.parts.backends.rabbitmq.config import node_name

NAME = "st2-rabbitmq"
WORK = "st2.actionrunner.work"
WATCH = "st2.sensor.watch.sensor_container-0123456789"
VALUES: dict[str, dict[str, Any]] = {"rabbitmq": {"version": "3.10", "metrics": {"enabled": True}}}
BLIND = 2
GRACE = 90
"""Seconds after which the kubelet kills a node that is to stop."""
CHANGED = "another-password"
LATER = "one-more-password"


@pytest.fixture(scope="module", autouse=True)
def _programs(require: Require) -> None:
    require("ip")
    require("rabbitmq-server")


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


@pytest.fixture(scope="module")
def nodes(cluster: MakeCluster, synth: Synth, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Three nodes, each of which found no other when it started for the first time."""
    made = Nodes(cluster(VALUES), synth(VALUES), tmp_path_factory.mktemp("rabbitmq") / "pods")
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
        nodes[0].kill()
        traffic.goes_on()
        with ThreadPoolExecutor() as threads:
            hook = threads.submit(nodes[1].exec, "rabbitmq", stop_hook(nodes[1]))
            time.sleep(1)
            assert not hook.done()
            eventually(nodes[1].ready, "it serves as long as it waits")
            nodes.start(0)
        assert hook.result().returncode == 0
        traffic.goes_on()
        # It has no clients any more, and leads no queue.
        assert not nodes[1].ready()
        assert nodes.queues(1)[WORK]["leader"] != node_name(nodes[1].host)
        nodes.run(1, "rabbitmq-upgrade", "revive")
        nodes.whole()
        traffic.nothing_is_lost()

    @pytest.mark.parametrize(("ordinal", "disk"), [(1, True), (2, False)], ids=["one", "one with its disk"])
    def test_lose_nothing_when_one_dies(self, nodes: Nodes, traffic: Traffic, ordinal: int, disk: bool) -> None:
        old = nodes[ordinal].ip
        nodes[ordinal].kill()
        traffic.goes_on()
        if not disk:
            nodes.pods.lose_claim(f"{NAME}-{ordinal}", "data")
        nodes.start(ordinal)
        nodes.whole(ordinal)
        traffic.nothing_is_lost()
        assert nodes[ordinal].ip != old

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
        nodes.whole()
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
        nodes.start(3, 4)
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


def exit_of_hook(pod: Pod) -> int | None:
    """How the stop hook ended. None: not in time."""
    hook = pod.containers["rabbitmq"].hook
    return hook.returncode if hook else None


def was_drained(pod: Pod) -> bool:
    """Whether it handed its queues over, and stopped in order."""
    drained = "maintenance (drain) mode" in pod.log("rabbitmq")
    return drained and exit_of_hook(pod) == pod.exit_code("rabbitmq") == 0


class TestOneNode:
    """The profile dev."""

    @pytest.fixture
    def node(self, cluster: MakeCluster, synth: Synth, tmp_path: Path) -> Iterator[Nodes]:
        values = {"profile": "dev", "rabbitmq": {"version": "3.10"}}
        made = Nodes(cluster(values), synth(values), tmp_path / "pods")
        with made.pods:
            made.start(0)
            eventually(made.all_ready, "the node is ready")
            yield made

    def test_keeps_messages_when_it_is_replaced(self, node: Nodes, tmp_path: Path) -> None:
        publisher = node.work.publisher(WORK, tmp_path / "confirmed")
        publisher.goes_on()
        queue = node.queues(0)[WORK]
        assert (queue["type"], len(queue["members"])) == ("quorum", 1)
        assert node.ask(0, "cluster_status")["alarms"] == []
        pod = node[0]
        # There is nobody to wait for.
        assert pod.stop() < GRACE
        assert was_drained(pod)
        node.start(0)
        eventually(node.all_ready, "the node is ready")
        confirmed = publisher.stop()
        assert confirmed <= set(node.work.take_all(WORK))


class TestStart:
    """What a node does before it becomes the server, with a server that does nothing."""

    IMAGE = Image(
        files={
            "/usr/lib/rabbitmq/bin/rabbitmq-server": "#!/bin/sh\nexec sleep 600\n",
            "/usr/lib/rabbitmq/bin/rabbitmqctl": '#!/bin/sh\nprintf \'{"disk_nodes": ["%s"]}\' "$3"\n',
        }
    )
    COOKIE = "/var/lib/rabbitmq/.erlang.cookie"

    @pytest.fixture
    def pods(self, cluster: MakeCluster, synth: Synth, tmp_path: Path) -> Iterator[FakeCluster]:
        secrets = secrets_of(cluster(VALUES))
        with FakeCluster(synth(VALUES), secrets, tmp_path / "pods", images={"rabbitmq": self.IMAGE}) as made:
            yield made

    @staticmethod
    def says(pod: Pod, text: str) -> None:
        eventually(lambda: text in pod.log("rabbitmq"), f"{pod.name} says: {text}")

    def test_waits_until_all_others_have_said_that_they_are_empty(self, pods: FakeCluster) -> None:
        first, second = pods.start(NAME, 0), pods.start(NAME, 1)
        self.says(first, f"waiting for the others: {NAME}-1: empty, {NAME}-2: silent")
        assert "founds" not in first.log("rabbitmq")
        pods.start(NAME, 2)
        self.says(first, "this node founds the cluster")
        self.says(second, f"waiting for the others: {NAME}-0: joining, {NAME}-2: empty")
        # It need not wait for the end of the grace period.
        assert second.stop() < GRACE - 10

    def test_founds_nothing_beside_a_node_that_has_data(self, pods: FakeCluster) -> None:
        put(data_of(pods, 2), "rabbit_serial")
        first, _, third = (pods.start(NAME, ordinal) for ordinal in range(3))
        self.says(third, "this node has data: it starts at once")
        self.says(first, f"waiting for the others: {NAME}-1: empty, {NAME}-2: data")

    def test_founds_again_when_the_first_start_was_cut_short(self, pods: FakeCluster) -> None:
        first, *_ = (pods.start(NAME, ordinal) for ordinal in range(3))
        self.says(first, "this node founds the cluster")
        data = data_of(pods, 0)
        put(data, "names.dets")
        first.kill()
        first = pods.start(NAME, 0)
        self.says(first, "no node has data of a cluster: beginning anew")
        self.says(first, "this node founds the cluster")
        assert not data.exists()

    def test_begins_anew_where_nobody_has_finished_anything(self, pods: FakeCluster) -> None:
        for ordinal in (1, 2):
            put(data_of(pods, ordinal), "rabbit_serial", "../unfinished")
        first, *others = (pods.start(NAME, ordinal) for ordinal in range(3))
        for pod in others:
            self.says(pod, "no node has data of a cluster: beginning anew")
        self.says(first, "this node founds the cluster")

    def test_throws_away_what_is_left_of_a_join_when_the_cluster_does_not_know_it(self, pods: FakeCluster) -> None:
        put(data_of(pods, 1), "schema.DAT", "../unfinished")
        put(data_of(pods, 2), "rabbit_serial")
        pods.start(NAME, 2)
        second = pods.start(NAME, 1)
        self.says(second, "does not know this node: beginning anew")
        self.says(second, f"this node: empty; waiting for the others: {NAME}-0: silent, {NAME}-2: data")

    def test_takes_nothing_for_data_that_no_node_has_made(self, pods: FakeCluster) -> None:
        put(data_of(pods, 0), "../lost+found/anything")
        put(data_of(pods, 1))
        first, *_ = (pods.start(NAME, ordinal) for ordinal in range(3))
        self.says(first, "this node founds the cluster")

    @pytest.mark.parametrize("members", [1, 3])
    def test_begins_anew_where_a_first_start_was_killed(
        self, cluster: MakeCluster, synth: Synth, tmp_path: Path, members: int
    ) -> None:
        values = {"rabbitmq": {**VALUES["rabbitmq"], "replicaCount": members}}
        with FakeCluster(synth(values), secrets_of(cluster(values)), tmp_path, images={"rabbitmq": self.IMAGE}) as pods:
            # Killed before it made its tables; as its own start leaves it, and one without a note of that.
            put(data_of(pods, 0), "schema.DAT", "cluster_nodes.config", f"../{data_of(pods, 0).name}-feature_flags")
            first, *_ = (pods.start(NAME, ordinal) for ordinal in range(members))
            self.says(first, "no node has data of a cluster: beginning anew")
            self.says(first, "this node founds the cluster")
            left = {path.name for path in pods.claim(f"{NAME}-0", "data").iterdir()}
            assert left == {"unfinished", "constructs-st2.note"}
            pods.pods[f"{NAME}-0"].restart_container("rabbitmq")
            founding = "this node founds the cluster"
            eventually(lambda: first.log("rabbitmq").count(founding) == 2, "it begins anew once more")

    def test_a_node_alone_keeps_what_it_has(self, cluster: MakeCluster, synth: Synth, tmp_path: Path) -> None:
        values = {"rabbitmq": {**VALUES["rabbitmq"], "replicaCount": 1}}
        with FakeCluster(synth(values), secrets_of(cluster(values)), tmp_path, images={"rabbitmq": self.IMAGE}) as pods:
            put(data_of(pods, 0), "rabbit_serial", "../unfinished")
            self.says(pods.start(NAME, 0), "this node has data: it starts at once")
            assert not (pods.claim(f"{NAME}-0", "data") / "unfinished").exists()

    def test_gives_the_cookie_to_nobody_but_the_server(self, pods: FakeCluster) -> None:
        pod = pods.start(NAME, 0)
        self.says(pod, "waiting for the others")
        assert pod.exec("rabbitmq", ["stat", "-c", "%a %u", self.COOKIE]).stdout == "400 999\n"
        cookie = pods.sources().secret(NAME)[contract.ERLANG_COOKIE].decode()
        assert pod.exec("rabbitmq", ["cat", self.COOKIE]).stdout == cookie


def data_of(pods: FakeCluster, ordinal: int) -> Path:
    """Where a node has its data."""
    name = f"{NAME}-{ordinal}"
    return pods.claim(name, "data") / f"rabbit@{name}.{NAME}-headless.stackstorm.svc.cluster.local"


def put(data: Path, *files: str) -> None:
    """Put files, which are not empty, into the volume of a node."""
    data.mkdir(parents=True)
    for file in files:
        path = data / file
        path.parent.mkdir(exist_ok=True)
        path.write_text("something\n")
    # Without the note of a member of ours it would be the data of the Helm chart.
    pod = data.name.removeprefix("rabbit@").partition(".")[0]
    (data.parent / "constructs-st2.note").write_text(f"3.10\nstackstorm/{pod}\n")
    subprocess.run(["chown", "-R", "999", str(data.parent)], check=True)


class TestReady:
    """Readiness, from tables of the kernel."""

    LISTENS = "0: 00000000:1628 00000000:0000 0A"
    TO_ITSELF = "1: 0100F40A:6448 0100F40A:9C40 01"
    # 10.244.0.2 has connected to this node; this node to 10.244.0.3; and once more 10.244.0.2, as seen with IPv6.
    FROM_SECOND = "2: 0100F40A:6448 0200F40A:9C40 01"
    TO_THIRD = "3: 0100F40A:9C41 0300F40A:6448 01"
    SECOND_AGAIN = "4: 0000000000000000FFFF00000100F40A:6448 0000000000000000FFFF00000200F40A:9C42 01"
    CLOSING = "5: 0100F40A:9C43 0400F40A:6448 06"

    @pytest.mark.parametrize(
        ("members", "connections", "ready"),
        [
            (3, [LISTENS], False),
            (3, [LISTENS, TO_ITSELF], False),
            (3, [LISTENS, FROM_SECOND], True),
            (3, [LISTENS, TO_THIRD], True),
            (3, [FROM_SECOND, TO_THIRD], False),
            (3, [LISTENS, CLOSING], False),
            (5, [LISTENS, FROM_SECOND, SECOND_AGAIN], False),
            (5, [LISTENS, FROM_SECOND, TO_THIRD], True),
            (None, [LISTENS], True),
            (None, [], False),
        ],
    )
    def test_is_a_matter_of_a_majority(
        self, tmp_path: Path, members: int | None, connections: list[str], ready: bool
    ) -> None:
        if members:
            (tmp_path / "members").write_text("".join(f"node-{number}\n" for number in range(members)))
        for table, wide in (("tcp", False), ("tcp6", True)):
            rows = [row for row in connections if ("FFFF" in row) is wide]
            (tmp_path / table).write_text("\n".join(["  sl  local_address rem_address   st", *rows, ""]))
        script = Path(scripts.__file__).parent / "ready.sh"
        environment = {**os.environ, "PROC_NET": str(tmp_path), "MEMBERS": str(tmp_path / "members")}
        result = subprocess.run(
            ["sh", str(script), "5672", "25672"], env=environment, capture_output=True, text=True, check=False
        )
        assert (result.returncode == 0) is ready, result.stderr
        assert bool(result.stderr) is not ready


def test_scripts_are_portable_and_without_known_mistakes(require: Require) -> None:
    folder = Path(scripts.__file__).parent
    command = [require("shellcheck"), "--shell=sh", *map(str, sorted(folder.glob("*.sh")))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout

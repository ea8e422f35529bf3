"""Nodes of RabbitMQ each by itself: what one does before it is the server, when it is ready, and one without others."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.pods import FakeCluster, Image, Pod
from servers.ports import eventually
from servers.rabbitmq_cluster import GRACE, NAME, VALUES, WORK, Nodes, exit_of_hook
from servers.secrets import secrets_of
from support import MakeCluster, Require, Synth

from constructs_st2.facts.secrets import contract
from constructs_st2.parts.backends.rabbitmq import scripts


@pytest.fixture(scope="module", autouse=True)
def _programs(require: Require) -> None:
    require("ip")
    require("rabbitmq-server")


class TestOneNode:
    """The profile dev."""

    @pytest.fixture
    def node(self, cluster: MakeCluster, synth: Synth, tmp_path: Path) -> Iterator[Nodes]:
        values = {"profile": "dev", "rabbitmq": {"version": "3.10"}}
        made = Nodes(cluster(values), synth(values), tmp_path)
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


def was_drained(pod: Pod) -> bool:
    """Whether it handed its queues over, and stopped in order."""
    drained = "maintenance (drain) mode" in pod.log("rabbitmq")
    return drained and exit_of_hook(pod) == pod.exit_code("rabbitmq") == 0


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

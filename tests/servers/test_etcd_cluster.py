"""The etcd of the manifests in fake pods, and how st2 coordinates through it, with the library of the manifests."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from servers.environments import Interpreter, coordinator
from servers.etcd_cluster import Etcd
from servers.ports import eventually
from servers.utility import utility_image
from support import LONG, Environment, MakeCluster, Objects, Require, Server, Synth, need_root

from constructs_st2.facts.backends import ETCD_WITNESS_PORT as WITNESS_PORT
from constructs_st2.facts.backends.connections import connections
from constructs_st2.parts.backends.etcd import scripts
from constructs_st2.parts.backends.etcd.library import LIBRARY_FILE

VALUES: dict[str, Any] = {"coordination": {"backend": "etcd"}, "etcd": {"version": "3.4"}}


@pytest.fixture(scope="module", params=["3.4", *(["3.5"] if LONG else [])])
def version(request: pytest.FixtureRequest) -> str:
    """That of this machine's etcd, or a newer one."""
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def objects(synth: Synth, version: str) -> Objects:
    return synth({**VALUES, "etcd": {"version": version}})


@pytest.fixture(scope="module")
def etcd(
    require: Require, server: Server, objects: Objects, version: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Etcd]:
    """Three members, which every test leaves as it found them."""
    for program in ("ip", "etcd"):
        require(program)
    need_root()
    folder = tmp_path_factory.mktemp("etcd")
    utility = utility_image(require("busybox"), folder / "utility")
    root = Path("/") if version == "3.4" else server("etcd", "trixie")
    found = Etcd(objects, folder / "cluster", require("etcdctl"), utility, root)
    with found.cluster:
        found.start_all()
        yield found


Member = Callable[[str], Interpreter]


@pytest.fixture
def member(
    etcd: Etcd, objects: Objects, cluster: MakeCluster, environment: Environment, tmp_path: Path
) -> Iterator[Member]:
    """Starts a process that coordinates as st2 does, from what the manifests give it."""
    made = cluster(VALUES)
    (url,) = connections(made.values, made.release, made.version)["coordination"]["url"]
    (content,) = (each["binaryData"][LIBRARY_FILE] for each in objects if LIBRARY_FILE in each.get("binaryData", ()))
    path = tmp_path / LIBRARY_FILE
    path.write_bytes(base64.b64decode(content))
    python = environment(f"st2-{made.version}")
    # A Service keeps its address; here its name leads to the pods, whose addresses eventlet would remember for a while.
    variables = {"PYTHONPATH": str(path)}
    started: list[Interpreter] = []

    def start(name: str) -> Interpreter:
        setup = coordinator(str(url), name.encode())
        started.append(Interpreter(python, setup, variables, etcd.cluster.background))
        assert started[-1]("coordinator.is_started") is True
        return started[-1]

    yield start
    for process in started:
        process.kill()


def test_three_members_that_start_at_the_same_time_are_one_cluster(etcd: Etcd) -> None:
    members = {pod.name: [f"http://{pod.host}:2379"] for pod in etcd.pods}
    # A member is healthy before it tells the others where its clients find it.
    eventually(lambda: etcd.members() == members, "each member has a name and a URL for clients")
    etcd.ctl("put", "formed", "yes")
    eventually(lambda: [etcd.kept(pod, "formed") for pod in etcd.pods] == ["yes"] * 3, "every member has the value")


def test_the_loss_of_the_leader_goes_unnoticed_and_another_address_takes_its_place(etcd: Etcd, member: Member) -> None:
    holder, other = member("holder_1"), member("other_1")
    holder("join(b'leader', 'capable')")
    assert holder("lock('leader').acquire()") is True
    lost = etcd.leader()
    lost.kill()
    assert other("lock('wanted').acquire()") is True
    assert other("lock('leader').acquire(blocking=False)") is False
    assert other("members(b'leader')") == {b"holder_1"}
    etcd.ctl("put", "leader", "lost")

    back = etcd.start(int(lost.name[-1]))
    assert back.ip != lost.ip
    etcd.wait()
    eventually(lambda: etcd.kept(back, "leader") == "lost", "it has what was written without it")
    assert holder("lock('leader').release()") is True
    assert other("lock('leader').acquire(blocking=False)") is True


def test_without_a_majority_a_member_is_alive_and_not_ready_and_st2_waits(etcd: Etcd, member: Member) -> None:
    holder, other = member("holder_1"), member("other_1")
    assert holder("lock('majority').acquire()") is True
    lost = etcd.pods[:2]
    for pod in lost:
        pod.kill()
    (left,) = etcd.pods
    other.begin("lock('minority').acquire()")
    eventually(lambda: not left.ready(), "it is not ready")
    time.sleep(2)  # longer than a leader is taken to be there
    holder.begin("lock('majority').release()")
    time.sleep(8)  # longer than etcd itself waits for one
    assert left.live()
    for pod in lost:
        etcd.start(int(pod.name[-1]))
    assert other.answer() is True
    assert holder.answer() is True
    etcd.wait()
    assert other("lock('majority').acquire(blocking=False)") is True


def test_all_is_kept_when_all_members_stop_and_start_again(etcd: Etcd, member: Member) -> None:
    process = member("process_1")
    process("join(b'all', 'capable')")
    assert process("lock('all').acquire()") is True
    etcd.ctl("put", "all", "kept")
    for pod in etcd.pods:
        pod.stop()
    etcd.start_all()
    assert [etcd.kept(pod, "all") for pod in etcd.pods] == ["kept"] * 3
    other = member("other_1")
    assert other("lock('all').acquire(blocking=False)") is False
    assert other("members(b'all')") == {b"process_1"}
    assert process("lock('all').release()") is True
    assert other("lock('all').acquire(blocking=False)") is True


@pytest.mark.parametrize(
    ("process", "said"), [("witness.sh", "the watch of this member has ended"), ("httpd", "httpd has ended")]
)
def test_a_witness_that_would_tell_what_was_true_once_ends(etcd: Etcd, process: str, said: str) -> None:
    pod = etcd.pods[0]
    tells = ["wget", "-q", "-O", "-", f"http://127.0.0.1:{WITNESS_PORT}/state"]
    # One that has only just been started again has neither process yet.
    eventually(lambda: pod.exec("witness", tells).returncode == 0, "it tells the others of this member")
    kill = ["/usr/bin/pkill", "--parent", "1", "--full", process]
    eventually(lambda: pod.exec("witness", kill).returncode == 0, "the process is there, and killed")
    eventually(lambda: pod.exit_code("witness") == 1, "it ends")
    assert said in pod.log("witness")
    pod.restart_container("witness")
    etcd.wait()


def test_more_members_join_without_a_restart_of_the_others(
    require: Require, synth: Synth, tmp_path: Path, etcd: Etcd, version: str
) -> None:
    def objects(replicas: int) -> Objects:
        return synth({**VALUES, "etcd": {"version": version, "replicas": replicas}})

    one = Etcd(objects(1), tmp_path / "pods", require("etcdctl"), etcd.utility, etcd.root)
    with one.cluster:
        one.start_all()
        one.ctl("put", "grown", "no")
        one.cluster.apply(objects(3))
        with ThreadPoolExecutor() as threads:
            list(threads.map(one.start, [1, 2]))
        one.wait()
        assert len(one.members()) == 3
        assert [one.kept(pod, "grown") for pod in one.pods] == ["no"] * 3


def test_scripts_are_portable_and_without_known_mistakes(require: Require) -> None:
    folder = Path(scripts.__file__).parent
    command = [require("shellcheck"), "--shell=sh", *map(str, sorted(folder.glob("*.sh")))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout

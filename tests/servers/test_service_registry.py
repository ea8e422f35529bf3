"""Services of st2 that are killed join the service registry again as soon as their container is started again.

The containers are those of the manifests, in fake pods; coordination is real, with the releases of tooz that st2 has.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from servers.environments import Interpreter, coordinator
from servers.network import NODE_IP
from servers.pods import FakeCluster, Image, Pod
from servers.ports import PATIENCE, eventually
from servers.secrets import secrets_of
from support import Environment, MakeCluster, Require

from constructs_st2.construct.build import build
from constructs_st2.facts.catalogue import ST2NOTIFIER, ST2SCHEDULER, ST2TIMERSENGINE, CatalogueEntry
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets.given import DISABLED
from constructs_st2.parts.backends.etcd.library import LIBRARY_FILE, library
from constructs_st2.parts.pods import python_programs as programs
from constructs_st2.values.model.images import St2Version

SERVICES = {ST2NOTIFIER: 1, ST2SCHEDULER: 3}
"""One that must get SIGINT, and one that obeys SIGTERM as the first process of its container; how often they die."""
SINGLE = ST2TIMERSENGINE
"""One of which there may be one only."""
GRACE = 3
"""Its seconds to stop."""
INTERPRETER = programs.PYTHON
READER = f"st2-{SINGLE.name}-other-5d8f7c-x2x4z_1".encode()
"""Who looks at the registry: a pod of another Deployment, whose name begins like that of the single one."""

# Joins and leaves as st2 does in st2common/service_setup.py and in the `cmd` modules of services.
SERVICE = """#!/opt/stackstorm/st2/bin/python
import os, signal, socket, sys, time
from oslo_config import cfg
from tooz import coordination

conf = cfg.ConfigOpts()
conf.register_opts([cfg.StrOpt("url")], group="coordination")
conf(sys.argv[1:])
host, process, group = socket.gethostname(), os.getpid(), {group!r}
coordinator = coordination.get_coordinator(conf.coordination.url, f"{{host}}_{{process}}".encode(), lock_timeout=60)
coordinator.start(start_heart=True)
try:
    coordinator.create_group(group).get()
except coordination.GroupAlreadyExist:
    pass
coordinator.join_group(group, capabilities={{"hostname": host, "pid": process}}).get()
if {stop!r} == "TERM":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("joined", flush=True)
try:
    time.sleep(600)
except (KeyboardInterrupt, SystemExit):
    coordinator.leave_group(group).get()
    coordinator.stop()
    print("left", flush=True)
"""
# Tells what it was started for.
PYTHON = """#!/bin/sh
echo "${{1##*/}}" >>/tmp/pythons
exec {python} "$@"
"""


@dataclass(frozen=True)
class Backend:
    """A server beside the pods, and the URL that leads to it."""

    command: list[str]
    url: str


def redis(require: Require, folder: Path) -> Backend:
    nothing_kept = ["--save", "", "--protected-mode", "no", "--dir", str(folder)]
    return Backend([require("redis-server"), *nothing_kept], f"redis://{NODE_IP}:6379")


def etcd(require: Require, folder: Path) -> Backend:
    url = f"http://{NODE_IP}:2379"
    flags = {"listen-client-urls": url, "advertise-client-urls": url, "data-dir": str(folder)}
    return Backend([require("etcd"), *(f"--{name}={value}" for name, value in flags.items())], f"st2etcd+{url}")


BACKENDS = {"redis": redis, "etcd": etcd}


class Registry:
    """The pods of services, and what coordinates them."""

    def __init__(self, pods: FakeCluster, reader: Interpreter) -> None:
        self._pods = pods
        self._reader = reader

    def deploy(self, service: CatalogueEntry) -> Pod:
        """A pod whose service has joined."""
        pod = self._pods.deploy(f"st2-{service.name}")
        joined(pod, service, 1)
        return pod

    def begin(self, service: CatalogueEntry) -> Pod:
        """A pod whose service need not have joined."""
        return self._pods.deploy(f"st2-{service.name}")

    def join(self, service: CatalogueEntry) -> None:
        """Let the one who looks be a member, too."""
        self._reader(f"join({group(service)!r}, {{}})")

    def members(self, service: CatalogueEntry) -> set[str]:
        return {member.decode() for member in self._reader(f"members({group(service)!r})")}


def group(service: CatalogueEntry) -> bytes:
    assert service.registered_as
    return service.registered_as.encode()


def joined(pod: Pod, service: CatalogueEntry, times: int) -> None:
    """Wait until a service has joined so many times, and no container has ended by itself."""

    def has_joined() -> bool:
        assert pod.exit_code(service.name) is None, pod.logs()
        lines = pod.log(service.name).splitlines()
        return sum(line.startswith("joined") for line in lines) == times

    eventually(has_joined, f"{pod.name} joins")


def pythons(pod: Pod, service: CatalogueEntry) -> list[str]:
    """What Python was started for, in all containers so far."""
    return pod.exec(service.name, ["cat", "/tmp/pythons"]).stdout.split()


def pods_of(made: Cluster, files: Mapping[str, Mapping[str, str]], folder: Path) -> FakeCluster:
    """A cluster whose services have these files in their images."""
    objects = build(made).objects
    deployments = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "Deployment"]
    waits = {each["name"] for pod in deployments for each in pod.get("initContainers", ())}
    images = {name: Image(files=texts) for name, texts in files.items()}
    return FakeCluster(objects, secrets_of(made), folder, images=images, skip=waits)


@contextmanager
def registry(
    version: St2Version, name: str, cluster: MakeCluster, environment: Environment, require: Require, folder: Path
) -> Iterator[Registry]:
    """Services of that version, coordinated by that backend."""
    require("ip")
    python, backend, egg = environment(f"st2-{version}"), BACKENDS[name](require, folder), folder / LIBRARY_FILE
    egg.write_bytes(library(version))
    values = {
        "st2": {"version": version, "datastore_crypto_key": DISABLED},
        "coordination": {"backend": "external", "external": {"url": backend.url}},
        SINGLE.name: {"terminationGracePeriodSeconds": GRACE},
        # The Python that runs the tests may be in the home of root.
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False},
    }
    files = {
        service.name: {
            service.command: SERVICE.format(group=group(service), stop=service.stop),
            INTERPRETER: PYTHON.format(python=python),
            "/etc/st2/st2.conf": "",
        }
        for service in (*SERVICES, SINGLE)
    }
    with pods_of(cluster(values), files, folder / "pods") as pods:
        server = pods.background(backend.command)
        # Its log: nobody reads it otherwise, and a full pipe would stop it.
        assert server.stdout
        threading.Thread(target=server.stdout.read, daemon=True).start()
        variables = {"PYTHONPATH": str(egg)}
        port = int(backend.url.rpartition(":")[2])
        reachable = f"exec 3<>/dev/tcp/{NODE_IP}/{port}"
        eventually(lambda: pods.client(["bash", "-c", reachable]).returncode == 0, f"{name} accepts connections")
        reader = Interpreter(python, coordinator(backend.url, READER), variables, pods.background)
        yield Registry(pods, reader)


def lives_on(registry: Registry, service: CatalogueEntry, kills: int) -> None:
    """A service is killed some times, is back after each, and leaves in the end."""
    pod = registry.deploy(service)
    assert pythons(pod, service) == [service.name]
    for times in range(kills):
        pod.restart_container(service.name)
        joined(pod, service, times + 2)
    assert pythons(pod, service) == [service.name, *["service_registry.py", service.name] * kills]
    (member,) = registry.members(service)
    assert member.startswith(f"{pod.name}_")
    pod.stop()
    assert pod.log(service.name).endswith("left\n")
    assert registry.members(service) == set()


Setting = tuple[MakeCluster, Environment, Require, Path]


@pytest.fixture
def setting(cluster: MakeCluster, environment: Environment, require: Require, tmp_path: Path) -> Setting:
    return cluster, environment, require, tmp_path


def test_a_service_that_is_killed_is_back_at_once_however_often(setting: Setting) -> None:
    with registry("3.9", "redis", *setting) as coordinated, ThreadPoolExecutor(len(SERVICES)) as threads:
        runs = [threads.submit(lives_on, coordinated, service, kills) for service, kills in SERVICES.items()]
        for run in runs:
            run.result()


@pytest.mark.parametrize(("version", "backend"), [("3.8", "redis"), ("3.8", "etcd"), ("3.9", "etcd")])
def test_so_it_is_with_each_release_of_tooz_and_each_backend(
    version: St2Version, backend: str, setting: Setting
) -> None:
    with registry(version, backend, *setting) as coordinated:
        lives_on(coordinated, ST2SCHEDULER, 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_may_not_run_twice_waits_for_the_end_of_its_former_pod(backend: str, setting: Setting) -> None:
    with registry("3.9", backend, *setting) as coordinated:
        former = coordinated.deploy(SINGLE)
        successor = coordinated.begin(SINGLE)
        waiting = f"waiting until {former.name} has left {group(SINGLE).decode()}"
        eventually(lambda: waiting in successor.log(SINGLE.name), "the successor waits")
        assert "joined" not in successor.log(SINGLE.name)
        # However little time it gets beside others: one that is killed does not leave.
        former.stop(PATIENCE)
        joined(successor, SINGLE, 1)
        (member,) = coordinated.members(SINGLE)
        assert member.startswith(f"{successor.name}_")


def test_it_does_not_wait_for_longer_than_its_former_pod_may_take(setting: Setting) -> None:
    with registry("3.9", "redis", *setting) as coordinated:
        former = coordinated.deploy(SINGLE)
        begun = time.monotonic()
        successor = coordinated.begin(SINGLE)
        joined(successor, SINGLE, 1)
        assert time.monotonic() - begun > GRACE
        assert former.exit_code(SINGLE.name) is None, "as on a node that is only cut off"


def test_it_does_not_wait_for_pods_of_others(setting: Setting) -> None:
    """Parts of the sensors are in one group."""
    with registry("3.9", "redis", *setting) as coordinated:
        coordinated.join(SINGLE)
        pod = coordinated.deploy(SINGLE)
        assert "waiting" not in pod.log(SINGLE.name)


class TestStart:
    """The script, where Python is a script too."""

    @pytest.fixture
    def restarted(self, cluster: MakeCluster, require: Require, tmp_path: Path) -> Iterator[Callable[[str], Pod]]:
        """Makes the pod of a service, with its second container: `restarted("exit 1")`, which is what Python does."""
        require("ip")
        made = cluster({"st2": {"datastore_crypto_key": DISABLED}})
        with ExitStack() as stack:

            def restarted(python: str) -> Pod:
                program = '#!/bin/sh\ntrap "exit 0" TERM\necho "joined as $$"\nsleep 60 & wait\n'
                files = {ST2SCHEDULER.command: program, INTERPRETER: f"#!/bin/sh\n{python}\n"}
                pods = stack.enter_context(pods_of(made, {ST2SCHEDULER.name: files}, tmp_path / "pods"))
                pod = pods.deploy(f"st2-{ST2SCHEDULER.name}")
                joined(pod, ST2SCHEDULER, 1)
                pod.restart_container(ST2SCHEDULER.name)
                return pod

            yield restarted

    def test_a_registry_that_cannot_be_told_keeps_no_service_from_starting(
        self, restarted: Callable[[str], Pod]
    ) -> None:
        pod = restarted("echo asked; exit 3")
        joined(pod, ST2SCHEDULER, 2)
        first, asked, told, second = pod.log(ST2SCHEDULER.name).splitlines()
        assert (first, asked, second) == ("joined as 1", "asked", "joined as 1")
        assert told.endswith("status 3")

    def test_a_pod_that_is_deleted_before_its_service_starts_again_ends_at_once(
        self, restarted: Callable[[str], Pod]
    ) -> None:
        pod = restarted("echo asked; exec sleep 60")
        eventually(lambda: "asked" in pod.log(ST2SCHEDULER.name), "the registry is told")
        assert pod.stop() < 25
        assert pod.exit_code(ST2SCHEDULER.name) == 128 + signal.SIGTERM

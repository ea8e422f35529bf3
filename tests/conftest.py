"""Fixtures for all tests: clusters from values, their objects, and the programs that some tests run."""

from __future__ import annotations

import functools
import gc
import marshal
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from servers import environments, kubernetes_programs, packages, roots
from support import Environment, MakeCluster, Objects, Require, Server, Synth, not_run

# With several processes, the one that gives them their tests loads this file before they begin. It needs no more of it
# than this; fixtures load what they need.
if TYPE_CHECKING:
    from servers.kube_apiserver import ApiServer, Kubectl

    from constructs_st2.facts.cluster import Cluster

# What is started in the background ignores these signals, and so would all programs that the tests start. A program
# that hears a signal and does nothing goes on all the same, and what it starts is as it should be.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

# What is printed does not go by the width of the terminal in which the tests run.
os.environ["COLUMNS"] = "120"

# Of what tests make little is garbage, and looking for it among all that is there takes a tenth of the time.
gc.set_threshold(100_000, 50, 100)


FIRST = (
    "servers/test_rabbitmq_cluster.py",
    "adopt/test_move.py",
    "docs/test_shell_lines.py",
    *(f"servers/test_{name}.py" for name in ("secrets_consumers", "rabbitmq_formation", "redis_coordination")),
    *(f"servers/test_{name}.py" for name in ("redis_cluster", "backup", "service_registry", "etcd_coordination")),
    "api/test_acceptance.py",
    "website/test_tutorials.py",
    "changes/test_api_server.py",
    "changes/test_upgrade_on_api_server.py",
    *(f"servers/test_{name}.py" for name in ("rabbitmq_nodes", "smoke_test", "internal_tls", "silent_peers")),
    *(f"servers/test_{name}.py" for name in ("redis_scripts", "losses")),
    "doctor/test_doctor_on_api_server.py",
    "servers/test_mongodb_scripts.py",
    "values/test_dead_keys.py",
    "changes/test_generations.py",
    "test_interrupts.py",
    "docs/",
    "commands/test_trying.py",
    "servers/",
    "test_documents.py",
    "secrets/",
    "test_wheel.py",
    "website/",
    "api/",
    "ha/",
    "construct/",
)
"""Files and folders that take long, the longest first: what begins last is soon over, and nobody waits for it alone."""


SERVERS = frozenset({"api_server", "environment", "kubectl", "require", "server"})
"""Fixtures that start servers, or find programs and libraries that the Python environment does not have."""

OF_SERVERS = ("api/", "servers/")
"""Folders of tests that need them in other ways."""


@functools.cache
def _place(path: Path) -> str:
    return path.relative_to(Path(__file__).parent).as_posix()


@functools.cache
def _rank(path: Path) -> int:
    return next((rank for rank, begin in enumerate(FIRST) if _place(path).startswith(begin)), len(FIRST))


# Before pytest looks who has which marker.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _place(item.path).startswith(OF_SERVERS) or _asks_for_servers(item):
            item.add_marker(pytest.mark.servers)
    items.sort(key=lambda item: _rank(item.path))


def pytest_collection_finish() -> None:
    # What is there now stays to the end, when pytest looks for garbage again and again.
    gc.freeze()


# Around pytest's own, to be read below all that failed of it.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield
    if not terminalreporter.stats.keys() & {"failed", "error"}:
        return
    # Tests may not even be collected then, those that would tell of it among them.
    from recipes import left_out

    if missing := left_out():
        terminalreporter.section("what a recipe of docs/contributing.md asks for, and is not there yet")
        terminalreporter.write_line("\n".join(missing))


def _asks_for_servers(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    # Those of the fixtures that a test asks for, too.
    definitions = item._fixtureinfo.name2fixturedefs
    # Some files have a fixture of that name which imitates a server.
    return any(definitions[name][-1].func.__module__ == __name__ for name in SERVERS & definitions.keys())


@pytest.fixture(scope="session")
def cluster() -> MakeCluster:
    """Makes the cluster of some values: `cluster({"st2api": {"replicas": 3}}, release="blue")`."""
    from constructs_st2.construct.clusters import cluster_of
    from constructs_st2.values import from_mapping

    # Nobody can change it, so those who want the same one share it.
    known: dict[str, Cluster] = {}

    def make(values: Mapping[str, Any] | None = None, release: str = "st2", namespace: str = "stackstorm") -> Cluster:
        asked = repr((values or {}, release, namespace, Path.cwd()))
        if asked not in known:
            known[asked] = cluster_of(from_mapping(values or {}), release, namespace)
        return known[asked]

    return make


@pytest.fixture(scope="session")
def synth(cluster: MakeCluster) -> Synth:
    """Makes the objects of some values, checked but not written. This needs no Node.js."""
    from constructs_st2.construct.build import build

    # Many tests look at the same cluster. Each gets objects of its own, and may change them.
    known: dict[str, bytes] = {}

    def make(values: Mapping[str, Any] | None = None, **release: str) -> Objects:
        asked = repr((values or {}, release, Path.cwd()))
        if asked not in known:
            known[asked] = marshal.dumps(build(cluster(values, **release)).objects)
        return Objects(marshal.loads(known[asked]))

    return make


@pytest.fixture(scope="session")
def default_objects(synth: Synth) -> Objects:
    """The objects of the default cluster. Do not change them."""
    return synth()


@pytest.fixture(scope="session")
def require() -> Require:
    """Finds a program, or ends the test as not run: `require("nginx")`.

    With ST2_TEST_REQUIRE_ALL=1 a missing program is a failure.
    """

    def find(program: str) -> str:
        path = packages.find(program)
        if path is None:
            not_run(f"there is no {program}; {packages.install_command(program)}")
        return path

    return find


@pytest.fixture(scope="session")
def environment() -> Environment:
    """Finds the interpreter of a virtual environment, or ends the test as not run: `environment("st2-3.9")`."""

    def find(name: str) -> Path:
        interpreter = environments.python(name)
        if interpreter is None:
            not_run(f"there is no environment {name}; {sys.executable} tests/servers/install.py")
        return interpreter

    return find


@pytest.fixture(scope="session")
def server() -> Server:
    """Finds the root of a newer server, or ends the test as not run: `Image(root=server("redis", "trixie"))`."""

    def find(name: str, suite: str) -> Path:
        root = roots.find(roots.Server(name, suite))
        if root is None:
            not_run(f"there is no {name} of Debian {suite}; as root {sys.executable} tests/servers/install.py")
        return root

    return find


# Of the module, although all could share one: in several processes that would be as many, which all wait for the end.
@pytest.fixture(scope="module")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server that knows all kinds, with the namespace of the release, or ends the test as not run."""
    from servers.kube_apiserver import custom_kinds

    with _api_server(tmp_path_factory) as server:
        server.define(custom_kinds())
        enforced = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace = {"name": "stackstorm", "labels": enforced}
        server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
        yield server


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Kubectl with an API server that the module has for itself, and which is empty; or ends the test as not run."""
    from servers.kube_apiserver import Kubectl

    program = kubernetes_programs.find_kubectl()
    if program is None:
        not_run(f"there is no kubectl; {kubernetes_programs.INSTALL}")
    with _api_server(tmp_path_factory) as server:
        yield Kubectl(program, server, tmp_path_factory.mktemp("kubectl"))


def _api_server(tmp_path_factory: pytest.TempPathFactory) -> ApiServer:
    from servers.kube_apiserver import ApiServer

    programs = kubernetes_programs.find()
    if programs is None:
        not_run(f"there is no kube-apiserver; {kubernetes_programs.INSTALL}")
    return ApiServer(programs, tmp_path_factory.mktemp("apiserver"))

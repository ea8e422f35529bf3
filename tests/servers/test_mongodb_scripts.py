"""The scripts of MongoDB's pods, at the paths that they have there. Stand-ins take the place of mongod."""

from __future__ import annotations

import json
import operator
import os
import re
import shlex
import signal
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from servers.certificates import Authority
from servers.mongod import Mongod, World
from servers.ports import PATIENCE, eventually
from support import Require

from constructs_st2 import node
from constructs_st2.parts.backends.mongodb import scripts

FOLDER = Path(scripts.__file__).parent
USER = 999
ROOT = ("admin", "root")
ST2 = ("st2", "st2")
METRICS = ("admin", "metrics")
PASSWORDS = {"mongodb-root-password": "toor", "mongodb-password": "st2pw", "mongodb-metrics-password": "metricspw"}
# mongod's own files are here in pods, and nothing of this machine.
DIRECTORIES = {
    "config": "/etc/constructs-st2/config",
    "secret": "/etc/constructs-st2/secret",
    "keyfile": "/etc/constructs-st2/keyfile",
    "tls": "/etc/constructs-st2/tls",
    "run": "/run/constructs-st2",
    "home": "/home",
    "data": "/data/db",
}

NOTE = "7.0\nstackstorm/st2-mongodb-0\n"
"""What guard-data has written."""

# $1: a folder with a directory for each of the mount points that follow until "--"; the rest is the command.
POD = """
set -eu
folder=$1
shift
mkdir "$folder/scratch.$$"
mount -t tmpfs tmpfs "$folder/scratch.$$"
cd "$folder/scratch.$$"
mkdir -p etc/upper etc/work opt/upper opt/work
for top in etc opt; do
    mount -t overlay -o "lowerdir=/$top,upperdir=$PWD/$top/upper,workdir=$PWD/$top/work" overlay "/$top"
done
mount -t tmpfs tmpfs /run
mkdir -p /opt/constructs-st2
mount --bind -o ro "$SCRIPTS" /opt/constructs-st2
while [ "$1" != -- ]; do
    mkdir -p "$2"
    mount --bind "$folder/$1" "$2"
    shift 2
done
shift
exec "$@"
"""


class Pod:
    """The files of a pod, and its scripts with them where the pod has them."""

    def __init__(self, folder: Path, name: str = "st2-mongodb-0", path: str = os.defpath) -> None:
        self.folder = folder
        self.name = name
        self._path = path
        self._reconcile: subprocess.Popen[bytes] | None = None
        for directory in DIRECTORIES:
            (folder / directory).mkdir(parents=True, exist_ok=True)
        self._log = folder / "log"
        self._log.touch()

    def command(self, script: str, *, user: int = 0) -> list[str]:
        mounts = [word for pair in DIRECTORIES.items() for word in pair]
        privileges = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        restricted = [*privileges, "--bounding-set=-all", "--no-new-privs"] if user else []
        pod = ["unshare", "--mount", "sh", "-c", POD, "sh", str(self.folder), *mounts, "--"]
        return [*pod, *restricted, "sh", f"/opt/constructs-st2/{script}"]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": self._path,
            "HOME": "/home",
            "SCRIPTS": str(FOLDER),
            "POD_NAME": self.name,
            "RECONCILE_SECONDS": "0.2",
        }

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        command = self.command(script, user=USER)
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def write(self, path: str, text: str) -> None:
        """Replace a file at once, as the kubelet does."""
        new = self.folder / f"{path}.new"
        new.write_text(text)
        new.rename(self.folder / path)

    def start(self) -> None:
        """Start the container reconcile."""
        with self._log.open("ab") as log:
            self._reconcile = subprocess.Popen(
                self.command("reconcile.sh"), env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._reconcile
        return self._reconcile

    @property
    def said(self) -> list[str]:
        return self._log.read_text().splitlines()

    @property
    def role(self) -> str:
        with suppress(FileNotFoundError):
            return (self.folder / "run" / "role").read_text()
        return ""

    def children(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in tasks.read_text().split()]

    def close(self) -> None:
        if self._reconcile:
            with suppress(ProcessLookupError):
                os.killpg(self._reconcile.pid, signal.SIGKILL)
            self._reconcile.wait()


def runs(pid: int) -> bool:
    """Whether a process has not ended, be it that nobody has taken note of its end."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def configuration(servers: Sequence[Mongod]) -> str:
    """What replica-set.json says."""

    def user(identity: tuple[str, str], key: str, **roles: str) -> dict[str, object]:
        grants = [{"role": role, "db": database} for role, database in roles.items()]
        path = f"{DIRECTORIES['secret']}/{key}"
        return {"name": identity[1], "database": identity[0], "roles": grants, "passwordFile": path}

    return json.dumps(
        {
            "set": "rs0",
            "members": [server.host for server in servers],
            "database": "st2",
            "root": {"name": "root", "passwordFile": f"{DIRECTORIES['secret']}/mongodb-root-password"},
            "users": [
                user(ST2, "mongodb-password", readWrite="st2", dbAdmin="st2"),
                user(METRICS, "mongodb-metrics-password", clusterMonitor="admin", read="local"),
            ],
        }
    )


MakePods = Callable[[Path, Sequence[Mongod]], list[Pod]]


@pytest.fixture(scope="module")
def make_pods(require: Require, tmp_path_factory: pytest.TempPathFactory) -> MakePods:
    """Makes a pod for each server, whose configuration names all of them."""
    environment = {"PATH": os.environ["PATH"]}
    node.prepare(environment)
    bin_folder = tmp_path_factory.mktemp("bin")
    mongosh = bin_folder / "mongosh"
    command = shlex.join([environment.get("JSII_NODE", "node"), require("mongosh")])
    mongosh.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    mongosh.chmod(0o755)

    def make(folder: Path, servers: Sequence[Mongod]) -> list[Pod]:
        pods = []
        for ordinal in range(len(servers)):
            name = f"st2-mongodb-{ordinal}"
            pod = Pod(folder / name, name, f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
            pod.write("config/replica-set.json", configuration(servers))
            for key, password in PASSWORDS.items():
                pod.write(f"secret/{key}", password)
            pods.append(pod)
        return pods

    return make


def test_they_are_portable_and_without_known_mistakes(require: Require) -> None:
    names = [str(path) for path in sorted(FOLDER.glob("*.sh"))]
    assert names
    result = subprocess.run([require("shellcheck"), "--shell=sh", *names], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


class TestPrepare:
    """prepare.sh."""

    @pytest.fixture
    def pod(self, tmp_path: Path) -> Pod:
        pod = Pod(tmp_path)
        os.chown(tmp_path / "keyfile", USER, USER)
        pod.write("secret/mongodb-replica-set-key", "first")
        return pod

    def test_only_mongod_can_read_the_key(self, pod: Pod) -> None:
        result = pod.run("prepare.sh")
        assert (result.returncode, result.stderr) == (0, "")
        key = pod.folder / "keyfile" / "keyfile"
        assert key.read_text() == "first"
        assert (key.stat().st_uid, stat.S_IMODE(key.stat().st_mode)) == (USER, 0o400)

    def test_a_new_key_replaces_the_one_before(self, pod: Pod) -> None:
        pod.run("prepare.sh")
        pod.write("secret/mongodb-replica-set-key", "second")
        assert pod.run("prepare.sh").returncode == 0
        key = pod.folder / "keyfile" / "keyfile"
        assert (key.read_text(), stat.S_IMODE(key.stat().st_mode)) == ("second", 0o400)

    def test_without_tls_there_is_no_certificate(self, pod: Pod) -> None:
        pod.run("prepare.sh")
        assert [file.name for file in (pod.folder / "keyfile").iterdir()] == ["keyfile"]

    def test_mongod_gets_its_certificate_with_the_key_in_one_file_for_itself(self, pod: Pod) -> None:
        for run in ("first", "second"):
            secret = Authority().secret([run])
            for key, value in secret.items():
                pod.write(f"tls/{key}", value)
            assert pod.run("prepare.sh").returncode == 0
            file = pod.folder / "keyfile" / "mongod.pem"
            # It raises for a certificate that has another key.
            ssl.create_default_context().load_cert_chain(file)
            assert secret["tls.crt"] in file.read_text()
            assert (file.stat().st_uid, stat.S_IMODE(file.stat().st_mode)) == (USER, 0o600)


class TestReady:
    """ready.sh."""

    @pytest.fixture
    def pod(self, tmp_path: Path) -> Pod:
        return Pod(tmp_path)

    @pytest.mark.parametrize("role", ["primary", "secondary"])
    def test_a_member_that_serves(self, pod: Pod, role: str) -> None:
        pod.write("run/role", f"{role}\n")
        result = pod.run("ready.sh")
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")

    @pytest.mark.parametrize("role", ["recovering", "uninitialized", "unreachable", ""])
    def test_any_other(self, pod: Pod, role: str) -> None:
        pod.write("run/role", f"{role}\n")
        result = pod.run("ready.sh")
        assert result.returncode == 1
        assert f"this member is {role}" in result.stderr

    def test_what_was_known_long_ago_does_not_count(self, pod: Pod) -> None:
        pod.write("run/role", "primary\n")
        before = time.time() - 61
        os.utime(pod.folder / "run" / "role", (before, before))
        result = pod.run("ready.sh")
        assert result.returncode == 1
        assert re.search(r"nothing is known of this member for \d+ s; it was primary", result.stderr)

    def test_before_anything_is_known(self, pod: Pod) -> None:
        assert pod.run("ready.sh").returncode != 0


class Running:
    """Pods with their servers, and the scripts at work."""

    def __init__(self, world: World, servers: list[Mongod], pods: list[Pod]) -> None:
        self.world = world
        self.servers = servers
        self.pods = pods

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        try:
            eventually(condition, what)
        except TimeoutError as late:
            raise TimeoutError(f"{late}\n" + "\n".join(f"{pod.name}: {pod.said}" for pod in self.pods)) from late

    def says(self, ordinal: int, words: str) -> None:
        """Wait until a pod has said something."""
        self.wait(lambda: any(words in line for line in self.pods[ordinal].said), f"pod {ordinal} says {words!r}")

    def wait_for_passes(self) -> None:
        """Wait until each pod has begun at least one pass and ended it."""
        for _ in range(2):
            self._wait_for_roles()

    def _wait_for_roles(self) -> None:
        before = self._role_times()
        self.wait(lambda: all(map(operator.lt, before, self._role_times())), "another pass of each")

    def _role_times(self) -> list[int]:
        return [(pod.folder / "run" / "role").stat().st_mtime_ns for pod in self.pods]

    def wait_until_nobody_logs_in(self) -> None:
        """Wait for passes of all without a login."""

        def quiet() -> bool:
            before = [len(server.logins) for server in self.servers]
            self.wait_for_passes()
            return [len(server.logins) for server in self.servers] == before

        self.wait(quiet, "passes without a login")

    def accepts(self, identity: tuple[str, str], password: str) -> bool:
        replica_set = self.servers[0].set
        user = replica_set.users.get(identity) if replica_set else None
        return user is not None and user.accepts(password)

    def close(self) -> None:
        for pod in self.pods:
            pod.close()
        self.world.close()


@pytest.fixture(scope="module")
def formed(make_pods: MakePods, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Three members that have formed a replica set. The first to start is not the last server to be there."""
    world = World()
    servers = [world.add() for _ in range(3)]
    # Whoever initiates the set need not become its primary.
    world.favourite = servers[1].host
    servers[2].stop()
    cluster = Running(world, servers, make_pods(tmp_path_factory.mktemp("formed"), servers))
    try:
        for pod in cluster.pods:
            pod.write("data/constructs-st2.note", NOTE)
            pod.start()
        cluster.says(0, f"waits to initiate the replica set: {servers[2].host} does not answer")
        assert all(server.set is None for server in servers)
        servers[2].start()
        cluster.wait(lambda: cluster.accepts(METRICS, "metricspw"), "the last user is there")
        yield cluster
    finally:
        cluster.close()


def noted(pod: Pod, text: str) -> bool:
    return (pod.folder / "data" / "constructs-st2.note").read_text() == text


class TestReconcile:
    """reconcile.sh, with reconcile.js and loop.js in the real shell."""

    def test_a_set_forms_with_all_members_and_users(self, formed: Running) -> None:
        sets = {id(server.set) for server in formed.servers}
        assert len(sets) == 1
        replica_set = formed.servers[0].set
        assert replica_set
        assert replica_set.config["_id"] == "rs0"
        assert replica_set.hosts == [server.host for server in formed.servers]
        assert {identity: user.roles for identity, user in replica_set.users.items()} == {
            ROOT: [{"role": "root", "db": "admin"}],
            ST2: [{"role": "readWrite", "db": "st2"}, {"role": "dbAdmin", "db": "st2"}],
            METRICS: [{"role": "clusterMonitor", "db": "admin"}, {"role": "read", "db": "local"}],
        }
        assert formed.accepts(ROOT, "toor")
        assert formed.accepts(ST2, "st2pw")

    def test_only_the_first_pod_initiates_and_only_the_primary_makes_users(self, formed: Running) -> None:
        initiates, creates = "nobody: replSetInitiate", "nobody: createUser"
        assert [server.commands.count(initiates) for server in formed.servers] == [1, 0, 0]
        assert [server.commands.count(creates) for server in formed.servers] == [0, 1, 0]
        assert "root: createUser" in formed.servers[1].commands
        formed.wait(lambda: "created the user metrics" in formed.pods[1].said, "the log tells of it")

    def test_the_role_file_follows(self, formed: Running) -> None:
        formed.wait(
            lambda: [pod.role for pod in formed.pods] == ["secondary\n", "primary\n", "secondary\n"], "the roles"
        )
        formed.servers[1].stop()
        try:
            formed.wait(lambda: formed.pods[1].role == "unreachable\n", "the server is gone")
            formed.wait(lambda: {pod.role for pod in formed.pods} >= {"primary\n", "secondary\n"}, "another primary")
        finally:
            formed.servers[1].start()
        formed.wait(lambda: formed.pods[1].role == "secondary\n", "it is back")

    def test_each_member_notes_the_formats_of_its_data(self, formed: Running) -> None:
        for ordinal, (pod, server) in enumerate(zip(formed.pods, formed.servers, strict=True)):
            formed.wait(partial(noted, pod, f"{NOTE}6.0\n"), "it is noted")
            formed.says(ordinal, "its data has featureCompatibilityVersion 6.0")
            assert server.formats == "6.0"

    def test_users_are_not_looked_at_in_every_pass(self, formed: Running) -> None:
        formed.wait_until_nobody_logs_in()

    def test_a_password_that_changes(self, formed: Running) -> None:
        for pod in formed.pods:
            pod.write("secret/mongodb-password", "another\n")
        formed.wait(lambda: formed.accepts(ST2, "another"), "the new password works")
        assert formed.accepts(METRICS, "metricspw")
        formed.wait(
            lambda: any("set the password of the user st2" in pod.said for pod in formed.pods), "the log tells of it"
        )

    def test_a_wrong_root_password_is_reported_and_nothing_else(self, formed: Running) -> None:
        formed.wait_until_nobody_logs_in()
        leader = next(pod for pod in formed.pods if pod.role == "primary\n")
        server = formed.servers[formed.pods.index(leader)]
        before = len(server.commands)
        leader.write("secret/mongodb-root-password", "wrong")
        formed.says(formed.pods.index(leader), "WRONG ROOT PASSWORD: users exist, but root cannot log in")
        leader.write("secret/mongodb-metrics-password", "not to be set")
        formed.wait_for_passes()
        assert set(server.commands[before:]) == {"nobody: createUser"}
        assert formed.accepts(ROOT, "toor")
        assert formed.accepts(METRICS, "metricspw")
        leader.write("secret/mongodb-root-password", "toor")
        formed.wait(lambda: formed.accepts(METRICS, "not to be set"), "users are reconciled again")

    def test_nothing_that_is_secret_is_written_or_seen(self, formed: Running) -> None:
        for pod in formed.pods:
            files = [path for part in ("home", "run") for path in (pod.folder / part).rglob("*") if path.is_file()]
            texts = [*map(Path.read_text, files), "\n".join(pod.said)]
            for pid in (pod.process.pid, *pod.children()):
                texts.append(Path(f"/proc/{pid}/cmdline").read_text())
            assert not [text for text in texts if any(password in text for password in PASSWORDS.values())]
            # The shell's own log would fill the disk.
            assert not list((pod.folder / "home").rglob("*_log"))

    def test_it_ends_at_once_when_told(self, formed: Running) -> None:
        pod = formed.pods[2]
        children = pod.children()
        pod.process.terminate()
        assert pod.process.wait(PATIENCE) == 0
        eventually(lambda: not any(map(runs, children)), "no process is left")

    def test_it_fails_when_the_shell_dies(self, formed: Running) -> None:
        pod = formed.pods[0]
        shell = next(pid for pid in pod.children() if "mongosh" in Path(f"/proc/{pid}/cmdline").read_text())
        os.kill(shell, signal.SIGKILL)
        assert pod.process.wait(PATIENCE) == 1
        assert pod.said[-1] == "the shell that reconciles has ended with status 137"


class TestShell:
    """reconcile.sh, with shells that are none."""

    def start(self, folder: Path, **programs: str) -> Pod:
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        for name, text in programs.items():
            (bin_folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (bin_folder / name).chmod(0o755)
        pod = Pod(folder / "pod", "st2-mongodb-4", f"{bin_folder}{os.pathsep}{os.defpath}")
        pod.start()
        assert pod.process.wait(PATIENCE) == 1
        return pod

    def test_the_old_one_is_used_where_there_is_no_other(self, tmp_path: Path) -> None:
        pod = self.start(tmp_path, mongo='for word; do echo "$word"; done; echo role secondary; echo bye; exit 3')
        assert pod.said == [
            *("--nodb", "--norc", "--quiet"),
            *("--eval", "var settings = { pod: 'st2-mongodb-4', seconds: 0.2, authority: '' }"),
            *("/opt/constructs-st2/reconcile.js", "/opt/constructs-st2/loop.js"),
            *("bye", "the shell that reconciles has ended with status 3"),
        ]
        assert pod.role == "secondary\n"

    def test_the_old_one_is_told_of_tls_on_its_command_line(self, tmp_path: Path) -> None:
        (tmp_path / "pod" / "tls").mkdir(parents=True)
        (tmp_path / "pod" / "tls" / "ca.crt").touch()
        pod = self.start(tmp_path, mongo='for word; do echo "$word"; done')
        authority = "/etc/constructs-st2/tls/ca.crt"
        assert pod.said[3:7] == [
            *("--tls", "--tlsCAFile", authority),
            "--eval",
        ]
        assert pod.said[7] == f"var settings = {{ pod: 'st2-mongodb-4', seconds: 0.2, authority: '{authority}' }}"

    def test_mongosh_wins(self, tmp_path: Path) -> None:
        pod = self.start(tmp_path, mongo="echo old", mongosh="echo new")
        assert pod.said == ["new", "the shell that reconciles has ended with status 0"]

    def test_without_any(self, tmp_path: Path) -> None:
        assert self.start(tmp_path).said == ["the image has neither mongosh nor mongo"]


def test_members_are_added_one_by_one(make_pods: MakePods, tmp_path: Path) -> None:
    world = World()
    servers = [world.add() for _ in range(3)]
    # As before MongoDB 4.4.2.
    servers[1].knows_hello = False
    pods = make_pods(tmp_path, servers)
    cluster = Running(world, servers, pods[:1])
    (pod,) = cluster.pods
    try:
        pod.write("config/replica-set.json", configuration(servers[:1]))
        pod.start()
        cluster.wait(lambda: cluster.accepts(METRICS, "metricspw"), "a set of one is there")
        world.syncs = False
        pod.write("config/replica-set.json", configuration(servers))
        waits = f"waits to add {servers[2].host} until an earlier change is done: {servers[1].host}"
        cluster.says(0, waits)
        cluster.wait_for_passes()
        assert servers[2].set is None
        world.syncs = True
        added = [f"added {server.host} to the replica set" for server in servers]
        cluster.says(0, added[2])
        assert [line for line in pod.said if "add" in line] == [added[1], waits, added[2]]
        replica_set = servers[0].set
        assert replica_set
        assert [(member["_id"], member["host"]) for member in replica_set.config["members"]] == [
            (ordinal, server.host) for ordinal, server in enumerate(servers)
        ]
        pod.write("config/replica-set.json", configuration(servers[:1]))
        left = f"in the replica set, but not in the configuration, and left alone: {servers[1].host}, {servers[2].host}"
        cluster.says(0, left)
        cluster.wait_for_passes()
        assert pod.said.count(left) == 1
        assert len(replica_set.hosts) == 3
    finally:
        cluster.close()


def test_members_form_by_tls(make_pods: MakePods, tmp_path: Path) -> None:
    secret = Authority().secret(["localhost"], ["127.0.0.1"])
    pem = tmp_path / "mongod.pem"
    pem.write_text(secret["tls.key"] + secret["tls.crt"])
    world = World()
    world.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    world.tls.load_cert_chain(pem)
    servers = [world.add() for _ in range(2)]
    cluster = Running(world, servers, make_pods(tmp_path / "pods", servers))
    try:
        for pod in cluster.pods:
            pod.write("tls/ca.crt", secret["ca.crt"])
            pod.start()
        cluster.wait(lambda: cluster.accepts(METRICS, "metricspw"), "the last user is there")
        assert servers[0].set is servers[1].set
    finally:
        cluster.close()

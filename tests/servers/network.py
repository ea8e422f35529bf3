"""The network of fake pods: namespaces on a bridge of their own, and hosts files in place of a DNS server.

One process, the keeper, holds the network together. It is the first process of a PID namespace in which all others
run, so that the kernel ends them with it; and it ends when the test closes its standard input, or dies.
"""

from __future__ import annotations

import itertools
import os
import shlex
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network
from pathlib import Path

from servers.ports import PATIENCE
from servers.st2web_pod import inside
from support import need_root

PATH = "/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the tools of this machine are, and the servers that come from Debian."""

ADDRESSES = IPv4Network("10.244.0.0/16")
NODE_IP = str(ADDRESSES[1])

# $1: what to lay over /etc. The bridge has an address of its own, or else it would change with the pods.
KEEPER = f"""
set -eu
ip link set lo up
ip link add pods address 02:00:00:00:00:01 type bridge
ip addr add {NODE_IP}/{ADDRESSES.prefixlen} dev pods
ip link set pods up
mount -t overlay -o "lowerdir=$1:/etc" overlay /etc
echo ready
exec cat
"""

# $1: host name, $2: the bridge's end of the link, $3: address. Process 1 is the keeper, in the namespace of the bridge.
SANDBOX = f"""
set -eu
hostname "$1"
ip link set lo up
ip link add eth0 type veth peer name "$2" netns 1
ip addr add "$3/{ADDRESSES.prefixlen}" dev eth0
ip link set eth0 up
nsenter --target 1 --net ip link set "$2" master pods up
"""


class Hosts:
    """A folder to be mounted, with the hosts file in it: replaced as a whole, so that nobody reads half of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        # Names that are not in the hosts file do not exist: there is no server to ask.
        (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        self.write([])

    def write(self, records: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Make names resolve to these addresses, and no others."""
        lines = [f"{address}\t{' '.join(names)}\n" for address, names in [("127.0.0.1", ["localhost"]), *records]]
        new = self.folder / "hosts.new"
        new.write_text("".join(lines))
        new.chmod(0o644)
        new.replace(self.folder / "hosts")


class Network:
    """The bridge, the processes of all pods and clients, and the names that clients see."""

    def __init__(self, folder: Path) -> None:
        need_root()
        self.folder = folder
        self.hosts = Hosts(folder / "client-dns")
        etc = folder / "client-etc"
        etc.mkdir()
        for name in ("hosts", "nsswitch.conf"):
            (etc / name).symlink_to(self.hosts.folder / name)
        self._numbers = itertools.count(2)
        self._clients: list[subprocess.Popen[str]] = []
        # --mount-proc: the pods find the namespaces of the keeper by its number in its own.
        unshare = ["unshare", "--mount", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"]
        self._keeper = start_and_wait([*unshare, "sh", "-c", KEEPER, "keeper", str(etc)], stdin=subprocess.PIPE)
        self._pid = descendant(self._keeper.pid, 1)

    def close(self) -> None:
        """End everything that runs here."""
        assert self._keeper.stdin
        self._keeper.stdin.close()
        self._keeper.wait(PATIENCE)
        for client in self._clients:
            with client:
                client.kill()

    def enter(self, command: Sequence[str]) -> list[str]:
        """A command line that runs a command in this network, beside the pods."""
        return ["nsenter", "--target", str(self._pid), "--mount", "--net", "--pid", *command]

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a client to its end."""
        return run_bounded(self.enter(command), {"PATH": PATH, **environment}, seconds)

    def spawn(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a client. It ends with the network, or with the thread that started it, at the latest."""
        # No PID namespace of the network, as for others: signals shall reach the client, and nothing before it.
        enter = ["nsenter", "--target", str(self._pid), "--mount", "--net"]
        client = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", *enter, *command],
            env={"PATH": PATH, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._clients.append(client)
        return client

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread opens here belong to a client."""
        with inside_of(self._pid):
            yield

    def sandbox(self, name: str, folder: Path, mounts: Sequence[Sequence[str]]) -> Sandbox:
        """New namespaces for a pod, with an address that none had before."""
        return Sandbox(self, name, next(self._numbers), folder, mounts)


class Sandbox:
    """The namespaces that the containers of one pod share, and the process that keeps them.

    Args:
        network: where it is linked to.
        name: its host name.
        number: of the address.
        folder: for its hosts file.
        mounts: commands that mount what its containers share.
    """

    def __init__(self, network: Network, name: str, number: int, folder: Path, mounts: Sequence[Sequence[str]]) -> None:
        self.address = str(ADDRESSES[number])
        self.hosts = Hosts(folder / "dns")
        self._network = network
        self._link = f"veth{number}"
        script = "\n".join([SANDBOX, *map(shlex.join, mounts), "echo ready", "exec sleep infinity"])
        unshare = ["unshare", "--mount", "--net", "--uts", "--ipc"]
        command = [*unshare, "sh", "-c", script, "sandbox", name, self._link, self.address]
        self._process = start_and_wait(network.enter(command))
        self._pid = descendant(self._process.pid, 1)

    def enter(self, command: Sequence[str]) -> list[str]:
        """A command line that runs a command in these namespaces."""
        return ["nsenter", "--target", str(self._pid), "--mount", "--net", "--uts", "--ipc", "--pid", *command]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread opens here belong to the pod."""
        with inside_of(self._pid):
            yield

    def disconnect(self) -> None:
        """Let every packet to and from the pod be lost."""
        self._ip("link", "set", self._link, "nomaster")

    def connect(self) -> None:
        """Undo `disconnect`."""
        self._ip("link", "set", self._link, "master", "pods")

    def close(self) -> None:
        """Give up the address. Other processes of the pod have ended before."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._process.wait()

    def _ip(self, *arguments: str) -> None:
        self._network.run(["ip", *arguments], {}, 10).check_returncode()


@contextmanager
def inside_of(pid: int) -> Iterator[None]:
    """Sockets that this thread opens here belong to the network of a process."""
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        with inside(namespace):
            yield
    finally:
        os.close(namespace)


def start_and_wait(command: Sequence[str], stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """Start a process that says when it is ready.

    Raises:
        RuntimeError: it said something else.
    """
    process = subprocess.Popen(
        command, env={"PATH": PATH}, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout
    with process.stdout as output:
        first = output.readline()
        if first != "ready\n":
            process.kill()
            process.wait()
            raise RuntimeError(f"{command[0]} failed: {first}{output.read()}")
    return process


def run_bounded(
    command: Sequence[str], environment: Mapping[str, str], seconds: float, owner: int = 0
) -> subprocess.CompletedProcess[str]:
    """Like `subprocess.run`, but when the time is over, all that the command has started ends with it.

    Args:
        command: what to run.
        environment: its variables.
        seconds: how long it may take.
        owner: the user to whom its output belongs, who may then open /dev/stdout.
    """
    (out, its_out), (err, its_err) = os.pipe(), os.pipe()
    for pipe in (its_out, its_err):
        os.fchown(pipe, owner, -1)
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=its_out,
        stderr=its_err,
        text=True,
        start_new_session=True,
    )
    for pipe in (its_out, its_err):
        os.close(pipe)
    process.stdout, process.stderr = os.fdopen(out, errors="replace"), os.fdopen(err, errors="replace")
    try:
        output = process.communicate(timeout=seconds)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return subprocess.CompletedProcess(command, process.returncode, *output)


def descendant(pid: int, generations: int) -> int:
    """The child of a process, or its child, and so on: each has just one."""
    for _ in range(generations):
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pid = int(child)
    return pid

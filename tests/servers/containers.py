"""One container of a fake pod: the command of its manifest, in namespaces and with a root of its own."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from servers.network import PATH, Sandbox, descendant, run_bounded
from servers.volumes import OUTSIDE, Mount, expanded

from constructs_st2.kube.documents import Document

DNS = "/etc/dns"
"""Where a container has its hosts file, behind a symbolic link, so that another can take its place."""

SMALL = {"ERL_AFLAGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"}
"""As in a container with one CPU: Erlang, of servers and of their tools, then starts with a fifth less work. And as
RabbitMQ's guide has it where nodes share CPUs, it does not wait busily."""

# The shortest time between SIGTERM and SIGKILL, whatever the hooks took. See pkg/kubelet/kuberuntime of Kubernetes.
LEAST_GRACE = 2

# `timeout 0` has no time limit: it is there to start the first process of the namespace, and to end the way that does.
# `unshare --fork` complains instead when that process ends by SIGKILL.
NEW_NAMESPACES = ["unshare", "--mount", "--pid", "timeout", "--foreground", "0"]

# $1: a scratch directory, $2: files of the image, $3: what the root is laid over. `{mounts}` and `{lock}` follow from
# the manifest. Standard input is a socket of the test. The new root is in place before anything is mounted there, so
# that a link leads to a path in it.
CONTAINER = """
set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=$3,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
mkdir "$1/root{outside}"
pivot_root "$1/root" "$1/root{outside}"
cd /
cp -a "{outside}$2/." /
ln -sf {dns}/hosts {dns}/nsswitch.conf /etc
mount -t proc proc /proc
mount -t sysfs -o ro sysfs /sys
mount --rbind {outside}/dev /dev
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
{mounts}
umount --lazy {outside}
rmdir {outside}
{lock}
echo ready >&0
read -r go
shift 3
exec "$@" </dev/null
"""


@dataclass(frozen=True)
class Image:
    """What a container finds.

    Args:
        entrypoint: what runs where the manifest has no command.
        environment: variables; those of the manifest win.
        files: programs and other files by path, such as `/usr/local/bin/mongod`; everybody can execute them.
        path: where programs are looked for.
        tree: a folder that is laid over the root as it is, with owners, modes and links.
        root: what all of this is laid over, with a shell and the usual programs: the root of this machine, or another.
    """

    entrypoint: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    path: str = PATH
    tree: Path | None = None
    root: Path = Path("/")


class PodFailed(RuntimeError):
    """A pod did not start."""


class Container:
    """One container of a pod. It can run many times, each time with a new root.

    Args:
        manifest: its entry in the pod.
        image: what stands for its image.
        context: the security context of the pod.
        sandbox: the namespaces of the pod.
        folder: for its files.
        mounts: its volumes.
        environment: the variables that the manifest gives.
    """

    def __init__(
        self,
        manifest: Document,
        image: Image,
        context: Document,
        sandbox: Sandbox,
        folder: Path,
        mounts: Sequence[Mount],
        environment: Mapping[str, str],
    ) -> None:
        self.name: str = manifest["name"]
        self.manifest = manifest
        self.environment = {"PATH": image.path, **SMALL, **image.environment, **environment}
        self.hook: subprocess.CompletedProcess[str] | None = None
        """What came of its preStop hook, if that ended in time."""
        self._security = {**context, **manifest.get("securityContext", {})}
        self._user: int = self._security.get("runAsUser", 0)
        self._privileges = privileges_of(self._security, self.name)
        self._image = image
        self._sandbox = sandbox
        self._folder = folder
        self._mounts = [Mount(sandbox.hosts.folder, DNS, read_only=True), *mounts]
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        # Its first process has no number while it is set up: who signals it meanwhile, waits for that.
        self._setting_up = threading.Lock()
        self._started = False
        for name in ("root", "image"):
            (folder / name).mkdir(parents=True)
        if image.tree:
            subprocess.run(["cp", "-a", f"{image.tree}/.", str(folder / "image")], check=True)
        for path, text in image.files.items():
            target = folder / "image" / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            target.chmod(0o755)
        self._log = folder / "log"
        self._log.touch()

    @property
    def log(self) -> str:
        """What it has written so far, in all its runs."""
        return self._log.read_text(errors="replace")

    @property
    def exit_code(self) -> int | None:
        """How it ended: a status, or the negative number of a signal. None: it runs."""
        return None if self.running else self.wait()

    @property
    def running(self) -> bool:
        """Whether its first process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Run its command.

        Raises:
            PodFailed: it could not be set up.
        """
        with self._setting_up:
            self._start()

    def _start(self) -> None:
        self._started = False
        read, write = os.pipe()
        # Container runtimes give the standard output to the user of the container, who may open /dev/stdout.
        os.fchown(write, self._user, -1)
        self._copying = threading.Thread(target=self._copy, args=[read], daemon=True)
        self._copying.start()
        ours, theirs = socket.socketpair()
        with ours, ours.makefile("rw") as talk, os.fdopen(write, "wb") as output:
            # A session of its own keeps it from the signals that a terminal sends to the tests.
            self._process = subprocess.Popen(
                self._sandbox.enter([*NEW_NAMESPACES, *self._command()]),
                env={"PATH": PATH},
                stdin=theirs.fileno(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            theirs.close()
            output.close()
            if talk.readline() != "ready\n":
                self.wait()
                raise PodFailed(f"container {self.name} was not set up:\n{self.log}")
            # It waits for the answer, because nobody could find its number any more if it ended at once.
            self._pid = descendant(self._process.pid, 2)
            talk.write("go\n")

    def _copy(self, pipe: int) -> None:
        """Write the log. A pipe is what container runtimes give: nobody who opens it anew can truncate it."""
        with os.fdopen(pipe, "rb", buffering=0) as source, self._log.open("ab", buffering=0) as log:
            shutil.copyfileobj(source, log)

    def _command(self) -> list[str]:
        script = CONTAINER.format(
            outside=OUTSIDE,
            dns=DNS,
            mounts="".join(mount.script() for mount in self._mounts),
            lock="mount -o remount,bind,ro /" if self._security.get("readOnlyRootFilesystem") else "",
        )
        command = self.manifest.get("command", self._image.entrypoint)
        words = [expanded(word, self.environment) for word in (*command, *self.manifest.get("args", ()))]
        folders = [str(self._folder / name) for name in ("root", "image")]
        return ["sh", "-c", script, self.name, *folders, str(self._image.root), *self._as_its_user(words)]

    def _as_its_user(self, command: Sequence[str]) -> list[str]:
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        folder = self.manifest.get("workingDir", "/")
        return [*self._privileges, "env", f"--chdir={folder}", "--ignore-environment", *variables, *command]

    def exec(self, command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
        """Run a command beside its own."""
        if not self.running:
            return subprocess.CompletedProcess(command, 1, "", f"container {self.name} does not run")
        namespaces = ["nsenter", "--target", str(self._pid), "--mount", "--net", "--uts", "--ipc", "--pid"]
        return run_bounded([*namespaces, *self._as_its_user(command)], {"PATH": PATH}, seconds, self._user)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its first process."""
        with self._setting_up:
            if self.running:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, number)

    def wait(self, seconds: float | None = None) -> int:
        """The exit code, when it has ended. By then, its log is complete."""
        assert self._process
        code = self._process.wait(seconds)
        self._copying.join()
        return code

    def kill(self) -> None:
        """End all its processes at once."""
        if self._process:
            self.signal(signal.SIGKILL)
            self.wait()

    def stop(self, grace: float) -> None:
        """End it as the kubelet does: the hook, then SIGTERM, and SIGKILL when the time is over."""
        end = time.monotonic() + grace
        if self.running and (hook := self.manifest.get("lifecycle", {}).get("preStop")):
            self.hook = self._hook(hook, grace)
        self.signal(signal.SIGTERM)
        try:
            self.wait(max(LEAST_GRACE, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()

    def _hook(self, hook: Document, grace: float) -> subprocess.CompletedProcess[str] | None:
        match hook:
            case {"exec": {"command": command}}:
                try:
                    return self.exec(command, grace)
                except subprocess.TimeoutExpired:
                    return None
            case {"sleep": {"seconds": seconds}}:
                time.sleep(min(seconds, grace))
                return None
        raise NotImplementedError(f"preStop: {hook}")

    def ready(self) -> bool:
        """Whether it has started and its readiness probe passes."""
        self._started = self.running and (self._started or self.passes("startupProbe"))
        return self._started and self.passes("readinessProbe")

    def passes(self, kind: str) -> bool:
        """Whether a probe passes now. One that the manifest does not have passes while the container runs."""
        probe = self.manifest.get(kind)
        if probe is None or not self.running:
            return self.running
        seconds = probe.get("timeoutSeconds", 1)
        try:
            match probe:
                case {"exec": {"command": command}}:
                    return self.exec(command, seconds).returncode == 0
                case {"tcpSocket": target}:
                    self._connect(target, seconds).close()
                    return True
                case {"httpGet": target}:
                    return 200 <= self._get(target, seconds) < 400
        except (OSError, http.client.HTTPException, subprocess.TimeoutExpired):
            return False
        raise NotImplementedError(f"{kind}: {probe}")

    def _connect(self, target: Document, seconds: float) -> socket.socket:
        ports = {port["name"]: port["containerPort"] for port in self.manifest.get("ports", ()) if "name" in port}
        address = target.get("host", self._sandbox.address), ports.get(target["port"], target["port"])
        # The kubelet is on the node of the pod, so that the loss of the network does not keep it from probing.
        with self._sandbox.inside():
            return socket.create_connection(address, seconds)

    def _get(self, target: Document, seconds: float) -> int:
        connection = http.client.HTTPConnection(self._sandbox.address)
        connection.sock = self._connect(target, seconds)
        try:
            if target.get("scheme", "HTTP") == "HTTPS":
                unverified = ssl._create_unverified_context()
                connection.sock = unverified.wrap_socket(connection.sock, server_hostname=self._sandbox.address)
            headers = {header["name"]: header["value"] for header in target.get("httpHeaders", ())}
            connection.request("GET", target.get("path", "/"), headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()


CAPABILITIES = (
    *("audit_write", "chown", "dac_override", "fowner", "fsetid", "kill", "mknod", "net_bind_service", "net_raw"),
    *("setfcap", "setgid", "setpcap", "setuid", "sys_chroot"),
)
"""What a container runtime grants unless the manifest says otherwise."""


def privileges_of(context: Document, name: str) -> list[str]:
    """The command that takes on the user, the groups and the capabilities of a security context, and runs another.

    Raises:
        ValueError: the user would be root although it must not; the kubelet refuses that as well.
    """
    user = context.get("runAsUser", 0)
    if context.get("runAsNonRoot") and user == 0:
        raise ValueError(f"container {name}: runAsNonRoot, but its user is root")
    groups = [*context.get("supplementalGroups", ()), *([context["fsGroup"]] if "fsGroup" in context else ())]
    return [
        "setpriv",
        f"--reuid={user}",
        f"--regid={context.get('runAsGroup', 0)}",
        f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups",
        "--inh-caps=-all",
        f"--bounding-set={_bounds(context.get('capabilities', {}))}",
        *(["--no-new-privs"] if context.get("allowPrivilegeEscalation") is False else []),
    ]


def _bounds(capabilities: Document) -> str:
    dropped = {name.lower() for name in capabilities.get("drop", ())}
    kept = [] if "all" in dropped else [name for name in CAPABILITIES if name not in dropped]
    added = [name.lower() for name in capabilities.get("add", ())]
    return ",".join(["-all", *(f"+{name}" for name in dict.fromkeys([*kept, *added]))])

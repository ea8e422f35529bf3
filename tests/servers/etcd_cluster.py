"""The cluster's etcd in fake pods: what happens to its members, and what they say of themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from servers.containers import Image
from servers.pods import FakeCluster, Pod
from servers.ports import eventually
from support import Objects

NAME = "st2-etcd"
SERVICE = "http://st2-etcd.stackstorm.svc.cluster.local:2379"


class Etcd:
    """The pods of one cluster.

    Args:
        objects: what is deployed.
        folder: for the files of the pods.
        etcdctl: the client.
        utility: what stands for the small image.
        root: where the server comes from.
    """

    def __init__(self, objects: Objects, folder: Path, etcdctl: str, utility: Image, root: Path = Path("/")) -> None:
        self.utility, self.root = utility, root
        images = {"etcd": Image(root=root), "join": utility, "witness": utility}
        self.cluster = FakeCluster(objects, {}, folder, images=images)
        self._etcdctl = etcdctl

    def start_all(self) -> None:
        self.cluster.start_all(NAME)
        self.wait()

    def wait(self) -> None:
        """Return when all pods are ready; the Service then leads to them."""
        eventually(lambda: all(pod.ready() for pod in self.pods), "all members are ready")
        self.cluster.update_services()

    @property
    def pods(self) -> list[Pod]:
        return [self.cluster.pods[name] for name in sorted(self.cluster.pods)]

    def ctl(self, *arguments: str, endpoint: str = SERVICE) -> str:
        command = [self._etcdctl, f"--endpoints={endpoint}", *arguments]
        done = self.cluster.client(command, {"ETCDCTL_API": "3"})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def leader(self) -> Pod:
        def leads(pod: Pod) -> bool:
            (status,) = json.loads(self.ctl("endpoint", "status", "-w", "json", endpoint=f"http://{pod.ip}:2379"))
            return bool(status["Status"]["leader"] == status["Status"]["header"]["member_id"])

        found: list[Pod] = []

        def one_leads() -> bool:
            found[:] = filter(leads, self.pods)
            return len(found) == 1

        # Members that have much else to do may elect another one at any moment.
        eventually(one_leads, "one member leads")
        return found[0]

    def members(self) -> dict[str, Any]:
        """The URLs for clients of each member, as the cluster lists them."""
        listed: Any = json.loads(self.ctl("member", "list", "-w", "json"))["members"]
        return {each.get("name", ""): each.get("clientURLs", []) for each in listed}

    def kept(self, pod: Pod, key: str) -> str:
        """The value that a member has itself, whatever the others have."""
        options = ["--consistency=s", "--print-value-only"]
        return self.ctl("get", *options, key, endpoint=f"http://{pod.ip}:2379").strip()

    def start(self, ordinal: int) -> Pod:
        return self.cluster.start(NAME, ordinal)

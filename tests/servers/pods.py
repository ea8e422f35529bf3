"""A miniature kubelet: runs pods as the manifests of their workloads say, with the programs of this machine.

A pod has a network namespace with an address of its own, a host name and volumes. Each container in it has a root of
its own, which is laid over the root of this machine or another one (see `Image`), and its command is the first process
of a PID namespace, with the user, groups, capabilities and environment of the manifest. Needs root.

It is not there: images, limits of resources, seccomp, and restarts of containers that end, which are left to the test;
so a Job has one attempt.
"""

from __future__ import annotations

import itertools
import math
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from servers.containers import Container, Image, PodFailed
from servers.network import NODE_IP, Network
from servers.ports import PATIENCE
from servers.volumes import Sources, Volumes, environment_of

from constructs_st2.kube.documents import Document

__all__ = ["FakeCluster", "Image", "Pod", "PodFailed"]

Records = Iterator[tuple[str, Sequence[str]]]


class FakeCluster:
    """Runs pods, in a network of its own with its own names.

    Args:
        objects: the manifests.
        secrets: the keys of Secrets that are not among the manifests.
        folder: for all files: logs, volumes, claims. It must not be there, or be empty.
        images: what containers find that is not the root of this machine alone, by the container's name.
        skip: init containers that do not run.
        init_seconds: how long an init container may take.
        domain: of the cluster.
        image_volumes: the folders that stand for images which are mounted as volumes, by the image's reference.
    """

    def __init__(
        self,
        objects: Sequence[Document],
        secrets: Mapping[str, Mapping[str, str]],
        folder: Path,
        *,
        images: Mapping[str, Image] | None = None,
        skip: Collection[str] = (),
        init_seconds: float = PATIENCE,
        domain: str = "cluster.local",
        image_volumes: Mapping[str, Path] | None = None,
    ) -> None:
        self.pods: dict[str, Pod] = {}
        """The pods that are there, by name."""
        self.images = images or {}
        self.skip = skip
        self.init_seconds = init_seconds
        self.image_volumes = image_volumes or {}
        self.folder = folder
        self._objects = objects
        self._secrets = secrets
        self.domain = domain
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.network = Network(folder / "network")

    def __enter__(self) -> FakeCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all pods and clients at once. The folder stays."""
        self.network.close()
        for pod in list(self.pods.values()):
            pod.kill()

    def start(self, stateful_set: str, ordinal: int, *, blind_for: float = 0) -> Pod:
        """Start a pod: its init containers one after the other, then all containers.

        Args:
            stateful_set: the name of its StatefulSet.
            ordinal: its number there.
            blind_for: seconds in which it finds no other pod's name, as when a DNS server remembers for a while that
                there was none. `math.inf`: until `Pod.see`.

        Raises:
            PodFailed: an init container failed. Then the pod is gone again.
        """
        return self._start(_of_stateful_set(self._workload("StatefulSet", stateful_set), ordinal), blind_for)

    def start_all(self, stateful_set: str, *, blind_for: float = 0) -> list[Pod]:
        """Start all pods of a StatefulSet at the same time."""
        spec = self._workload("StatefulSet", stateful_set)["spec"]
        assert spec.get("podManagementPolicy") == "Parallel", f"{stateful_set} starts its pods one after the other"
        with ThreadPoolExecutor(spec["replicas"]) as threads:
            started = [
                threads.submit(self.start, stateful_set, ordinal, blind_for=blind_for)
                for ordinal in range(spec["replicas"])
            ]
        return [pod.result() for pod in started]

    def deploy(self, deployment: str) -> Pod:
        """Start a pod of a Deployment, with a name that none had before.

        Raises:
            PodFailed: an init container failed. Then the pod is gone again.
        """
        return self._start(_of_workload(self._workload("Deployment", deployment)))

    def run(self, job: str, seconds: float = PATIENCE) -> Pod:
        """Run the pod of a Job to its end, once.

        Args:
            job: the name of the Job.
            seconds: how long its containers may take.

        Returns:
            The pod, which is gone, with its logs.

        Raises:
            PodFailed: one of its containers failed, or took too long.
        """
        pod = self._start(_of_workload(self._workload("Job", job), {"job-name": job}))
        try:
            pod.finish(seconds)
        finally:
            pod.kill()
        return pod

    def _start(self, origin: _Origin, blind_for: float = 0) -> Pod:
        number = next(self._numbers)
        pod = Pod(self, origin, origin.name or f"{origin.workload}-{number}", number)
        try:
            with self._lock:
                assert pod.name not in self.pods, f"{pod.name} is there already"
                self.pods[pod.name] = pod
            if blind_for:
                pod.blind(blind_for)
            self.publish()
            pod.start()
        except BaseException:
            pod.kill()
            raise
        return pod

    def client(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, seconds: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this machine as root, with the network and the names of the cluster."""
        return self.network.run(command, environment or {}, seconds)

    def background(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start such a program. It ends with the cluster, or with the thread that started it, at the latest."""
        return self.network.spawn(command, environment or {})

    def lose_claim(self, pod: str, claim: str) -> None:
        """Lose the disk of a pod, which must not be there."""
        assert pod not in self.pods, f"{pod} uses its claims"
        shutil.rmtree(self.claim(pod, claim))

    def claim(self, pod: str, claim: str) -> Path:
        """Where the files of a claim are that a StatefulSet has made for a pod."""
        return self.claim_named(f"{claim}-{pod}")

    def claim_named(self, name: str) -> Path:
        """Where the files of a claim are."""
        return self.folder / "claims" / name

    def apply(self, objects: Sequence[Document]) -> None:
        """Take other manifests. Pods that run see the new content of ConfigMaps and Secrets."""
        self._objects = objects
        for pod in list(self.pods.values()):
            pod.refresh()
        self.publish()

    def update_services(self) -> None:
        """Look which pods are ready, and let the names of Services lead to those."""
        pods = list(self.pods.values())
        with ThreadPoolExecutor(max(1, len(pods))) as threads:
            for pod, ready in zip(pods, threads.map(Pod.ready, pods), strict=True):
                pod.serving = ready and not pod.terminating
        self.publish()

    def publish(self) -> None:
        """Give every pod and client the names as they are now."""
        with self._lock:
            records = list(self._records())
            self.network.hosts.write(records)
            for pod in self.pods.values():
                long = self._names(f"{pod.name}.{pod.subdomain}", pod.namespace) if pod.subdomain else []
                itself = pod.ip, [*long, pod.name]
                others = [(ip, names) for ip, names in records if names[0] != pod.host]
                pod.sandbox.hosts.write([itself, *(others if pod.sees_others else [])])

    def remove(self, pod: Pod) -> None:
        """Forget a pod and its names."""
        with self._lock:
            if self.pods.get(pod.name) is pod:
                del self.pods[pod.name]
        self.publish()

    def sources(self) -> Sources:
        """The ConfigMaps and Secrets."""
        return Sources(self._objects, self._secrets)

    def _workload(self, kind: str, name: str) -> Document:
        (found,) = (each for each in self._objects if (each["kind"], each["metadata"]["name"]) == (kind, name))
        return found

    def _records(self) -> Records:
        """Names by address: every pod's own first, so that an address leads back to the name of its pod."""
        services = [each for each in self._objects if each["kind"] == "Service"]
        reached = [
            (each["metadata"]["name"], pod) for each in services for pod in self.pods.values() if pod.behind(each)
        ]
        for service, pod in reached:
            if service == pod.subdomain:
                yield pod.ip, self._names(f"{pod.name}.{service}", pod.namespace)
        for service, pod in reached:
            yield pod.ip, self._names(service, pod.namespace)

    def _names(self, name: str, namespace: str) -> list[str]:
        """A name in all lengths that the search domains of a pod allow for, the full one first."""
        return [
            f"{name}{rest}" for rest in (f".{namespace}.svc.{self.domain}", f".{namespace}.svc", f".{namespace}", "")
        ]


@dataclass(frozen=True)
class _Origin:
    """What a pod is made of.

    ``name``: where pods have names of their own choice, the pod's. ``claims``: the names of claims that are made for
    it, by the volume.
    """

    workload: str
    namespace: str
    template: Document
    labels: Mapping[str, str]
    name: str = ""
    subdomain: str = ""
    claims: Mapping[str, str] = field(default_factory=dict)


def _of_workload(workload: Document, labels: Mapping[str, str] | None = None) -> _Origin:
    metadata = workload["metadata"]
    return _Origin(
        metadata["name"], metadata.get("namespace", "default"), workload["spec"]["template"], dict(labels or {})
    )


def _of_stateful_set(stateful_set: Document, ordinal: int) -> _Origin:
    name = f"{stateful_set['metadata']['name']}-{ordinal}"
    spec = stateful_set["spec"]
    claims = [each["metadata"]["name"] for each in spec.get("volumeClaimTemplates", ())]
    return replace(
        _of_workload(
            stateful_set, {"apps.kubernetes.io/pod-index": str(ordinal), "statefulset.kubernetes.io/pod-name": name}
        ),
        name=name,
        subdomain=spec["serviceName"],
        claims={claim: f"{claim}-{name}" for claim in claims},
    )


class Pod:
    """A pod. When it is killed or stopped it is gone: start another of that name."""

    def __init__(self, cluster: FakeCluster, origin: _Origin, name: str, number: int) -> None:
        self.name = name
        self.namespace = origin.namespace
        self.subdomain = origin.subdomain
        self.host = f"{name}.{self.subdomain}.{self.namespace}.svc.{cluster.domain}" if self.subdomain else name
        self.serving = False
        """Whether Services lead to it, since `FakeCluster.update_services` saw that it was ready."""
        self.terminating = False
        self.started = False
        self._killed = False
        self.sees_others = True
        self.containers: dict[str, Container] = {}
        """Those that have been started, by name."""
        self._cluster = cluster
        self._spec: Document = origin.template["spec"]
        self._labels = {**origin.template["metadata"].get("labels", {}), **origin.labels}
        self._annotations: dict[str, str] = origin.template["metadata"].get("annotations", {})
        self._folder = cluster.folder / "pods" / f"{self.name}.{number}"
        self._sight: threading.Timer | None = None
        self._volumes = Volumes(
            self._spec,
            self._folder / "volumes",
            {volume: cluster.claim_named(claim) for volume, claim in origin.claims.items()},
            cluster.sources(),
            cluster.claim_named,
            cluster.image_volumes,
        )
        self.sandbox = cluster.network.sandbox(self.name, self._folder, [*self._volumes.in_memory()])
        self.ip = self.sandbox.address

    def start(self) -> None:
        """Run the init containers, then start the others. For `FakeCluster.start`."""
        for manifest in self._spec.get("initContainers", ()):
            if manifest["name"] not in self._cluster.skip:
                self._run_to_end(self._container(manifest))
        for manifest in self._spec["containers"]:
            self._container(manifest).start()
            if self._killed:
                raise PodFailed(f"{self.name} was killed while it was started")
        self.started = True

    def finish(self, seconds: float) -> None:
        """Wait for the end of all containers. For `FakeCluster.run`."""
        for container in self._main():
            self._await_end(container, seconds)

    def _run_to_end(self, container: Container) -> None:
        container.start()
        self._await_end(container, self._cluster.init_seconds)

    def _await_end(self, container: Container, seconds: float) -> None:
        try:
            status = container.wait(seconds)
        except subprocess.TimeoutExpired as error:
            container.kill()
            raise PodFailed(f"{self.name}: {container.name} took too long:\n{container.log}") from error
        if status:
            raise PodFailed(f"{self.name}: {container.name} failed with {status}:\n{container.log}")

    def kill(self) -> None:
        """End all its processes at once. Its name and address are gone, its claims stay.

        Its peers see that their connections end. They do not when it was isolated before: that is a lost node.
        """
        self._killed = True
        self._cluster.remove(self)
        containers = list(self.containers.values())
        for container in containers:
            container.signal(signal.SIGKILL)
        for container in containers:
            container.kill()
        self._close()

    def stop(self, grace: float | None = None) -> float:
        """Delete it: every container has its hook run, then gets SIGTERM, and SIGKILL when the time is over.

        The containers do not wait for each other, so that one without a hook ends while the hook of another runs.

        Args:
            grace: seconds, instead of those of the manifest.

        Returns:
            How many seconds it took.
        """
        if grace is None:
            grace = self._spec.get("terminationGracePeriodSeconds", 30)
        begin = time.monotonic()
        self.terminating, self.serving = True, False
        self._cluster.publish()
        with ThreadPoolExecutor(len(self.containers)) as threads:
            list(threads.map(lambda container: container.stop(grace), self.containers.values()))
        self._cluster.remove(self)
        self._close()
        return time.monotonic() - begin

    def _close(self) -> None:
        if self._sight:
            self._sight.cancel()
        self.sandbox.close()

    def exec(
        self, container: str, command: Sequence[str], seconds: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a container, as `kubectl exec` does."""
        return self.containers[container].exec(command, seconds)

    def log(self, container: str) -> str:
        """What a container has written so far."""
        return self.containers[container].log

    def logs(self) -> str:
        """What all containers have written so far."""
        return "\n".join(f"--- {self.name} {each.name}\n{each.log}" for each in self.containers.values())

    def ready(self) -> bool:
        """Whether all containers are ready: their startup probes have passed, their readiness probes pass now."""
        return self.started and all(each.ready() for each in self._main())

    def live(self) -> bool:
        """Whether all containers run and their liveness probes pass now."""
        return self.started and all(each.passes("livenessProbe") for each in self._main())

    def _main(self) -> list[Container]:
        return [self.containers[each["name"]] for each in self._spec["containers"]]

    def exit_code(self, container: str) -> int | None:
        """How a container ended: a status, or the negative number of a signal. None: it runs."""
        return self.containers[container].exit_code

    def signal(self, container: str, number: signal.Signals) -> None:
        """Send a signal to the first process of a container, such as SIGSTOP: it hangs."""
        self.containers[container].signal(number)

    def kill_container(self, container: str) -> None:
        """Let a container crash. It stays down until `restart_container`."""
        self.containers[container].kill()

    def restart_container(self, container: str) -> None:
        """Start a container again, with a new root and the same volumes. One that runs is killed before."""
        self.containers[container].kill()
        self.containers[container].start()

    def isolate(self) -> None:
        """Part it from all others: every packet is lost. Its own probes and `exec` work on."""
        self.sandbox.disconnect()

    def reconnect(self) -> None:
        """Undo `isolate`."""
        self.sandbox.connect()

    def blind(self, seconds: float = math.inf) -> None:
        """Hide the names of all others from it, for some time or until `see`."""
        self.sees_others = False
        self._cluster.publish()
        if seconds < math.inf:
            self._sight = threading.Timer(seconds, self.see)
            self._sight.daemon = True
            self._sight.start()

    def see(self) -> None:
        """Let it find the names of the others."""
        self.sees_others = True
        self._cluster.publish()

    def behind(self, service: Document) -> bool:
        """Whether the names of a Service lead to it."""
        spec, namespace = service["spec"], service["metadata"].get("namespace", "default")
        return (
            namespace == self.namespace
            and "selector" in spec
            and spec["selector"].items() <= self._labels.items()
            and (self.serving or spec.get("publishNotReadyAddresses", False))
        )

    def refresh(self) -> None:
        """Bring the files of ConfigMaps and Secrets up to date."""
        self._volumes.refresh(self._cluster.sources())

    def _container(self, manifest: Document) -> Container:
        name = manifest["name"]
        if "restartPolicy" in manifest:
            raise NotImplementedError(f"container {name}: restartPolicy")
        self.containers[name] = Container(
            manifest,
            self._cluster.images.get(name, Image()),
            self._spec.get("securityContext", {}),
            self.sandbox,
            self._folder / "containers" / name,
            self._volumes.mounts(manifest),
            environment_of(manifest, self._facts(), self._cluster.sources()),
        )
        return self.containers[name]

    def _facts(self) -> dict[str, str]:
        """What an environment variable can take from the pod."""
        return {
            "metadata.name": self.name,
            "metadata.namespace": self.namespace,
            "metadata.uid": self._folder.name,
            "spec.nodeName": "node",
            "spec.serviceAccountName": self._spec.get("serviceAccountName", "default"),
            "status.hostIP": NODE_IP,
            "status.podIP": self.ip,
            **{f"metadata.labels['{name}']": value for name, value in self._labels.items()},
            **{f"metadata.annotations['{name}']": value for name, value in self._annotations.items()},
        }

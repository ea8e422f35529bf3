"""`constructs-st2 doctor` on a real API server, behind which a kubelet says what a test wants."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers.kube_apiserver import Kubectl
from support import Objects, Synth

from constructs_st2.commands import cli
from constructs_st2.kube.documents import Document
from constructs_st2.kube.yaml_text import yaml_text

from . import states
from .kubelet import Kubelet, kubelet

Doctor = Callable[..., tuple[int, str]]


class Cluster:
    """An API server, what it holds, and the kubelet behind it."""

    def __init__(self, kubectl: Kubectl, node: Kubelet) -> None:
        self.kubectl = kubectl
        self.kubelet = node

    def put(self, documents: list[Document]) -> None:
        """Make objects that are not there, or change them."""
        for each in documents:
            self.kubectl.server.apply(each)
        self.set([each for each in documents if "status" in each])

    def set(self, documents: list[Document]) -> None:
        """Set the status of objects."""
        for each in documents:
            self.kubectl.server.apply(_only_status(each), "status")

    def node(self, number: int) -> Document:
        """A node that is ready, with the kubelet."""
        node = states.node(number)
        node["status"]["addresses"] = [{"type": "InternalIP", "address": self.kubelet.address}]
        node["status"]["daemonEndpoints"] = {"kubeletEndpoint": {"Port": self.kubelet.port}}
        return node

    def delete(self, *what: str) -> None:
        """Delete an object."""
        self.kubectl.must("-n", states.NAMESPACE, "delete", "--force", "--grace-period=0", *what)


def _only_status(document: Document) -> Document:
    metadata = {key: document["metadata"][key] for key in ("name", "namespace") if key in document["metadata"]}
    return {**{key: document[key] for key in ("apiVersion", "kind", "status")}, "metadata": metadata}


@pytest.fixture(scope="module")
def objects(synth: Synth) -> Objects:
    return synth()


@pytest.fixture(scope="module")
def empty(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One with nodes and a storage class."""
    with kubelet(tmp_path_factory.mktemp("kubelet")) as node:
        made = Cluster(kubectl, node)
        made.put([*(made.node(number) for number in (1, 2, 3)), states.storage_class()])
        # The controller of nodes does so, once they are ready.
        kubectl.must("taint", "nodes", "--all", "node.kubernetes.io/not-ready-")
        yield made


@pytest.fixture
def doctor(
    empty: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    """Runs it in an empty folder, inside this process: its status, and what it prints."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "kubectl"
    variables = {**empty.kubectl.server.for_kubectl(), "KUBECACHEDIR": empty.kubectl.environment["KUBECACHEDIR"]}
    reach = " ".join(f"{name}={value}" for name, value in variables.items())
    program.write_text(
        f"#!/bin/sh\nexport HOME=/nonexistent {reach}\n"
        f'exec {empty.kubectl.program} ${{TEST_USER:+--as=$TEST_USER}} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    for name in ("ST2_VALUES", "ST2_RELEASE", "ST2_NAMESPACE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, values: dict[str, Any] | None = None) -> tuple[int, str]:
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(values or {}))
        monkeypatch.setattr(sys, "argv", ["constructs-st2", "doctor", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, said.out or said.err

    return run


def told(report: str, subject: str) -> str:
    """What is said of a subject, in one line."""
    found = re.search(rf"^  {re.escape(subject)}\s(.*(?:\n   .*)*)", report, re.MULTILINE)
    assert found, report
    return " ".join(found[1].split())


class TestBeforeAnApply:
    def test_nothing_is_wrong(self, doctor: Doctor) -> None:
        status, said = doctor()
        assert status == 0, said
        assert said.startswith("st2 in stackstorm: Kubernetes 1.")
        assert "3 nodes, nothing of it has been applied yet; nothing is wrong" in said
        assert "the namespace stackstorm does not exist yet" in said

    def test_what_values_need(self, doctor: Doctor) -> None:
        values = {
            "image": {"pullSecret": "registry"},
            "st2api": {"autoscaling": {"enabled": True}, "envFromSecrets": ["tokens"]},
            "st2web": {"tls": {"certManager": {"issuerRef": {"name": "ca"}}}},
            "mongodb": {"persistence": {"storageClass": "gone"}, "resources": {"requests": {"memory": "40Gi"}}},
            "monitoring": {"enabled": True, "rules": {"enabled": True}},
        }
        status, said = doctor(values=values)
        assert status == 3
        assert "st2api.envFromSecrets[0] names it" in told(said, "Secret tokens")
        assert "kubectl -n stackstorm create secret generic registry --from-file=.dockerconfigjson=FILE" in said
        assert "does not know Certificate" in told(said, "cert-manager")
        assert "does not know PrometheusRule" in told(said, "Prometheus Operator")
        assert "asks for" in told(said, "st2-mongodb")
        assert "no node has as much" in told(said, "st2-mongodb")
        assert "is not there; volumes of st2-mongodb" in told(said, "StorageClass gone")
        assert "controllers" not in said, "whoever may see all has them looked at, in all namespaces"

    def test_whoever_may_see_nothing_is_told_so(self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TEST_USER", "nobody")
        status, said = doctor()
        assert status == 0
        assert "nothing is wrong, as far as could be seen" in said
        assert "applied" not in said.splitlines()[0]
        assert "you may not list nodes" in told(said, "nodes")
        assert "you may not get secrets" in told(said, "secrets")

    def test_whoever_may_make_nothing_for_the_whole_cluster(
        self, empty: Cluster, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        tenant = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "tenant"}
        metadata = {"name": "tenant", "namespace": "lent"}
        empty.put(
            [
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lent"}},
                {**rbac, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [tenant]},
            ]
        )
        monkeypatch.setenv("TEST_USER", "tenant")
        values: dict[str, Any] = {"namespace": {"create": False}}
        said = told(doctor("--namespace", "lent", values=values)[1], "admission (a dry run of everything)")
        assert "you may not get priorityclasses" in said
        keys = "namespace.protectData: false, scheduling.priorityClasses.create: false"
        assert f"whoever applies it must, or set {keys}" in said
        values = {
            "namespace": {"create": False, "protectData": False},
            "scheduling": {"priorityClasses": {"create": False}},
        }
        status, report = doctor("--namespace", "lent", values=values)
        assert (status, "admission" in report) == (0, False), "all that is left can be applied"

    def test_pods_that_the_cluster_would_refuse(self, empty: Cluster, doctor: Doctor) -> None:
        """Nobody looks at the pods of a workload before they are made."""
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": "refusing"}}
        limits = [{"type": "Container", "max": {"memory": "1Gi"}}]
        empty.put(
            [
                {
                    "apiVersion": "v1",
                    "kind": "Namespace",
                    "metadata": {"name": "refusing", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
                },
                {**quota, "spec": {"hard": {"requests.memory": "2Gi"}}},
                {
                    "apiVersion": "v1",
                    "kind": "LimitRange",
                    "metadata": {"name": "limits", "namespace": "refusing"},
                    "spec": {"limits": limits},
                },
            ]
        )
        values = {"namespace": {"create": False}, "st2api": {"podSecurityContext": {"runAsNonRoot": False}}}
        status, said = doctor("--namespace", "refusing", values=values)
        assert status == 3
        assert "the release needs" in told(said, "ResourceQuota small")
        assert "maximum memory usage per Container is 1Gi" in said
        assert "serviceaccount" not in said, "it comes with the same apply"


@pytest.fixture(scope="module")
def applied(empty: Cluster, objects: Objects) -> Cluster:
    """One in which the release runs, and all is well."""
    namespace, *others = objects
    empty.put([namespace])
    empty.kubectl.must("apply", "-f", "-", given=yaml_text(others))
    empty.put([*states.pods(objects), *states.claims(objects)])
    empty.set(list(states.statuses(objects)))
    return empty


@pytest.fixture(scope="module")
def secrets(applied: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the Secrets hold, by name and key."""
    code = "from constructs_st2.commands.entry import main; main()"
    command = [sys.executable, "-c", code, "secrets", "generate"]
    folder = tmp_path_factory.mktemp("secrets")
    text = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    applied.kubectl.must("create", "-f", "-", given=text)
    return {each["metadata"]["name"]: each["stringData"] for each in yaml.safe_load_all(text)}


def pod_of(objects: Objects, name: str) -> Document:
    """A pod that is well."""
    return next(each for each in states.pods(objects) if each["metadata"]["name"].startswith(name))


def not_ready(pod: Document, *containers: Document, init: tuple[Document, ...] = (), **fields: object) -> Document:
    """A pod some of whose containers are as given."""
    status = pod["status"]
    for key, given in (("initContainerStatuses", init), ("containerStatuses", containers)):
        changed = {each["name"]: each for each in given}
        status[key] = [changed.get(each["name"], each) for each in status[key]]
    ready, *others = status["conditions"]
    return {**pod, "status": {**status, "conditions": [{**ready, "status": "False"}, *others], **fields}}


@pytest.mark.usefixtures("secrets")
class TestAfterAnApply:
    def test_nothing_is_wrong(self, applied: Cluster, doctor: Doctor) -> None:
        assert applied.kubelet.port
        status, said = doctor()
        assert status == 0, said
        assert re.search(r"(\d+) of \1 pods ready; nothing is wrong", said)
        assert "Not looked at" in said, "nobody can run commands in these pods"

    def test_a_bad_day(self, applied: Cluster, doctor: Doctor, objects: Objects) -> None:
        self.members_without_majority(applied, objects)
        self.containers_that_do_not_run(applied, objects)
        job = self.a_job_that_failed(applied, objects)
        applied.kubelet.volumes["data-st2-rabbitmq-0"] = (97, 100)
        lost = applied.node(3)
        lost["status"]["conditions"][0]["status"] = "Unknown"
        applied.set([lost])
        status, said = doctor()
        assert status == 3
        # Members, and who waits for them.
        assert "1 of 3 members are ready, and 2 are a majority" in told(said, "MongoDB")
        assert "MongoDB 7.0 wrote the data, and MongoDB 6.0 cannot read it" in told(said, "st2-mongodb-1")
        assert "is not ready: Readiness probe failed: not primary or secondary" in told(said, "mongodb")
        assert "reconcile: no majority of members answers" in told(said, "mongodb")
        assert "waits for MongoDB (2 pods" in told(said, "st2api")
        assert "still waiting for mongodb (30 s of 600)" in told(said, "st2api")
        first, second = said.index("st2-mongodb-1"), said.index("waits for MongoDB")
        assert first < said.index("are a majority") < second, "causes come first"
        # What does not run.
        assert "cannot pull" in told(said, "st2scheduler")
        assert "not found" in told(said, "st2scheduler")
        assert "st2web ends with code 1" in told(said, "st2web")
        assert "nginx: [emerg] host not found in upstream" in told(said, "st2web")
        assert "kubectl -n stackstorm logs st2-st2web-x0 -c st2web --previous" in said
        assert "out of memory: raise its limit" in told(said, "st2notifier")
        assert "no node takes it: 0/3 nodes are available" in told(said, "st2client")
        assert "failed: it is over: pack aws: its config has no key region" in told(said, f"Job {job}")
        assert "1 node of 3 not ready: node3" in told(said, "Nodes")
        if applied.kubelet.address != "127.0.0.1":
            assert "97% of its volume is used" in told(said, "Claim data-st2-rabbitmq-0")

    @staticmethod
    def members_without_majority(cluster: Cluster, objects: Objects) -> None:
        """One was stopped by the guard, one is not ready; two services wait for them."""
        guard = states.ended("guard-data", 1, "MongoDB 7.0 wrote the data, and MongoDB 6.0 cannot read it", "Error")
        init = (guard, states.waiting("prepare", "PodInitializing"))
        starting = [states.waiting(each, "PodInitializing") for each in ("mongodb", "reconcile")]
        server = states.running("mongodb", ready=False)
        few = next(each for each in states.statuses(objects) if each["metadata"]["name"] == "st2-mongodb")
        few["status"] |= {"readyReplicas": 1, "availableReplicas": 1}
        waits = (states.running("wait-for-mongodb", ready=False),)
        rest = [states.waiting(name, "PodInitializing") for name in ("wait-for-rabbitmq", "wait-for-redis")]
        services = ("st2-st2api-x0", "st2-st2api-x1")
        cluster.set(
            [
                few,
                not_ready(pod_of(objects, "st2-mongodb-1"), *starting, init=init),
                not_ready(pod_of(objects, "st2-mongodb-2"), server),
                *(
                    not_ready(pod_of(objects, each), states.waiting("st2api", "Waiting"), init=(*waits, *rest))
                    for each in services
                ),
            ]
        )
        for each in services:
            cluster.kubelet.logs[each, "wait-for-mongodb"] = "waiting\nstill waiting for mongodb (30 s of 600)\n"
        cluster.kubelet.logs["st2-mongodb-2", "mongodb"] = "Waiting for connections\n"
        cluster.kubelet.logs["st2-mongodb-2", "reconcile"] = "reconcile: no majority of members answers\n"
        probe = "Readiness probe failed: not primary or secondary"
        cluster.put([states.event("Pod", "st2-mongodb-2", "Unhealthy", probe)])

    @staticmethod
    def containers_that_do_not_run(cluster: Cluster, objects: Objects) -> None:
        """An image that is not there, a crash, one without memory, and a pod without a node."""
        message = 'Back-off pulling image "stackstorm/st2scheduler:3.9": not found'
        unknown = states.waiting("st2scheduler", "ImagePullBackOff", message)
        schedulers = [each for each in states.pods(objects) if "st2scheduler" in each["metadata"]["name"]]
        end = states.ended("st2web", 1, reason="Error")
        crashed = states.waiting("st2web", "CrashLoopBackOff", "back-off 5m0s restarting", end, 7)
        end = states.ended("st2notifier", 137, reason="OOMKilled")
        killed = states.waiting("st2notifier", "CrashLoopBackOff", last=end, restarts=3)
        pending = not_ready(pod_of(objects, "st2-st2client-x0"), phase="Pending")
        message = "0/3 nodes are available: 3 Insufficient cpu."
        pending["status"]["conditions"][1] = {"type": "PodScheduled", "status": "False", "message": message}
        cluster.set(
            [
                *(not_ready(each, unknown) for each in schedulers),
                not_ready(pod_of(objects, "st2-st2web-x0"), crashed),
                not_ready(pod_of(objects, "st2-st2notifier-x0"), killed),
                pending,
            ]
        )
        cluster.kubelet.previous["st2-st2web-x0", "st2web"] = "starting\nnginx: [emerg] host not found in upstream\n"
        cluster.kubelet.logs["st2-st2web-x0", "st2web"] = "starting\n"

    @staticmethod
    def a_job_that_failed(cluster: Cluster, objects: Objects) -> str:
        """Its name. What has ended well cannot fail any more, so it is another one."""
        job = objects.begins("Job", "st2-job-register-content")
        name: str = job["metadata"]["name"]
        cluster.delete("job", name)
        status = states.job_status("FailureTarget", "Failed", reason="BackoffLimitExceeded", message="it is over")
        cluster.put([{**job, "status": {**status, "failed": 7}}])
        pod = pod_of(objects, name)
        cluster.set([not_ready(pod, states.ended("register-content", 2, reason="Error"), phase="Failed")])
        cluster.kubelet.logs[pod["metadata"]["name"], "register-content"] = "pack aws: its config has no key region\n"
        return name


class TestSupport:
    """Nothing of a secret is in the folder, wherever the secret was."""

    RANDOM = "zQ9vTr4xLm2KpW7s"
    WORDS = "correct horse battery"
    PEM = "MIIBVgIBADANBgkqhkiG9w0BAQEF"
    PUBLIC = frozenset({"ST2_AUTH_USERNAME", "tls.crt", "public_key"})

    def put_secrets_everywhere(self, cluster: Cluster, objects: Objects, root: str, redis: str) -> None:
        labels = {"app.kubernetes.io/instance": "st2"}
        config = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "notes", "namespace": states.NAMESPACE, "labels": labels},
            "data": {
                "app.ini": f"[db]\nuser = me\npassword = {self.WORDS}\n",
                "API_TOKEN": self.RANDOM,
                "key.pem": f"-----BEGIN PRIVATE KEY-----\n{self.PEM}\nQUJD\n-----END PRIVATE KEY-----\n",
                "harmless": "log_level = debug",
            },
        }
        # Notes the whole of it in an annotation.
        cluster.kubectl.must("apply", "-f", "-", given=yaml_text([config]))
        pod = not_ready(pod_of(objects, "st2-st2web-x0"), states.running("st2web", ready=False))
        noted = {"note.example.org/login": f"mongodb://root:{root}@st2-mongodb:27017"}
        main = {**pod["spec"]["containers"][0], "env": [{"name": "SMTP_PASSWORD", "value": self.WORDS}]}
        main["command"] = ["run", "--password", self.WORDS]
        metadata = {**pod["metadata"], "name": "extra", "annotations": noted}
        cluster.put([{**pod, "metadata": metadata, "spec": {**pod["spec"], "containers": [main]}}])
        cluster.kubelet.logs["extra", "st2web"] = (
            f"connecting with {redis}\nlogin: {root}\nGET /?token={self.RANDOM}\npassword={self.WORDS}\nall is well\n"
        )
        cluster.put([states.event("Pod", "extra", "Unhealthy", f"probe failed: http://me:{self.RANDOM}@host/")])

    def test_no_secret_is_in_it(
        self,
        applied: Cluster,
        doctor: Doctor,
        objects: Objects,
        tmp_path: Path,
        secrets: dict[str, dict[str, str]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # Those that are not well come first.
        monkeypatch.setattr("constructs_st2.commands.doctor.support._MOST_PODS", 12)
        root, redis = secrets["st2-mongodb"]["mongodb-root-password"], secrets["st2-redis"]["redis-password"]
        self.put_secrets_everywhere(applied, objects, root, redis)
        folder = tmp_path / "support"
        _, said = doctor("--support", str(folder))
        everything = said + "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
        assert (folder / "logs" / "extra" / "st2web.log").read_text().count("<hidden>") >= 4
        assert "all is well" in everything
        assert "log_level = debug" in everything
        assert "mongodb-root-password" in (folder / "secrets.txt").read_text()
        for secret in (self.RANDOM, self.WORDS, self.PEM):
            assert secret not in everything
        for name, keys in secrets.items():
            for key, value in keys.items():
                if key not in self.PUBLIC:
                    assert value not in everything, f"{name}, {key}"
        assert "last-applied-configuration" not in everything
        assert not list(folder.rglob("*secrets*.json"))

    def test_a_folder_that_holds_something_is_left_alone(self, doctor: Doctor, tmp_path: Path) -> None:
        status, said = doctor("--support", str(tmp_path))
        assert status == 1
        assert "is not empty; name a new folder" in said

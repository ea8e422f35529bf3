"""`constructs-st2 try`: with a stub of kind, a real API server, and objects whose status the tests set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from servers.kube_apiserver import Kubectl

from constructs_st2.commands.trying import cli, providers
from constructs_st2.commands.trying.cli import try_out
from constructs_st2.commands.trying.progress import progress
from constructs_st2.errors import UserError

NAMESPACE = "stackstorm"
KIND = """\
#!/bin/sh
set -eu
echo "$*" >> calls
case "$1 $2" in
"get clusters") cat clusters ;;
"create cluster") cp "$API_SERVER" "$KUBECONFIG"; echo "$4" > clusters ;;
"export kubeconfig") cp "$API_SERVER" "$KUBECONFIG" ;;
"delete cluster") : > clusters ;;
*) exit 1 ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs are a stub of kind, and what else the PATH has."""
    kind = tmp_path / "bin" / "kind"
    kind.parent.mkdir()
    kind.write_text(KIND)
    kind.chmod(0o755)
    (tmp_path / "clusters").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(kind.parent), prepend=":")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setattr(cli, "_PAUSE", 0.1)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(try_out, arguments, catch_exceptions=False)


def status_of(document: Mapping[str, Any], failing: str) -> dict[str, Any]:
    """What controllers would say of an object once all its pods are ready, or a Job has ended."""
    if document["kind"] == "Job":
        ended = "Failed" if failing and failing in document["metadata"]["name"] else "Complete"
        before = {"Failed": "FailureTarget", "Complete": "SuccessCriteriaMet"}[ended]
        now = "2026-01-01T00:00:00Z"
        said = {"status": "True", "reason": "Test", "lastProbeTime": now, "lastTransitionTime": now}
        conditions = [{"type": kind, **said} for kind in (before, ended)]
        times = {"startTime": now, **({"completionTime": now} if ended == "Complete" else {})}
        return {"conditions": conditions, "succeeded": int(ended == "Complete"), **times}
    replicas = document["spec"]["replicas"]
    counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), replicas)
    return {"observedGeneration": document["metadata"]["generation"], **counts}


KINDS = (("apps", "deployments", "Deployment"), ("apps", "statefulsets", "StatefulSet"), ("batch", "jobs", "Job"))
Controllers = Callable[..., None]


@pytest.fixture
def controllers(kubectl: Kubectl) -> Iterator[Controllers]:
    """Starts to make all workloads ready, as far as the test says so."""
    end = threading.Event()
    threads = []

    def act(failing: str) -> None:
        server, acted = kubectl.server, ""
        while not end.wait(0.1):
            if (revision := server.revision()) == acted:
                continue
            acted = revision
            for group, plural, kind in KINDS:
                base = f"/apis/{group}/v1/namespaces/{NAMESPACE}/{plural}"
                for each in server.request("GET", base)[1].get("items", []):
                    status = status_of({**each, "kind": kind}, failing)
                    if status.items() <= each["status"].items():
                        continue
                    whole = {**each, "apiVersion": f"{group}/v1", "kind": kind, "status": status}
                    server.request("PUT", f"{base}/{each['metadata']['name']}/status", whole)

    def start(failing: str = "") -> None:
        threads.append(threading.Thread(target=act, args=(failing,)))
        threads[-1].start()

    yield start
    end.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def reachable(kubectl: Kubectl, machine: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:  # noqa: ARG001
    for name, value in kubectl.server.for_kubectl().items():
        monkeypatch.setenv("API_SERVER" if name == "KUBECONFIG" else name, value)
    monkeypatch.setenv("PATH", str(kubectl.program.parent), prepend=":")
    kubectl("create", "namespace", NAMESPACE)
    password = {"stringData": {"ST2_AUTH_PASSWORD": "opensesame"}}
    metadata = {"name": "st2-st2-auth", "namespace": NAMESPACE}
    kubectl.server.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **password})
    return kubectl


@pytest.mark.usefixtures("reachable")
def test_from_nothing_to_a_password_and_away_again(controllers: Controllers, machine: Path) -> None:
    controllers()
    result = run("--no-forward")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert any("objects are applied" in line for line in lines)
    assert "its smoke test has passed" in result.output
    assert "Password         opensesame" in lines
    assert (machine / "calls").read_text().splitlines() == [
        "get clusters",
        "create cluster --name st2-try --wait 180s",
    ]
    # It is there now: nothing is created, and nothing changes.
    assert run("--no-forward").exit_code == 0
    assert (machine / "calls").read_text().splitlines()[-1] == "export kubeconfig --name st2-try"
    assert run("--delete").exit_code == 0
    assert (machine / "calls").read_text().splitlines()[-1] == "delete cluster --name st2-try"
    assert not any((machine / "state").rglob("kubeconfig"))


def test_what_the_user_sets_lies_over_the_small_cluster(
    reachable: Kubectl, controllers: Controllers, machine: Path
) -> None:
    (machine / "mine.yaml").write_text("st2actionrunner: {replicas: 3}\n")
    controllers()
    assert run("--no-forward", "-f", "mine.yaml", "--set", "st2api.replicas=2").exit_code == 0
    path = "jsonpath={.items[*].metadata.name}={.items[*].spec.replicas}"
    found = reachable.must("get", "deployments", "-n", NAMESPACE, "-o", path)
    names, _, replicas = found.partition("=")
    by_name = dict(zip(names.split(), replicas.split(), strict=True))
    assert (by_name["st2-st2actionrunner"], by_name["st2-st2api"], by_name["st2-st2stream"]) == ("3", "2", "1")


@pytest.mark.usefixtures("reachable")
def test_a_job_that_fails_ends_it_with_the_reason(controllers: Controllers) -> None:
    controllers(failing="smoke-test")
    with pytest.raises(UserError, match=r"the Job st2-job-smoke-test-[0-9a-f]+ has failed; what it says:"):
        run("--no-forward", "--set", "image.pullPolicy=Always")


@pytest.mark.usefixtures("reachable")
def test_it_does_not_wait_for_ever() -> None:
    with pytest.raises(UserError, match="not ready after 0 s"):
        run("--no-forward", "--timeout", "0", "--set", "st2api.replicas=3")


def test_values_that_cannot_be_used_make_no_cluster(machine: Path) -> None:
    (machine / "mine.yaml").write_text("st2api: {replica: 3}\n")
    with pytest.raises(UserError, match=r"mine.yaml:1: st2api.replica: unknown key"):
        run("-f", "mine.yaml")
    assert not (machine / "calls").exists()


def test_without_any_provider_the_way_to_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError) as error:
        run()
    assert "none of kind, k3d, minikube is installed" in str(error.value)
    assert "kind.sigs.k8s.io" in str(error.value)
    with pytest.raises(UserError, match="cannot find k3d"):
        run("--provider", "k3d")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ('{"Architecture": "aarch64", "MemTotal": 8000000000}', ["aarch64", "amd64 alone"]),
        ('{"Architecture": "x86_64", "MemTotal": 2000000000}', ["1.9 GiB of memory"]),
        ('{"Architecture": "x86_64", "MemTotal": 8000000000}', []),
    ],
)
def test_what_the_container_engine_lacks_is_told(
    told: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho '{told}'\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = " ".join(providers.shortcomings())
    assert all(word in found for word in words)
    assert bool(found) == bool(words)


# --- how far it is


def pod(name: str, **status: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}}, "status": status}


def waiting(name: str, **state: str) -> dict[str, Any]:
    return {"name": name, "state": {"waiting": state}, "restartCount": 4}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"phase": "Pending"}, "1 getting images"),
        ({"phase": "Running"}, "1 starting"),
        (
            {"phase": "Pending", "initContainerStatuses": [{"name": "wait-for-mongodb", "state": {"running": {}}}]},
            "1 waiting for mongodb",
        ),
        ({"phase": "Succeeded"}, ""),
        ({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}, ""),
        (
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient memory"}
                ],
            },
            "1 waiting for a node with room; a: 0/1 nodes: Insufficient memory",
        ),
        (
            {"phase": "Pending", "containerStatuses": [waiting("a", reason="ImagePullBackOff", message="no x:1")]},
            "1 getting images; a: no x:1",
        ),
        (
            {"phase": "Running", "containerStatuses": [waiting("main", reason="CrashLoopBackOff")]},
            "1 starting; a: main has ended 4 times",
        ),
    ],
)
def test_what_a_pod_does(status: dict[str, Any], words: str) -> None:
    assert str(progress([pod("a", **status)])).partition("0 of 0 ready")[2].removeprefix("; ") == words


def test_an_old_status_counts_for_nothing() -> None:
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "a", "generation": 2},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 1, "readyReplicas": 2},
    }
    assert not progress([deployment]).is_complete
    deployment["status"] = {"observedGeneration": 2, "readyReplicas": 2}
    assert progress([deployment]).is_complete


def test_jobs_of_earlier_values_count_for_nothing() -> None:
    failed = {"conditions": [{"type": "Failed", "status": "True"}]}
    jobs = [{"kind": "Job", "metadata": {"name": name}, "status": failed} for name in ("old", "new")]
    assert progress(jobs, {"new"}).failed == ("new",)

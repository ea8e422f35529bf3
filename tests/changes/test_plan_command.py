"""`constructs-st2 plan`, and the step that a synth takes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from support import Synth

from constructs_st2.commands import cli
from constructs_st2.commands.plan import live
from constructs_st2.kube.reading import read_folder
from constructs_st2.kube.yaml_text import yaml_text

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty folder, inside this process: its status, and what it says."""
    monkeypatch.chdir(tmp_path)
    for name in ("ST2_VALUES", "ST2_RELEASE", "ST2_NAMESPACE", "ST2_ACCEPT", "CDK8S_OUTDIR"):
        monkeypatch.delenv(name, raising=False)

    def execute(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["constructs-st2", *arguments])
        try:
            cli.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            status = 0
        said = capsys.readouterr()
        return status, said.out, said.err

    return execute


def git(*arguments: str) -> None:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("arguments", [("--against", "theirs"), ("--manifests", "theirs")])
def test_objects_without_their_shape_are_named(run: Run, tmp_path: Path, arguments: tuple[str, str]) -> None:
    run("synth", "--quiet")
    (tmp_path / "theirs").mkdir()
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": 5}}
    (tmp_path / "theirs" / "a.yaml").write_text(json.dumps(deployment))
    status, _, error = run("plan", *arguments)
    assert status == 1
    assert error.startswith("error: a.yaml: Deployment/a: spec: has no pod template")


@pytest.mark.parametrize("content", [bytes(range(256)), b"\x01\x02", "\x00".encode("utf-16")])
def test_a_file_that_is_no_text_is_named_in_one_line(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a.yaml").write_bytes(content)
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
    new = ("--against", "good", "--manifests", "theirs")
    for arguments in (("plan", "--against", "theirs"), ("plan", *new), ("check", "theirs")):
        status, _, error = run(*arguments)
        assert status == 1
        assert "a.yaml: is not " in error
        assert error.count("\n") == 1


def test_the_commands_of_uninstall_say_that_there_are_no_manifests(run: Run) -> None:
    status, said, error = run("uninstall", "--manifests", "nowhere")
    assert (status, said.count("kubectl delete -f nowhere/")) == (0, 1)
    assert error == "warning: nowhere: no such folder; constructs-st2 synth --output nowhere writes it\n"


def test_exit_statuses(run: Run) -> None:
    run("synth", "--quiet")
    assert run("plan")[0] == 0
    assert run("plan", "--set", "st2api.replicas=3")[0] == 2
    assert run("plan", "--set", "mongodb.persistence.size=20Gi")[0] == 3
    assert run("plan", "--set", "mongodb.persistence.size=1Gi")[0] == 3
    status, _, error = run("plan", "--against", "nowhere")
    assert status == 1
    assert "nowhere: holds no manifests" in error


def test_outputs(run: Run) -> None:
    run("synth", "--quiet")
    change = ("plan", "--set", "st2timersengine.resources.requests.memory=1Gi")
    _, terminal, _ = run(*change)
    assert "\x1b" not in terminal, "no colours where there is no terminal"
    assert "Pauses\n  st2timersengine  1 pod, the old one first" in terminal
    _, markdown, _ = run(*change, "--output", "markdown")
    assert "### Pauses\n\n* **st2timersengine**: 1 pod" in markdown
    _, text, _ = run(*change, "--output", "json")
    assert json.loads(text)["replaced"] == ["st2timersengine"]


def test_against_a_revision(run: Run) -> None:
    run("synth", "--quiet")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    _, _, told = run("synth", "--set", "st2api.replicas=3")
    assert "constructs-st2 plan --manifests dist --against git:HEAD " in told
    status, said, _ = run("plan", "--manifests", "dist", "--against", "git:HEAD")
    assert status == 2
    assert "st2api.replicas 2 -> 3" in said
    assert run("plan", "--against", "git:HEAD")[0] == 0
    status, _, error = run("plan", "--against", "git:nowhere")
    assert status == 1
    assert "git:nowhere" in error


LOG_OPTION = ("--set", "st2.config=[log]\nmask_secrets = False\n")


def committed(message: str) -> None:
    git("add", ".")
    git("commit", "-qm", message)


def job_in(folder: Path) -> str:
    found = re.search(r"name: (st2-job-register-content-\S+)", (folder / "80-jobs.k8s.yaml").read_text())
    assert found
    return found[1]


def test_going_back_tells_of_jobs_that_do_not_run_again(run: Run, tmp_path: Path) -> None:
    """By the history of the folder, in which they once were."""
    run("synth", "--quiet")
    older = job_in(tmp_path / "dist")
    git("init", "-q")
    committed("first")
    assert "do not run again" not in run("synth", *LOG_OPTION)[2], "this one never ran"
    assert "do not run again" not in run("plan", "--manifests", "dist", "--against", "git:HEAD")[1]
    committed("second")
    assert "do not run again" not in run("plan", "--manifests", "dist", "--against", "git:HEAD~1")[1], "nor had it then"
    command = f"kubectl -n stackstorm delete job {older} --ignore-not-found   # before the apply"
    assert command in run("plan")[1]
    status, said, _ = run("plan", "--against", "git:HEAD")
    assert status == 3
    assert command in said
    assert "Jobs that run" not in said
    said = run("synth")[2]
    assert f"Jobs that do not run again unless they are deleted: 1 Job\n{' ' * 17}{command}" in said
    assert command in run("plan", "--manifests", "dist", "--against", "git:HEAD")[1]


def test_what_only_a_branch_had_was_never_applied(run: Run) -> None:
    run("synth", "--quiet", *LOG_OPTION)
    git("init", "-q", "-b", "main")
    committed("main")
    git("checkout", "-qb", "branch")
    run("synth", "--quiet")
    committed("tried out")
    run("synth", "--quiet", *LOG_OPTION, "--set", "st2api.replicas=3")
    committed("the end of the branch")
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-ff", "-m", "merge", "branch")
    run("synth", "--quiet")
    status, said, _ = run("plan", "--manifests", "dist", "--against", "git:main")
    assert status == 2
    assert re.search("register-content +again: registers packs", said)


def test_a_synth_tells_the_step_that_it_takes(run: Run) -> None:
    assert "Changes  " not in run("synth")[2]
    assert "Changes  " not in run("synth")[2]
    said = run("synth", "--set", "st2actionrunner.replicas=9")[2]
    assert "Changes          against what was there: 1 changed\n                 Pods: st2actionrunner\n" in said
    assert "constructs-st2 plan --manifests dist --against cluster " in said, "there is no repository"


def test_a_step_that_cannot_work_is_refused_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    run("synth", "--quiet", "--set", "image.tag=3.8")
    before = {path.name: path.read_bytes() for path in (tmp_path / "dist").iterdir()}
    status, _, error = run("synth")
    assert status == 1
    assert "error: mongodb-version: MongoDB 4.4 -> 7.0 in one step" in error
    assert {path.name: path.read_bytes() for path in (tmp_path / "dist").iterdir()} == before
    assert run("synth", "--accept", "mongodb-version")[0] == 1, "there is another one"
    assert run("synth", "--quiet", "--accept", "mongodb-version", "--accept", "rabbitmq-version")[0] == 0


def test_what_empties_the_folder_first_is_compared_with_what_was_committed(run: Run, tmp_path: Path) -> None:
    run("synth", "--quiet", "--set", "image.tag=3.8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    for path in (tmp_path / "dist").iterdir():
        path.unlink()
    assert "mongodb-version" in run("synth")[2]


# --- what a cluster has


def defaulted(document: dict[str, Any]) -> dict[str, Any]:
    """An object as an API server gives it back."""
    annotations = document["metadata"].get("annotations", {})
    applied = json.dumps({**document, "metadata": {**document["metadata"], "annotations": annotations}})
    made: dict[str, Any] = json.loads(applied)
    made["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": [{"manager": "kubectl"}]}
    made["metadata"].setdefault("annotations", {})[live.LAST_APPLIED] = applied
    made["status"] = {"replicas": 1}
    if made["kind"] == "Deployment":
        spec = made["spec"]["template"]["spec"]
        spec |= {"schedulerName": "default-scheduler", "restartPolicy": "Always"}
        for container in spec["containers"]:
            container["terminationMessagePath"] = "/dev/termination-log"
            for port in container.get("ports", ()):
                port["protocol"] = "TCP"
        made["spec"]["progressDeadlineSeconds"] = 600
    return made


def test_what_the_api_server_adds_is_no_difference(synth: Synth) -> None:
    for document in synth():
        assert live.as_applied(defaulted(document), document) == document


def test_what_somebody_changed_or_took_away_is_one(synth: Synth) -> None:
    wanted = synth().named("Deployment", "st2-st2api")
    found = defaulted(wanted)
    found["spec"]["replicas"] = 7
    assert live.as_applied(found, wanted)["spec"]["replicas"] == 7
    fewer = synth().named("Deployment", "st2-st2api")
    del fewer["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    assert "readinessProbe" in live.as_applied(defaulted(wanted), fewer)["spec"]["template"]["spec"]["containers"][0]


KUBECTL = """#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
state = json.loads(pathlib.Path("{state}").read_text())
if arguments[0] == "api-resources":
    names = "-o" in arguments
    print("\\n".join(state["names"] if names else state["kinds"]))
elif "-f" in arguments:
    import yaml
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    asked = {{(d["kind"], d["metadata"]["name"]) for d in yaml.load_all(sys.stdin, loader) if d}}
    found = [d for d in state["objects"] if (d["kind"], d["metadata"]["name"]) in asked]
    print(json.dumps({{"kind": "List", "items": found}}))
else:
    print(json.dumps({{"kind": "List", "items": [d for d in state["objects"] if d["kind"] != "Namespace"]}}))
"""


Cluster = Callable[[Iterable[dict[str, Any]]], None]


@pytest.fixture
def cluster_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Puts a kubectl there that knows some objects."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(KUBECTL.format(python=sys.executable, state=tmp_path / "state.json"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    def has(objects: Iterable[dict[str, Any]]) -> None:
        found = list(objects)
        state = {
            "names": list(live.KINDS),
            "kinds": [f"x x v1 true {kind}" for kind in {each["kind"] for each in found}],
            "objects": found,
        }
        (tmp_path / "state.json").write_text(json.dumps(state))

    return has


def made(document: dict[str, Any], when: str) -> dict[str, Any]:
    found = defaulted(document)
    found["metadata"]["creationTimestamp"] = when
    return found


def test_jobs_that_others_have_outrun(run: Run, cluster_has: Cluster, synth: Synth) -> None:
    objects = synth()
    (older,) = (each for each in objects if each["metadata"]["name"].startswith("st2-job-"))
    newer = synth({"st2": {"config": "[log]\nmask_secrets = False\n"}}).begins("Job", "st2-job-register-content")
    rest = [defaulted(each) for each in objects if each is not older]
    early, late = "2026-01-09T23:59:59Z", "2026-01-10T00:00:00Z"
    cluster_has([*rest, made(older, early), made(newer, late)])
    status, said, _ = run("plan", "--against", "cluster")
    assert status == 3
    assert f"delete job {older['metadata']['name']} --ignore-not-found" in said
    assert "Jobs that run" not in said
    # The last one has run, whatever is left over.
    cluster_has([*rest, made(older, late), made(newer, early)])
    status, said, _ = run("plan", "--against", "cluster")
    assert status == 2
    assert f"delete job/{newer['metadata']['name']}" in said
    assert "do not run again" not in said


def test_what_is_left_over_and_was_not_applied_by_kubectl(run: Run, cluster_has: Cluster, synth: Synth) -> None:
    """As after `kubectl apply --server-side`, which notes nothing in the objects."""
    left = synth({"st2chatops": {"enabled": True}}).named("Deployment", "st2-st2chatops")
    cluster_has([*map(defaulted, synth()), left])
    status, said, _ = run("plan", "--against", "cluster")
    assert status == 2
    assert "pods of st2-st2chatops go on" in said


def test_against_a_cluster(run: Run, cluster_has: Cluster, synth: Synth) -> None:
    there = synth({"st2api": {"replicas": 3}, "st2chatops": {"enabled": True}})
    cluster_has(defaulted(each) for each in there)
    status, said, _ = run("plan", "--against", "cluster", "--set", "st2api.replicas=2")
    assert status == 2
    assert "st2api.replicas 3 -> 2" in said
    assert "deployment/st2-st2chatops" in said
    assert run("plan", "--against", "cluster", "--set", "st2api.replicas=3", "--set", "st2chatops.enabled=true")[0] == 0


def test_manifests_that_another_app_wrote(run: Run, tmp_path: Path, synth: Synth) -> None:
    for name, replicas in (("old", 2), ("new", 4)):
        (tmp_path / name).mkdir()
        objects = synth({"st2api": {"replicas": replicas}}, release="blue", namespace="blue")
        (tmp_path / name / "all.yaml").write_text(yaml_text(objects))
        assert len(read_folder(tmp_path / name)) == len(objects)
    assert "st2api.replicas 2 -> 4" in run("plan", "--manifests", "new", "--against", "old")[1]

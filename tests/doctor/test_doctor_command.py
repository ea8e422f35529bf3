"""`constructs-st2 doctor` where kubectl says little, or nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from constructs_st2.commands import cli
from constructs_st2.commands.doctor import text
from constructs_st2.commands.doctor.findings import Finding, Level, Report, Unseen

Doctor = Callable[..., tuple[int, str, str]]

VERSION = {"clientVersion": {"gitVersion": "v1.34.1"}, "serverVersion": {"gitVersion": "v1.34.0-eks-1"}}


class Kubectl:
    """A kubectl that runs a shell script."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "bin" / "kubectl"
        self._calls = folder / "calls"
        self.program.parent.mkdir()
        self.does("exit 0")

    def does(self, script: str) -> None:
        """What it does, after it has written down what it was asked."""
        self.program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\nprintf '%s\\n' \"$*\" >>{self._calls}\n{script}\n")
        self.program.chmod(0o755)

    def calls(self) -> list[str]:
        """What it was asked."""
        return self._calls.read_text().splitlines() if self._calls.exists() else []


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    # A real one, with a real cluster, must be out of reach.
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return Kubectl(tmp_path)


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs it in an empty folder, inside this process: its status, and what it says."""
    monkeypatch.chdir(tmp_path)
    for name in ("ST2_VALUES", "ST2_RELEASE", "ST2_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["constructs-st2", "doctor", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert isinstance(end.value.code, int)
        return end.value.code, *capsys.readouterr()

    return run


def test_no_kubectl(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert doctor() == (1, "", "error: cannot find kubectl; install it, or put it into PATH\n")


def test_a_cluster_that_does_not_answer(doctor: Doctor, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("constructs_st2.commands.kubectl.SECONDS", 0.2)
    kubectl.does("exec sleep 60")
    assert doctor() == (1, "", "error: kubectl does not answer within 0.2 s; is the cluster reachable?\n")
    assert len(kubectl.calls()) == 1, "one asks once, and no more"


def test_a_cluster_that_is_not_there(doctor: Doctor, kubectl: Kubectl) -> None:
    kubectl.does("echo 'The connection to the server 10.0.0.1:6443 was refused' >&2; exit 1")
    assert doctor()[2] == "error: kubectl: The connection to the server 10.0.0.1:6443 was refused\n"


def test_a_kubectl_without_a_cluster(doctor: Doctor, kubectl: Kubectl) -> None:
    kubectl.does(f"echo '{json.dumps({'clientVersion': VERSION['clientVersion']})}'")
    assert "kubectl does not tell the version of the cluster" in doctor()[2]


def test_each_read_may_fail_by_itself(doctor: Doctor, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("constructs_st2.commands.doctor.reading._SECONDS", 1)
    script = f"""
case $* in
    *version*) echo '{json.dumps(VERSION)}' ;;
    *nodes*) exec sleep 60 ;;
    *storageclasses*) echo 'no JSON' ;;
    *"get pods"*) echo 'Error from server (ServiceUnavailable): the server is busy' >&2; exit 1 ;;
    *) echo '{{"kind": "List", "items": []}}' ;;
esac"""
    kubectl.does(script)
    status, said, _ = doctor("--context", "production", "--namespace", "automation", "--release", "blue")
    assert said.startswith("blue in automation: Kubernetes 1.34")
    assert "nodes    " in said
    assert "kubectl does not answer within 1 s" in said
    assert "kubectl did not answer in JSON" in said
    assert "(ServiceUnavailable): the server is busy" in said
    assert status == 0, "nothing is known of what is wrong"
    assert all(call.startswith("--context production ") for call in kubectl.calls())
    assert all("stackstorm" not in call for call in kubectl.calls())


def test_queues_are_asked_of_a_node_of_rabbitmq(doctor: Doctor, kubectl: Kubectl, tmp_path: Path) -> None:
    labels = {"app.kubernetes.io/name": "rabbitmq", "app.kubernetes.io/instance": "st2"}
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    pod = {"kind": "Pod", "metadata": {"name": "st2-rabbitmq-1", "labels": labels}, "status": ready}
    workload = {"kind": "StatefulSet", "metadata": {"name": "st2-rabbitmq", "labels": labels}, "status": {}}
    (tmp_path / "pods").write_text(json.dumps({"items": [pod]}))
    (tmp_path / "workloads").write_text(json.dumps({"items": [workload]}))
    # As RabbitMQ 3.10 writes it.
    (tmp_path / "queues").write_text('[\n{"name":"st2.actionrunner.req","messages":7,"consumers":0}\n]\n')
    kubectl.does(f"""case $* in
    version*) echo '{json.dumps(VERSION)}' ;;
    *"get pods"*) cat {tmp_path}/pods ;;
    *"get deployments"*) cat {tmp_path}/workloads ;;
    *exec*) cat {tmp_path}/queues ;;
    *) echo '{{"items": []}}' ;;
esac""")
    _, said, _ = doctor()
    assert "Queue st2.actionrunner.req" in said
    assert "7 messages, and nobody takes them" in said
    (asked,) = (call for call in kubectl.calls() if " exec " in call)
    assert asked.startswith("--namespace stackstorm exec st2-rabbitmq-1 --container rabbitmq -- rabbitmqctl ")
    assert " list_queues -p st2 --formatter json name messages consumers" in asked


CHANGING = ("apply", "create", "delete", "patch", "edit", "replace", "scale", "annotate", "label", "exec", "rollout")


def test_it_changes_nothing(doctor: Doctor, kubectl: Kubectl) -> None:
    kubectl.does(f"""case $* in *version*) echo '{json.dumps(VERSION)}' ;; *) echo '{{"items": []}}' ;; esac""")
    doctor()
    changing = [call for call in kubectl.calls() if set(call.split()) & set(CHANGING)]
    assert len(changing) >= 2
    assert all("--dry-run=server" in call for call in changing)
    assert not any("secret" in call and "json" in call for call in kubectl.calls()), (
        "values of Secrets stay where they are"
    )


REPORT = Report(
    "st2 in stackstorm: all is lost",
    (
        Finding(Level.BROKEN, "MongoDB", "1 of 3 members are ready", ("kubectl get pods", "kubectl get nodes")),
        Finding(Level.WARNING, "a subject that is longer than others are", "so it has a line of its own", ("true",)),
        Finding(Level.NOTE, "Backups", "there are none"),
    ),
    (Unseen("nodes", "you may not list nodes"),),
)


def test_a_report_on_a_terminal() -> None:
    assert text.terminal(REPORT, colours=False, width=100).splitlines() == [
        "st2 in stackstorm: all is lost",
        "",
        "Broken",
        "  MongoDB  1 of 3 members are ready",
        "           1. kubectl get pods",
        "           2. kubectl get nodes",
        "",
        "Warnings",
        "  a subject that is longer than others are",
        f"{' ' * 34}so it has a line of its own",
        f"{' ' * 34}true",
        "",
        "Worth knowing",
        "  Backups  there are none",
        "",
        "Not looked at",
        "  nodes  you may not list nodes",
    ]
    assert "\x1b[31m" in text.terminal(REPORT, colours=True, width=100)


def test_a_report_in_markdown() -> None:
    said = text.markdown(REPORT)
    assert "### ❌ Broken\n\n* **MongoDB**: 1 of 3 members are ready\n\n  ```\n  kubectl get pods\n" in said
    assert "### Not looked at\n\n* **nodes**: you may not list nodes" in said


def test_a_report_for_programs() -> None:
    found: dict[str, Any] = json.loads(text.as_json(REPORT))
    assert found["status"] == REPORT.status == 3
    assert [each["level"] for each in found["findings"]] == ["broken", "warning", "note"]
    assert found["unseen"] == [{"what": "nodes", "why": "you may not list nodes"}]


@pytest.mark.parametrize(("levels", "status"), [((), 0), ((Level.NOTE,), 0), ((Level.WARNING,), 2), (tuple(Level), 3)])
def test_exit_statuses(levels: tuple[Level, ...], status: int) -> None:
    assert Report("", tuple(Finding(level, "", "") for level in levels)).status == status


def test_a_folder_for_support_that_cannot_be_made(doctor: Doctor, kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert doctor("--support", os.fspath(tmp_path / "file"))[0] == 2
    status, _, said = doctor("--support", "/proc/none")
    assert (status, "/proc/none cannot be written" in said) == (1, True)
    assert kubectl.calls() == []

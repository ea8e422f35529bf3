"""The life of a release on a real cluster, in order: each test goes on from where the one before has left it."""

from __future__ import annotations

import time

import pytest

from e2e.release import Release

DONE = {"succeeded"}
OVER = DONE | {"failed", "timeout", "canceled", "abandoned"}


def generations(release: Release) -> dict[str, int]:
    kinds = ("deployments", "statefulsets", "jobs", "cronjobs", "networkpolicies", "poddisruptionbudgets")
    return {
        f"{each['kind']}/{each['metadata']['name']}": each["metadata"].get("generation", 0)
        for each in release.objects(*kinds)
    }


def all_over(release: Release, executions: list[str]) -> list[str]:
    release.wait_for(lambda: set(release.statuses(executions)) <= OVER, lambda: str(release.statuses(executions)))
    return release.statuses(executions)


def test_one_apply_makes_everything_ready_and_the_smoke_test_passes(release: Release) -> None:
    release.apply()
    release.wait_until_ready()


def test_another_apply_changes_nothing(release: Release) -> None:
    before = generations(release)
    release.apply()
    time.sleep(5)
    assert generations(release) == before
    assert "nothing changes" in release.command("plan", "--against", "cluster")


def test_doctor_finds_nothing_broken(release: Release) -> None:
    release.command("doctor")


def test_executions_survive_a_rollout_of_everything(release: Release) -> None:
    executions = [release.started("sleep 20; echo done") for _ in range(10)]
    names = [each["metadata"]["name"] for each in release.objects("deployments")]
    for name in names:
        release.in_namespace("rollout", "restart", f"deployment/{name}")
    for name in names:
        release.in_namespace("rollout", "status", f"deployment/{name}", f"--timeout={release.seconds:g}s")
    release.wait_until_ready()
    executions.append(release.started("echo afterwards"))
    assert set(all_over(release, executions)) == DONE


def test_a_member_of_each_backend_may_be_lost(release: Release) -> None:
    for member_set in release.objects("statefulsets"):
        name = member_set["metadata"]["name"]
        release.in_namespace("delete", "pod", f"{name}-0", "--wait=false")
        if member_set["spec"]["replicas"] > 1:
            assert all_over(release, [release.started("echo meanwhile")]) == ["succeeded"]
        release.wait_until_ready()
    assert all_over(release, [release.started("echo afterwards")]) == ["succeeded"]


def test_a_backup_brings_back_what_was_deleted(release: Release) -> None:
    if not release.has("StatefulSet", "st2-mongodb"):
        pytest.skip("the database is not in this cluster")
    release.st2("key", "set", "e2e", "kept")
    release.in_namespace("create", "job", "e2e-backup", "--from=cronjob/st2-backup")
    release.in_namespace("wait", "--for=condition=complete", "job/e2e-backup", f"--timeout={release.seconds:g}s")
    said = release.in_namespace("logs", "job/e2e-backup", "--all-containers")
    archive = next(word for word in said.split() if word.startswith("st2-20"))
    release.st2("key", "delete", "e2e")
    selector = "st2-restore"
    stopped = [each["metadata"]["name"] for each in release.objects("deployments")]
    release.in_namespace("scale", "deployment", *stopped, "--replicas=0")
    release.kubectl.run("apply", "-f", "-", given=release.command("restore", "--archive", archive))
    jobs = [each["metadata"]["name"] for each in release.objects("jobs")]
    (job,) = (name for name in jobs if name.startswith(selector))
    release.in_namespace("wait", "--for=condition=complete", f"job/{job}", f"--timeout={release.seconds:g}s")
    release.apply()
    release.wait_until_ready()
    assert release.st2("key", "get", "e2e", "--json")["value"] == "kept"


def test_uninstalling_keeps_the_data_and_coming_back_finds_it(release: Release) -> None:
    release.st2("key", "set", "e2e-again", "kept")
    release.run_shell(release.command("uninstall", "--manifests", str(release.dist)))
    release.wait_for(lambda: not release.objects("pods"), lambda: f"{len(release.objects('pods'))} pods are there")
    assert release.objects("persistentvolumeclaims")
    release.apply()
    release.wait_until_ready()
    assert release.st2("key", "get", "e2e-again", "--json")["value"] == "kept"

"""How a plan tells what differs: in the words of the values and of st2.conf, and never a secret."""

from __future__ import annotations

from typing import Any

import pytest
from support import Synth

from constructs_st2.changes.findings import Section
from constructs_st2.changes.plan import Plan, plan_of
from constructs_st2.commands.plan import text

Document = dict[str, Any]


def words_of(plan: Plan) -> dict[str, list[str]]:
    return {change.difference.identity: list(change.words) for change in plan.changes}


@pytest.mark.parametrize(
    ("before", "after", "identity", "words"),
    [
        (
            {},
            {"st2": {"config": "[actionrunner]\nactions_pool_size = 70\n"}},
            "ConfigMap/st2-st2-config",
            ["[actionrunner] actions_pool_size (default) -> 70"],
        ),
        (
            {"st2": {"config": "[actionrunner]\nactions_pool_size = 40\n"}},
            {"st2": {"config": {"actionrunner": {"actions_pool_size": 60}}}},
            "ConfigMap/st2-st2-config",
            ["[actionrunner] actions_pool_size 40 -> 60"],
        ),
        (
            {},
            {"st2actionrunner": {"replicas": 9}},
            "Deployment/st2-st2actionrunner",
            ["st2actionrunner.replicas 5 -> 9"],
        ),
        (
            {},
            {"mongodb": {"persistence": {"size": "20Gi"}}},
            "StatefulSet/st2-mongodb",
            ["mongodb.persistence.size 10Gi -> 20Gi"],
        ),
        (
            {},
            {"redis": {"configuration": {"hz": 20}}},
            "ConfigMap/st2-redis-config",
            ["redis.conf hz (none) -> 20"],
        ),
        (
            {},
            {"mongodb": {"image": {"tag": "7.0.9"}}},
            "StatefulSet/st2-mongodb",
            ["image mongo 7.0 -> 7.0.9"],
        ),
        ({}, {"st2api": {"env": {"REGION": "eu"}}}, "Deployment/st2-st2api", ["env[REGION] is new"]),
    ],
)
def test_words(synth: Synth, before: Any, after: Any, identity: str, words: list[str]) -> None:
    assert words_of(plan_of(synth(before), synth(after)))[identity] == words


def config_map(**data: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}, "data": data}


def secret(**data: str) -> Document:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "n"}, "stringData": data}


def deployment(*env: Document) -> Document:
    pod = {"spec": {"containers": [{"name": "c", "image": "i", "env": list(env)}]}}
    metadata = {"name": "x", "namespace": "n"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": pod}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(secret(a="hunter1", b="hunter2"), secret(a="hunter3"), id="a Secret"),
        pytest.param(
            config_map(**{"a.conf": "password = hunter1"}), config_map(**{"a.conf": "password = hunter2"}), id="conf"
        ),
        pytest.param(
            config_map(**{"a.conf": "requirepass hunter1"}), config_map(**{"a.conf": "requirepass hunter2"}), id="redis"
        ),
        pytest.param(config_map(**{"a.yaml": "token: hunter1"}), config_map(**{"a.yaml": "token: hunter2"}), id="YAML"),
        pytest.param(
            config_map(**{"a.yaml": "url: amqp://me:hunter1@host/"}), config_map(**{"a.yaml": "url: x"}), id="a URL"
        ),
        pytest.param(
            deployment({"name": "API_TOKEN", "value": "hunter1"}),
            deployment({"name": "API_TOKEN", "value": "hunter2"}),
            id="env",
        ),
        pytest.param(
            config_map(**{"a.json": '{"list": [{"password": "hunter1"}]}'}),
            config_map(**{"a.json": '{"list": [{"password": "hunter2"}]}'}),
            id="in a list",
        ),
    ],
)
def test_no_secret_is_told(old: Document, new: Document) -> None:
    plan = plan_of([old], [new])
    assert plan.changes
    for output in (text.terminal(plan, "dist/", colours=False), text.markdown(plan, "x"), text.as_json(plan, "x")):
        assert "hunter" not in output


def test_a_secret_is_told_of_by_its_keys() -> None:
    plan = plan_of([secret(a="1", b="2")], [secret(a="3", c="4")])
    assert words_of(plan) == {"Secret/x": ["key a has another value", "key c is new", "key b is gone"]}


def test_both_notations_of_a_secret_are_one() -> None:
    encoded = {**secret(), "data": {"a": "MQ=="}}
    del encoded["stringData"]
    assert plan_of([secret(a="1")], [encoded]).changes == ()


def test_running_actions_get_the_time_that_their_pod_was_started_with(synth: Synth) -> None:
    longer = {"st2actionrunner": {"terminationGracePeriodSeconds": 3630}}
    (finding,) = plan_of(synth(), synth(longer)).of(Section.PODS)
    assert "up to 330 s to stop; actions that run are finished within 300 s" in finding.text
    (finding,) = plan_of(synth(longer), synth()).of(Section.PODS)
    assert "finished within 3600 s" in finding.text


def test_the_one_member_of_a_small_cluster_pauses_all(synth: Synth) -> None:
    newer = {"profile": "dev", "mongodb": {"image": {"tag": "7.0.9"}}}
    (finding,) = plan_of(synth({"profile": "dev"}), synth(newer)).of(Section.PAUSES)
    assert "StackStorm stands still" in finding.text


def test_changes_alike_are_told_by_names_that_differ(synth: Synth) -> None:
    """The network policies of all pods are one component."""
    plan = plan_of(synth({"monitoring": {"enabled": True}}), synth())
    said = text.terminal(plan, "dist/", colours=False)
    assert "network-policy, network-policy" not in said
    assert "the network policy st2-statsd-exporter holds" in said


def test_a_quorum_is_told(synth: Synth) -> None:
    (finding,) = plan_of(synth(), synth({"redis": {"configuration": {"hz": 20}}})).of(Section.PODS)
    assert "2 of 3 stay, of which 2 are a majority" in finding.text
    assert "at most 4 min" in finding.text  # 3 * (60 + 15) s


def test_objects_of_another_release_are_left_alone(synth: Synth) -> None:
    both = [*synth(), *synth(release="blue", namespace="blue")]
    changed = [*synth(), *synth({"st2api": {"replicas": 3}}, release="blue", namespace="blue")]
    plan = plan_of(both, changed)
    assert words_of(plan) == {"Deployment/blue-st2api": ["st2api.replicas 2 -> 3"]}


def test_a_job_that_is_there_from_before_does_not_run_again(synth: Synth) -> None:
    """Older manifests are applied again, and a Job of theirs has not been deleted."""
    older, newer = synth(), synth({"st2": {"config": "[log]\nmask_secrets = False\n"}})
    name = older.begins("Job", "st2-job-register-content")["metadata"]["name"]
    plan = plan_of(newer, older, earlier=lambda names: names)
    (finding,) = plan.of(Section.NOT_RUN)
    assert finding.text.startswith("register-content: ")
    assert finding.steps == (f"kubectl -n stackstorm delete job {name} --ignore-not-found   # before the apply",)
    assert plan.of(Section.JOBS) == [], "it does not run"
    assert plan.status == 3


def test_what_need_not_run_again_is_not_told(synth: Synth) -> None:
    """The Secrets are there, and Argo CD deletes its hooks before it makes them anew."""
    nodes = {"jobs": {"nodeSelector": {"disk": "ssd"}, "skip": ["register_content"]}}
    plan = plan_of(synth(nodes), synth({"jobs": {"skip": ["register_content"]}}), earlier=lambda names: names)
    assert plan.of(Section.NOT_RUN) == []
    assert [finding.subject for finding in plan.of(Section.JOBS)] == ["secrets-bootstrap"]
    hooks = {"gitops": {"jobs": "argo-hooks"}}
    without = {**hooks, "jobs": {"skip": ["register_content"]}}
    assert plan_of(synth(without), synth(hooks), earlier=lambda names: names).of(Section.NOT_RUN) == []


def test_a_command_for_the_jobs_of_each_namespace(synth: Synth) -> None:
    def fleet(**values: Any) -> list[dict[str, Any]]:
        rbac = {"st2": {"rbac": {"enabled": True}, **values}}
        return [*synth(rbac), *synth(rbac, release="blue", namespace="blue")]

    plan = plan_of(fleet(config="[log]\nmask_secrets = False\n"), fleet(), earlier=lambda names: names)
    commands = [step for finding in plan.of(Section.NOT_RUN) for step in finding.steps]
    assert [command.split(" delete ")[0] for command in commands] == ["kubectl -n stackstorm", "kubectl -n blue"]
    assert all("-job-apply-rbac-" in command and "-job-register-content-" in command for command in commands)

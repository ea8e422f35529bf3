"""Priority classes, and what else is said of the scheduling of pods."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes_versions import validate
from support import Objects, Synth, each_of

WITHOUT: dict[str, Any] = {"scheduling": {"priorityClasses": {"create": False}}}
PREEMPT: dict[str, Any] = {"scheduling": {"priorityClasses": {"preempt": True}}}


@pytest.fixture(scope="module")
def objects(synth: Synth) -> Objects:
    return synth({"st2chatops": {"enabled": True}, "docker-registry": {"enabled": True}})


def class_of(objects: Objects, name: str) -> str:
    found: str = objects.pod_templates()[name]["spec"]["priorityClassName"]
    return found


def policies(objects: Objects) -> dict[str, str]:
    return {each["metadata"]["name"]: each["preemptionPolicy"] for each in objects.of_kind("PriorityClass")}


@pytest.mark.parametrize("values", [WITHOUT, {"profile": "dev"}], ids=["turned off", "on a laptop"])
def test_there_are_none(synth: Synth, values: dict[str, Any]) -> None:
    objects = synth(values)
    assert objects.of_kind("PriorityClass") == []
    assert not [pod for pod in objects.pod_templates().values() if "priorityClassName" in pod["spec"]]


def test_data_go_before_control_and_control_before_work(objects: Objects) -> None:
    names = [f"stackstorm-st2-{name}" for name in ("data", "control", "work")]
    data, control, work = (objects.named("PriorityClass", name) for name in names)
    assert data["value"] > control["value"] > work["value"] > 0
    for document in (data, control, work):
        assert "namespace" not in document["metadata"]
        assert not document.get("globalDefault")
        validate(document, "1.30")


def test_nobody_is_displaced_but_where_the_user_lets_it(objects: Objects, synth: Synth) -> None:
    assert set(policies(objects).values()) == {"Never"}
    assert policies(synth(PREEMPT)) == {
        "stackstorm-st2-data": "PreemptLowerPriority",
        "stackstorm-st2-control": "PreemptLowerPriority",
        "stackstorm-st2-work": "Never",
    }


def test_releases_of_one_name_do_not_share_them(synth: Synth, objects: Objects) -> None:
    assert not policies(objects).keys() & policies(synth(namespace="other")).keys()


def test_names_that_kubernetes_keeps_for_itself(synth: Synth) -> None:
    """A namespace may be called so; a PriorityClass that somebody makes may not."""
    objects = synth(namespace="system-automation")
    assert sorted(policies(objects)) == [
        f"namespace-system-automation-st2-{name}" for name in ("control", "data", "work")
    ]
    assert class_of(objects, "st2-mongodb") == "namespace-system-automation-st2-data"


def test_argo_cd_prunes_them_when_no_pods_of_theirs_are_left(objects: Objects) -> None:
    for document in objects.of_kind("PriorityClass"):
        assert document["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] == "PruneLast=true"


@each_of(
    ("workload", "name"),
    [
        ("st2-mongodb", "data"),
        ("st2-rabbitmq", "data"),
        ("st2-redis", "data"),
        ("st2-st2api", "control"),
        ("st2-st2scheduler", "control"),
        ("st2-st2chatops", "control"),
        ("st2-st2actionrunner", "work"),
        ("st2-st2sensorcontainer", "work"),
        ("st2-docker-registry", "work"),
    ],
)
def test_every_workload_has_its_class(objects: Objects, workload: str, name: str) -> None:
    assert class_of(objects, workload) == f"stackstorm-st2-{name}"


def test_no_pod_is_without(objects: Objects) -> None:
    own = {document["metadata"]["name"] for document in objects.of_kind("PriorityClass")}
    assert {class_of(objects, name) for name in objects.pod_templates()} == own


def test_they_are_there_before_all_pods(objects: Objects) -> None:
    kinds = [document["kind"] for document in objects]
    assert kinds.index("PriorityClass") < min(map(kinds.index, ("Job", "StatefulSet", "Deployment")))


def test_a_class_of_the_users_stays(synth: Synth) -> None:
    objects = synth({"st2api": {"priorityClassName": "mine"}})
    assert class_of(objects, "st2-st2api") == "mine"
    assert class_of(objects, "st2-st2auth") == "stackstorm-st2-control"


def test_pools_sensors_and_jobs_have_the_class_of_their_kind(synth: Synth) -> None:
    objects = synth(
        {
            "st2actionrunner": {"pools": [{"name": "spot"}, {"name": "low", "priorityClassName": "low"}]},
            "st2": {"packs": {"sensors": [{"name": "rss", "ref": "rss.RssSensor"}]}},
            "jobs": {"extra": [{"name": "mine", "command": ["true"]}]},
        }
    )
    assert class_of(objects, "st2-st2actionrunner-spot") == "stackstorm-st2-work"
    assert class_of(objects, "st2-st2actionrunner-low") == "low"
    assert class_of(objects, "st2-st2sensorcontainer-rss") == "stackstorm-st2-work"
    jobs = [document["metadata"]["name"] for document in objects.of_kind("Job")]
    assert {class_of(objects, name) for name in jobs} == {"stackstorm-st2-work"}


def test_nothing_else_changes_but_what_follows_from_it(synth: Synth, default_objects: Objects) -> None:
    with_classes = default_objects.pod_templates()
    for name, pod in synth(WITHOUT).pod_templates().items():
        # The names of Jobs have a hash of what is in them.
        if name in with_classes:
            assert {**pod["spec"], "priorityClassName": class_of(default_objects, name)} == with_classes[name]["spec"]


@pytest.mark.parametrize(
    ("section", "kind", "name"),
    [
        ("st2api", "Deployment", "st2-st2api"),
        ("st2sensorcontainer", "Deployment", "st2-st2sensorcontainer"),
        ("mongodb", "StatefulSet", "st2-mongodb"),
        ("jobs", "Job", "st2-job-register-content"),
        ("docker-registry", "Deployment", "st2-docker-registry"),
    ],
)
def test_runtime_and_scheduler_are_the_users(synth: Synth, section: str, kind: str, name: str) -> None:
    settings = {"runtimeClassName": "gvisor", "schedulerName": "mine"}
    on = {"docker-registry": {"enabled": True}}
    objects = synth({**on, section: {**on.get(section, {}), **settings}})
    spec = objects.begins(kind, name)["spec"]["template"]["spec"]
    assert (spec["runtimeClassName"], spec["schedulerName"]) == ("gvisor", "mine")

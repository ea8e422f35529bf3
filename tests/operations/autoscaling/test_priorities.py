"""Priority classes, and what else is said of the scheduling of pods."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
from support import Objects, Synth

CREATE: dict[str, Any] = {"scheduling": {"priorityClasses": {"create": True}}}


@pytest.fixture(scope="module")
def objects(synth: Synth) -> Objects:
    return synth({**CREATE, "st2chatops": {"enabled": True}, "docker-registry": {"enabled": True}})


def class_of(objects: Objects, name: str) -> str:
    found: str = objects.pod_templates()[name]["spec"]["priorityClassName"]
    return found


def test_there_are_none_by_default(default_objects: Objects) -> None:
    assert default_objects.of_kind("PriorityClass") == []
    assert not [pod for pod in default_objects.pod_templates().values() if "priorityClassName" in pod["spec"]]


def test_data_go_before_control_and_control_before_work(objects: Objects) -> None:
    data, control, work = (objects.named("PriorityClass", f"st2-{name}") for name in ("data", "control", "work"))
    assert data["value"] > control["value"] > work["value"] > 0
    assert work["preemptionPolicy"] == "Never"
    for document in (data, control, work):
        assert "namespace" not in document["metadata"]
        assert not document.get("globalDefault")
        kubernetes_validate.validate(document, "1.30", strict=True)


@pytest.mark.parametrize(
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
    assert class_of(objects, workload) == f"st2-{name}"


def test_no_pod_is_without(objects: Objects) -> None:
    own = {document["metadata"]["name"] for document in objects.of_kind("PriorityClass")}
    assert {class_of(objects, name) for name in objects.pod_templates()} == own


def test_they_are_there_before_all_pods(objects: Objects) -> None:
    kinds = [document["kind"] for document in objects]
    assert kinds.index("PriorityClass") < min(map(kinds.index, ("Job", "StatefulSet", "Deployment")))


def test_a_class_of_the_users_stays(synth: Synth) -> None:
    objects = synth({**CREATE, "st2api": {"priorityClassName": "mine"}})
    assert class_of(objects, "st2-st2api") == "mine"
    assert class_of(objects, "st2-st2auth") == "st2-control"


def test_pools_sensors_and_jobs_have_the_class_of_their_kind(synth: Synth) -> None:
    objects = synth(
        {
            **CREATE,
            "st2actionrunner": {"pools": [{"name": "spot"}, {"name": "low", "priorityClassName": "low"}]},
            "st2": {"packs": {"sensors": [{"name": "rss", "ref": "rss.RssSensor"}]}},
            "jobs": {"extra": [{"name": "mine", "command": ["true"]}]},
        }
    )
    assert class_of(objects, "st2-st2actionrunner-spot") == "st2-work"
    assert class_of(objects, "st2-st2actionrunner-low") == "low"
    assert class_of(objects, "st2-st2sensorcontainer-rss") == "st2-work"
    jobs = [document["metadata"]["name"] for document in objects.of_kind("Job")]
    assert {class_of(objects, name) for name in jobs} == {"st2-work"}


def test_nothing_else_changes_but_what_follows_from_it(synth: Synth, default_objects: Objects) -> None:
    with_classes = synth(CREATE)
    for name, pod in default_objects.pod_templates().items():
        if name in with_classes.pod_templates():
            other = with_classes.pod_templates()[name]
            assert {**pod["spec"], "priorityClassName": class_of(with_classes, name)} == other["spec"]


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

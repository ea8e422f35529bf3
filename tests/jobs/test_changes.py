"""What a change of the values changes: exactly the objects that are affected, and the Jobs that have to run again.

A Job that runs again without need costs time and may undo what somebody did by hand; one that does not run again leaves
the old content in the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from default_cluster import PYTHON_SERVICES, SEVERAL
from support import Objects, Synth

from constructs_st2.kube.documents import identity
from constructs_st2.values.layers import overlay

from .kubernetes_jobs import name_of

SECRET_ITEM = {"name": "token", "secret": True, "value": {"existingSecret": "tokens", "key": "aws"}}
CONTENT: dict[str, Any] = {
    "st2": {
        "packs": {
            "images": [{"repository": "images", "tag": "1"}],
            "configs": {"aws.yaml": "region: eu\n", "chef.yaml": "host: chef\n"},
        },
        "overrides": {"aws.yaml": "rules: {defaults: {enabled: true}}\n"},
        "rbac": {
            "enabled": True,
            "roles": {"dev.yaml": "name: dev\ndescription: Developers.\npermission_grants: []\n"},
            "assignments": {"eve.yaml": "username: eve\nroles: [dev]\n"},
            "mappings": {"devs.yaml": "group: devs\nroles: [dev]\n"},
        },
        "keyvalue": [{"name": "host", "value": "a"}, SECRET_ITEM],
        "apikeys": [{"user": "eve", "id": "a" * 24, "key_hash": "b" * 128}],
    },
    "jobs": {"smokeTest": {"enabled": True}},
}
SHARED = {
    "enabled": True,
    **{name: {"create": {"size": "1Gi"}} for name in ("packs", "virtualenvs")},
}

API_JOBS = {"Job/key-load", "Job/apikey-load", "Job/smoke-test"}
CONF_JOBS = {"Job/apply-rbac", "Job/register-content"}
LOADING = {*API_JOBS, *CONF_JOBS}
SECRETS = {"Job/secrets-bootstrap", "Role/secrets-bootstrap"}
"""The Role names the Job."""
PLAN = {*SECRETS, "ConfigMap/secrets-bootstrap"}
HAVE_PACKS = {f"Deployment/st2{name}" for name in ("api", "actionrunner", "client", "sensorcontainer")}
ALL_PYTHON = {f"Deployment/{name}" for name in PYTHON_SERVICES}
BUDGETS = {f"PodDisruptionBudget/{name}" for name in SEVERAL}
"""Those of services of several pods. Their labels tell the version."""


def changes(before: Objects, after: Objects) -> set[str]:
    """The objects that are new (+), gone (-) or other than before. A Job that takes the place of another is one."""
    old, new = _by_name(before), _by_name(after)
    replaced = {
        name for name in old.keys() & new.keys() if old[name]["metadata"]["name"] != new[name]["metadata"]["name"]
    }
    changed = {name for name in old.keys() & new.keys() - replaced if old[name] != new[name]}
    # Nobody can change a Job that is there.
    assert not [name for name in changed if name.startswith("Job/")]
    return {*(f"+{name}" for name in new.keys() - old.keys()), *(f"-{name}" for name in old.keys() - new.keys())} | (
        replaced | changed
    )


def _by_name(objects: Objects) -> dict[str, dict[str, Any]]:
    return {
        f"Job/{name_of(each)}" if each["kind"] == "Job" else identity(each).replace("/st2-", "/", 1): each
        for each in objects
        # They follow from who talks to whom, which has tests of its own.
        if each["kind"] != "NetworkPolicy"
    }


def st2(**settings: Any) -> dict[str, Any]:
    return {"st2": settings}


def packs(**settings: Any) -> dict[str, Any]:
    return st2(packs=settings)


def rbac(**settings: Any) -> dict[str, Any]:
    return st2(rbac=settings)


def jobs(**settings: Any) -> dict[str, Any]:
    return {"jobs": settings}


ASSIGNED = "ConfigMap/st2-rbac-assignments"
CONFIGS = {"ConfigMap/st2-pack-configs", "Job/register-content"}
EXTRA = {"name": "mine", "command": ["true"]}


@pytest.fixture(scope="module")
def before(synth: Synth) -> Objects:
    """The objects of a cluster with all kinds of content. Do not change them."""
    return synth(CONTENT)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({}, set(), id="nothing"),
        # Content.
        pytest.param(packs(configs={"aws.yaml": "region: us\n"}), CONFIGS, id="a pack config"),
        pytest.param(packs(configs={"new.yaml": "a: 1\n"}), CONFIGS, id="a new pack config"),
        pytest.param(packs(configs={"aws.yaml": ""}), CONFIGS, id="a pack config that is left out"),
        pytest.param(packs(configs={"new.yaml": ""}), set(), id="a pack config that never was there"),
        pytest.param(
            st2(overrides={"aws.yaml": "rules: {defaults: {enabled: false}}\n"}),
            {"ConfigMap/st2-overrides-configs", "Job/register-content"},
            id="an override",
        ),
        pytest.param(
            packs(images=[{"repository": "images", "tag": "2"}]),
            {*HAVE_PACKS, "Job/register-content"},
            id="the tag of a packs image",
        ),
        pytest.param(
            packs(existingConfigsSecret="mine"),
            # Sensors find their configuration in the database, and have no files.
            {*HAVE_PACKS - {"Deployment/st2sensorcontainer"}, "Job/register-content"},
            id="the Secret of pack configs",
        ),
        pytest.param(
            rbac(roles={"dev.yaml": "name: dev\ndescription: All developers.\npermission_grants: []\n"}),
            {"ConfigMap/st2-rbac-roles", "Job/apply-rbac"},
            id="a role",
        ),
        pytest.param(
            rbac(assignments={"eve.yaml": "username: eve\nroles: [observer]\n"}),
            {ASSIGNED, "Job/apply-rbac"},
            id="an assignment",
        ),
        pytest.param(
            rbac(assignments={"admin.yaml": "username: st2admin\nroles: [admin]\n"}),
            {ASSIGNED, "Job/apply-rbac", *API_JOBS},
            id="the assignment of the user that Jobs wait for",
        ),
        pytest.param(
            rbac(mappings={"devs.yaml": "group: others\nroles: [dev]\n"}),
            {"ConfigMap/st2-rbac-mappings", "Job/apply-rbac"},
            id="a mapping",
        ),
        pytest.param(
            st2(keyvalue=[{"name": "host", "value": "b"}, SECRET_ITEM]),
            {"ConfigMap/st2-kv", "Job/key-load"},
            id="an item",
        ),
        pytest.param(
            st2(keyvalue=[{"name": "host", "value": "a"}]), {"ConfigMap/st2-kv", "Job/key-load"}, id="an item less"
        ),
        pytest.param(
            st2(keyvalueFiles={"a.yaml": "- {name: b, value: c}\n"}),
            {"ConfigMap/st2-kv", "Job/key-load"},
            id="items in a file",
        ),
        pytest.param(
            st2(
                keyvalue=[
                    {"name": "host", "value": "a"},
                    {**SECRET_ITEM, "value": {"existingSecret": "others", "key": "aws"}},
                ]
            ),
            {"ConfigMap/st2-kv", "Job/key-load"},
            id="the Secret of an item",
        ),
        pytest.param(st2(existingKeyvalueSecret="mine"), {"Job/key-load", *PLAN}, id="the Secret of all items"),
        pytest.param(
            st2(apikeys=[{"user": "eve", "id": "a" * 24, "key_hash": "c" * 128}]),
            {"ConfigMap/st2-apikeys", "Job/apikey-load"},
            id="an API key",
        ),
        pytest.param(
            st2(apikeys=[{"user": "eve", "id": "a" * 24, "key": {"existingSecret": "tokens", "key": "eve"}}]),
            {"ConfigMap/st2-apikeys", "Job/apikey-load"},
            id="where an API key is",
        ),
        # Settings of st2.
        pytest.param(st2(config="# a comment\n"), {"ConfigMap/st2-config"}, id="a comment in st2.config"),
        pytest.param(
            st2(config="[metrics]\nprefix = x\n"),
            {"ConfigMap/st2-config", *ALL_PYTHON, *CONF_JOBS},
            id="an option that all read",
        ),
        pytest.param(
            st2(config="[garbagecollector]\ncollection_interval = 900\n"),
            {"ConfigMap/st2-config", "Deployment/st2garbagecollector"},
            id="an option that one service reads",
        ),
        # Settings of Jobs, and what they share with services.
        pytest.param(jobs(resources={"requests": {"cpu": "1", "memory": "1Gi"}}), LOADING, id="the resources of Jobs"),
        pytest.param(jobs(env={"A": "b"}), LOADING, id="the environment of Jobs"),
        pytest.param(jobs(nodeSelector={"disk": "ssd"}), {*LOADING, *SECRETS}, id="the nodes of Jobs"),
        pytest.param(jobs(backoffLimit=1), {*LOADING, *SECRETS}, id="the attempts of Jobs"),
        pytest.param(jobs(preRegisterContentCommand=["true"]), {"Job/register-content"}, id="the command before"),
        pytest.param(jobs(skip=["key_load"]), {"-Job/key-load"}, id="a Job that is left out"),
        pytest.param(jobs(smokeTest={"enabled": False}), {"-Job/smoke-test"}, id="the smoke test"),
        pytest.param(jobs(extra=[EXTRA]), {"+Job/mine"}, id="a Job of the user"),
        pytest.param(jobs(image={"tag": "3.9-r1"}), LOADING, id="the image of Jobs"),
        pytest.param(
            {"st2actionrunner": {"image": {"tag": "3.9-r1"}}},
            {"Deployment/st2actionrunner", "PodDisruptionBudget/st2actionrunner", *LOADING},
            id="the image of the action runner",
        ),
        pytest.param(
            {"image": {"tag": "3.9-r1"}},
            {
                *LOADING,
                *SECRETS,
                *ALL_PYTHON,
                *BUDGETS,
                "Deployment/st2web",
            },
            id="the version of st2",
        ),
        pytest.param(
            {"image": {"utilityImage": "docker.io/library/busybox:1.38"}},
            {*LOADING, *ALL_PYTHON - {"Deployment/st2client"}, "StatefulSet/rabbitmq"},
            id="the image that waits",
        ),
        # What is of no concern to Jobs.
        pytest.param({"st2api": {"replicas": 5}}, {"Deployment/st2api"}, id="replicas"),
        pytest.param({"st2actionrunner": {"env": {"A": "b"}}}, {"Deployment/st2actionrunner"}, id="another pod's env"),
        pytest.param(st2(password={"existingSecret": "mine", "key": "password"}), PLAN, id="the plan of Secrets"),
        pytest.param(
            st2(existingSshSecret="mine"),
            {*PLAN, "Deployment/st2actionrunner", "Deployment/st2client"},
            id="the SSH key",
        ),
        pytest.param(
            st2(username="boss"), {*PLAN, ASSIGNED, "Job/apply-rbac"}, id="the name of the first user, of same roles"
        ),
        pytest.param(
            {"st2web": {"tls": {"enabled": False}}},
            {*PLAN, "ConfigMap/st2web-nginx", "Deployment/st2web", "Service/st2web", "Job/smoke-test"},
            id="HTTPS of the web UI",
        ),
    ],
)
def test_exactly_the_affected_objects_change(
    synth: Synth, before: Objects, change: Mapping[str, Any], expected: set[str]
) -> None:
    assert changes(before, synth(overlay(CONTENT, change))) == expected, "say here what else the change concerns"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(packs(configs={"aws.yaml": "region: us\n"}), CONFIGS, id="a pack config"),
        # Services find the packs where they are.
        pytest.param(
            packs(images=[{"repository": "images", "tag": "2"}]),
            {"Job/register-content"},
            id="the tag of a packs image",
        ),
    ],
)
def test_on_shared_volumes_services_do_not_start_anew_for_new_packs(
    synth: Synth, change: Mapping[str, Any], expected: set[str]
) -> None:
    shared = {**SHARED, "configs": {"create": {"size": "1Gi"}}}
    values = overlay(CONTENT, packs(volumes=shared))
    assert changes(synth(values), synth(overlay(values, change))) == expected


@pytest.mark.parametrize(
    ("change", "runs_again"),
    [
        (jobs(extra=[{**EXTRA, "command": ["false"]}]), True),
        (jobs(extra=[{**EXTRA, "env": {"A": "b"}}]), True),
        (jobs(env={"A": "b"}), True),
        (packs(images=[{"repository": "images", "tag": "2"}]), True),
        (packs(configs={"aws.yaml": "region: us\n"}), False),
        (st2(overrides={"aws.yaml": "rules: {defaults: {enabled: false}}\n"}), False),
        (st2(config="[metrics]\nprefix = x\n"), False),
        (rbac(mappings={"devs.yaml": ""}), False),
        (st2(keyvalue=[]), False),
    ],
)
def test_a_job_of_the_user_runs_again_when_it_is_another_one(
    synth: Synth, change: Mapping[str, Any], runs_again: bool
) -> None:
    values = overlay(CONTENT, jobs(extra=[EXTRA]))
    assert ("Job/mine" in changes(synth(values), synth(overlay(values, change)))) == runs_again

"""The user's own objects and patches."""

from __future__ import annotations

from typing import Any

import pytest
from support import MakeCluster, Synth

from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.parts.extras import apply_patches

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ansible"}, "data": {"a": "b"}}
CLUSTER_ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "reader"}}


def patch(*operations: dict[str, Any], kind: str = "Deployment", name: str = "st2-st2api") -> dict[str, Any]:
    return {"patches": [{"target": {"kind": kind, "name": name}, "patch": list(operations)}]}


def test_extra_objects_come_into_the_namespace_of_the_release(synth: Synth) -> None:
    objects = synth({"extraObjects": [CONFIG_MAP]}, namespace="automation")
    assert objects.named("ConfigMap", "ansible")["metadata"] == {"name": "ansible", "namespace": "automation"}


def test_extra_objects_may_name_another_namespace(synth: Synth) -> None:
    elsewhere = {**CONFIG_MAP, "metadata": {"name": "ansible", "namespace": "kube-public"}}
    assert synth({"extraObjects": [elsewhere]}).named("ConfigMap", "ansible") == elsewhere


def test_extra_objects_of_one_name_in_two_namespaces(synth: Synth) -> None:
    elsewhere = {**CONFIG_MAP, "metadata": {"name": "ansible", "namespace": "kube-public"}}
    found = [d for d in synth({"extraObjects": [CONFIG_MAP, elsewhere]}) if d["metadata"]["name"] == "ansible"]
    assert [document["metadata"]["namespace"] for document in found] == ["stackstorm", "kube-public"]


def test_the_same_extra_object_twice(synth: Synth) -> None:
    with pytest.raises(UserError, match=r"^ConfigMap/ansible: .*unique"):
        synth({"extraObjects": [CONFIG_MAP, CONFIG_MAP]})


def test_extra_objects_without_namespaces_stay_so(synth: Synth) -> None:
    objects = synth({"extraObjects": [{**CLUSTER_ROLE, "rules": []}]})
    assert objects.named("ClusterRole", "reader")["metadata"] == {"name": "reader"}


def test_extra_objects_are_checked_like_our_own(synth: Synth) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "other"},
        "spec": {"selector": {"app": "st2api"}, "ports": [{"port": 80, "targetPort": "nowhere"}]},
    }
    with pytest.raises(UserError, match=r"^Service/other: spec\.ports\[0\]"):
        synth({"extraObjects": [service]})


@pytest.mark.parametrize(
    ("operation", "replicas"),
    [
        ({"op": "replace", "path": "/spec/replicas", "value": 7}, 7),
        ({"op": "add", "path": "/spec/replicas", "value": 8}, 8),
        ({"op": "copy", "from": "/spec/revisionHistoryLimit", "path": "/spec/replicas"}, 5),
    ],
)
def test_patches_change_objects(synth: Synth, operation: dict[str, Any], replicas: int) -> None:
    assert synth(patch(operation)).named("Deployment", "st2-st2api")["spec"]["replicas"] == replicas


def test_patches_apply_in_order(synth: Synth) -> None:
    objects = synth(
        patch(
            {"op": "test", "path": "/spec/replicas", "value": 2},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
            {"op": "test", "path": "/spec/replicas", "value": 3},
        )
    )
    assert objects.named("Deployment", "st2-st2api")["spec"]["replicas"] == 3


def test_patches_reach_extra_objects(synth: Synth) -> None:
    added = {"op": "add", "path": "/data/c", "value": "d"}
    objects = synth({"extraObjects": [CONFIG_MAP], **patch(added, kind="ConfigMap", name="ansible")})
    assert objects.named("ConfigMap", "ansible")["data"] == {"a": "b", "c": "d"}


def test_patched_objects_are_checked(synth: Synth) -> None:
    with pytest.raises(UserError, match=r"^Deployment/st2-st2api: .*no ServiceAccount \"nobody\""):
        synth(patch({"op": "add", "path": "/spec/template/spec/serviceAccountName", "value": "nobody"}))


CANNOT = "patches[0].patch[0]: cannot be applied to Deployment/st2-st2api: "
MUST_KEEP = "patches[0].patch: must leave kind and metadata.name of Deployment/st2-st2api as they are"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            patch({"op": "remove", "path": "/spec/nothing"}),
            CANNOT + "can't remove a non-existent object 'nothing'",
        ),
        (
            patch({"op": "replace", "path": "/spec/nothing", "value": 1}),
            CANNOT + "can't replace a non-existent object 'nothing'",
        ),
        (
            patch({"op": "test", "path": "/spec/replicas", "value": 3}),
            CANNOT + "2 (<class 'int'>) is not equal to tested value 3 (<class 'int'>)",
        ),
        (
            patch({"op": "add", "path": "/a", "value": 1}, {"op": "add", "path": "/spec/x/y", "value": 1}),
            CANNOT.replace("patch[0]", "patch[1]") + "member 'x' not found",
        ),
        (
            patch({"op": "replace", "path": "/metadata/name", "value": "other"}),
            MUST_KEEP,
        ),
        (
            patch({"op": "replace", "path": "", "value": []}),
            MUST_KEEP,
        ),
    ],
)
def test_patches_that_cannot_be_applied(cluster: MakeCluster, values: dict[str, Any], message: str) -> None:
    api = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "st2-st2api"}, "spec": {"replicas": 2}}
    with pytest.raises(InvalidValues) as caught:
        apply_patches(cluster(values).values.patches, [api])
    assert str(caught.value) == message


def test_all_wrong_patches_are_told(cluster: MakeCluster) -> None:
    nowhere = patch({"op": "remove", "path": "/x"}, name="a")["patches"] + patch(name="b")["patches"]
    with pytest.raises(InvalidValues) as caught:
        apply_patches(cluster({"patches": nowhere}).values.patches, [])
    assert [problem.key for problem in caught.value.problems] == ["patches[0].target", "patches[1].target"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("/metadata", "x", MUST_KEEP),
        ("/metadata", None, MUST_KEEP),
        ("", [1], MUST_KEEP),
        ("/apiVersion", 1, "patches[0].patch: must leave apiVersion of Deployment/st2-st2api a text"),
    ],
)
def test_what_is_no_object_any_more_is_told(synth: Synth, path: str, value: object, message: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        synth(patch({"op": "replace", "path": path, "value": value}))
    assert str(caught.value) == message

"""What plans say of fields that cannot be changed is what the API server says."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
from servers.kube_apiserver import ApiServer

from constructs_st2.changes.immutable import FIXED, Path
from constructs_st2.kube.documents import Document

NAMESPACE = "stackstorm"
LABELS = {"app": "fixed"}
POD: dict[str, Any] = {
    "metadata": {"labels": LABELS},
    "spec": {
        "containers": [{"name": "one", "image": "st2:1"}],
        "restartPolicy": "Always",
    },
}
CLAIM: dict[str, Any] = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
    "storageClassName": "one",
}
SELECTOR = {"matchLabels": LABELS}


def thing(kind: str, api_version: str, **fields: Any) -> Document:
    metadata = {"name": "fixed", "namespace": NAMESPACE, "labels": LABELS}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


OBJECTS = {
    each["kind"]: each
    for each in (
        thing(
            "StatefulSet",
            "apps/v1",
            spec={
                "serviceName": "fixed",
                "selector": SELECTOR,
                "template": POD,
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
            },
        ),
        thing("Deployment", "apps/v1", spec={"selector": SELECTOR, "template": POD}),
        thing("DaemonSet", "apps/v1", spec={"selector": SELECTOR, "template": POD}),
        thing("Job", "batch/v1", spec={"template": {**POD, "spec": {**POD["spec"], "restartPolicy": "Never"}}}),
        thing("Service", "v1", spec={"clusterIP": "None", "selector": LABELS, "ports": [{"port": 80}]}),
        thing("PersistentVolumeClaim", "v1", spec=CLAIM),
        thing(
            "RoleBinding",
            "rbac.authorization.k8s.io/v1",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"},
        ),
        thing(
            "ClusterRoleBinding",
            "rbac.authorization.k8s.io/v1",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "one"},
        ),
        thing("Secret", "v1", type="Opaque"),
        thing("PriorityClass", "scheduling.k8s.io/v1", value=1, preemptionPolicy="Never"),
    )
}
IMAGE = {"spec": {"containers": [{"name": "one", "image": "st2:2"}]}}
FIXED_CHANGES: list[tuple[str, Path, Any]] = [
    ("StatefulSet", ("spec", "serviceName"), "another"),
    ("StatefulSet", ("spec", "podManagementPolicy"), "Parallel"),
    ("StatefulSet", ("spec", "selector"), {"matchLabels": {"app": "another"}}),
    ("StatefulSet", ("spec", "volumeClaimTemplates"), [{"metadata": {"name": "another"}, "spec": CLAIM}]),
    ("Deployment", ("spec", "selector"), {"matchLabels": {"tier": "another"}}),
    ("DaemonSet", ("spec", "selector"), {"matchLabels": {"tier": "another"}}),
    ("Job", ("spec", "template"), IMAGE),
    ("Job", ("spec", "selector"), {"matchLabels": {"app": "another"}}),
    ("Job", ("spec", "completions"), 2),
    ("Job", ("spec", "completionMode"), "Indexed"),
    ("Service", ("spec", "clusterIP"), "10.0.0.20"),
    ("Service", ("spec", "clusterIPs"), ["10.0.0.20"]),
    ("PersistentVolumeClaim", ("spec", "accessModes"), ["ReadOnlyMany"]),
    ("PersistentVolumeClaim", ("spec", "storageClassName"), "another"),
    ("RoleBinding", ("roleRef",), {"name": "another"}),
    ("ClusterRoleBinding", ("roleRef",), {"name": "another"}),
    ("Secret", ("type",), "kubernetes.io/tls"),
    ("PriorityClass", ("value",), 2),
    ("PriorityClass", ("preemptionPolicy",), "PreemptLowerPriority"),
]
FREE_CHANGES: list[tuple[str, Path, Any]] = [
    ("StatefulSet", ("spec", "replicas"), 2),
    ("StatefulSet", ("spec", "ordinals"), {"start": 1}),
    ("StatefulSet", ("spec", "template"), IMAGE),
    ("StatefulSet", ("spec", "updateStrategy"), {"type": "OnDelete", "rollingUpdate": None}),
    ("StatefulSet", ("spec", "persistentVolumeClaimRetentionPolicy"), {"whenDeleted": "Delete"}),
    ("StatefulSet", ("spec", "minReadySeconds"), 5),
    ("StatefulSet", ("spec", "revisionHistoryLimit"), 5),
    ("Deployment", ("spec", "template"), IMAGE),
    ("Job", ("spec", "parallelism"), 2),
    ("Job", ("spec", "backoffLimit"), 2),
    ("Service", ("spec", "ports"), [{"port": 81}]),
    ("PriorityClass", ("description",), "another"),
]


def status_of(server: ApiServer, kind: str, path: Path, value: Any) -> int:
    there = server.apply(OBJECTS[kind])
    change = value
    for key in reversed(path):
        change = {key: change}
    where = f"{server.path(there)}/{there['metadata']['name']}?dryRun=All"
    return server.request("PATCH", where, change, "application/merge-patch+json")[0]


@pytest.mark.parametrize(("kind", "path", "value"), FIXED_CHANGES)
def test_what_is_fixed_is_refused(api_server: ApiServer, kind: str, path: Path, value: Any) -> None:
    assert FIXED[kind].holds(path)
    assert status_of(api_server, kind, path, value) == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(("kind", "path", "value"), FREE_CHANGES)
def test_what_is_free_is_taken(api_server: ApiServer, kind: str, path: Path, value: Any) -> None:
    assert not FIXED[kind].holds(path)
    assert status_of(api_server, kind, path, value) == HTTPStatus.OK


def test_every_field_is_tried() -> None:
    tried = [(kind, path) for kind, path, _ in (*FIXED_CHANGES, *FREE_CHANGES)]
    for kind, fixed in FIXED.items():
        for path in fixed.paths:
            assert any(kind == other and each[: len(path)] == path for other, each in tried), (kind, path)

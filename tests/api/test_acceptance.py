"""What the synth accepts, a real API server accepts: by dry runs, and the default cluster in earnest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import test_blocks
import test_documents
import yaml
from api.rich import RESTRICTED
from hypothesis import HealthCheck, given, settings
from servers.kube_apiserver import ApiServer, Refused
from servers.ports import eventually
from support import LONG, Synth
from test_properties import FILES, outcome, written
from values_strategies import SCHEMA

from constructs_st2.checks.pod_security import level_of
from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.kube.documents import Document, identity, is_namespaced, pod_template
from constructs_st2.values import load

NAMESPACE = "stackstorm"
POD_SECURITY = "pod-security.kubernetes.io"
STORAGE = "ephemeral-storage"
LIMITS = [
    {"type": "Pod", "min": {"memory": "1Mi"}, "max": {"memory": "64Gi", STORAGE: "200Gi"}},
    {"type": "PersistentVolumeClaim", "min": {"storage": "1Mi"}, "max": {"storage": "1Ti"}},
]
QUOTA = {
    "pods": "100",
    "requests.cpu": "100",
    "requests.memory": "100Gi",
    "limits.memory": "100Gi",
    f"requests.{STORAGE}": "300Gi",
    f"limits.{STORAGE}": "300Gi",
}

_TAKEN: set[str] = set()
"""What the server has taken; most objects are the same in many clusters."""
_KEPT: set[str] = set()
"""What the server has kept as it was when it was applied again, whatever its namespace is called."""


def offer(server: ApiServer, objects: Iterable[Document]) -> list[str]:
    """What the server says of those objects that it refuses."""
    refused = []
    for document in objects:
        if is_namespaced(document):
            # The user's own objects may be for other namespaces, which only the user's cluster has.
            document = {**document, "metadata": {**document["metadata"], "namespace": NAMESPACE}}
        text = json.dumps(document)
        if text not in _TAKEN:
            try:
                server.apply(document, dry_run=True)
                _TAKEN.add(text)
            except Refused as refusal:
                refused.append(str(refusal))
    return refused


def pods_of(objects: Iterable[Document]) -> Iterator[Document]:
    """The pods that controllers make of workloads."""
    for document in objects:
        if (template := pod_template(document)) is None:
            continue
        metadata = {**template["metadata"], "name": "made", "namespace": document["metadata"]["namespace"]}
        claims = [
            {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": "made"}}
            for claim in document["spec"].get("volumeClaimTemplates", ())
        ]
        spec = {**template["spec"], "volumes": [*template["spec"].get("volumes", ()), *claims]}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def bounded(api_server: ApiServer) -> Callable[[Iterable[Document]], list[str]]:
    """Tells what a namespace with bounds refuses of the pods of some objects.

    Pods must be within Pod Security and a LimitRange, and each container must ask for and limit what a ResourceQuota
    counts. A LimitRange for containers would fill in what they lack, so this one is for pods and claims.
    """
    for level in ("baseline", "privileged", "restricted"):
        labels = {f"{POD_SECURITY}/enforce": level}
        api_server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": level, "labels": labels}})
        for kind, spec in (("LimitRange", {"limits": LIMITS}), ("ResourceQuota", {"hard": QUOTA})):
            metadata = {"name": "bounds", "namespace": level}
            made = api_server.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec})
        # No controller counts; without a count, nothing is bounded.
        path = f"/api/v1/namespaces/{level}/resourcequotas/bounds/status"
        counted = {"hard": QUOTA, "used": dict.fromkeys(QUOTA, "0")}
        assert api_server.request("PUT", path, {**made, "status": counted})[0] == 200
        within_limits = {"resources": {"limits": {"memory": "1Gi", STORAGE: "1Gi"}}}
        unbounded = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "probe", "namespace": level},
            "spec": {**RESTRICTED, "containers": [{**RESTRICTED["containers"][0], **within_limits}]},
        }
        eventually(partial(is_over_quota, api_server, unbounded), "the quota is in force")
    taken: set[str] = set()

    def refused(objects: Iterable[Document]) -> list[str]:
        objects = list(objects)
        level = level_of([pod for each in objects if (pod := pod_template(each))])
        refused = []
        for pod in pods_of(objects):
            pod["metadata"] = {**pod["metadata"], "namespace": level}
            text = json.dumps(pod)
            try:
                if text not in taken:
                    api_server.create(pod, dry_run=True)
                taken.add(text)
            except Refused as refusal:
                refused.append(f"{pod['metadata'].get('labels')}: {refusal}")
        return refused

    return refused


def is_over_quota(server: ApiServer, pod: Document) -> bool:
    try:
        server.create(pod, dry_run=True)
    except Refused as refusal:
        return "failed quota" in str(refusal)
    return False


Bounded = Callable[[Iterable[Document]], list[str]]


def changed_again(server: ApiServer, objects: Sequence[Document]) -> list[str]:
    """Apply objects in earnest, twice: those that the second time changed."""
    wanted = {each["metadata"]["namespace"] for each in objects if is_namespaced(each)}
    made = {each["metadata"]["name"] for each in objects if each["kind"] == "Namespace"}
    for name in wanted - made:
        server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    anywhere = [re.sub(rf"\b({'|'.join(wanted)})\b", "NAMESPACE", json.dumps(each)) for each in objects]
    new = [
        # The others need theirs.
        each
        for each, text in zip(objects, anywhere, strict=True)
        if text not in _KEPT or each["kind"] == "Namespace"
    ]
    first, again = ([kept(server.apply(each)) for each in new] for _ in range(2))
    changed = [identity(each) for each, before, after in zip(new, first, again, strict=True) if before != after]
    if not changed:
        _KEPT.update(anywhere)
    return changed


def kept(document: Document) -> Document:
    """An object as it is, its generation too, without what the server writes down about writing."""
    unsaid = ("managedFields", "resourceVersion")
    metadata = {name: value for name, value in document["metadata"].items() if name not in unsaid}
    return {**document, "metadata": metadata}


def test_bounds_are_in_force(bounded: Bounded, synth: Synth) -> None:
    """What one container lacks, its pod is refused for. As to its storage, the server asks the pod as a whole."""
    for kind, resource in (("requests", "cpu"), ("limits", "memory")):
        objects = synth()
        resources = objects.container("st2api")["resources"]
        del resources[kind][resource]
        if kind == "requests":
            # Where there is a limit, it is the request, too.
            del resources["limits"][resource]
        (refusal,) = bounded(objects)
        assert f"must specify {kind}.{resource} for: st2api" in refusal


@pytest.mark.parametrize("block", test_blocks.BLOCKS)
def test_every_optional_part(api_server: ApiServer, synth: Synth, bounded: Bounded, block: str) -> None:
    objects = synth(test_blocks.BLOCKS[block])
    assert offer(api_server, objects) == []
    assert bounded(objects) == []


def test_all_optional_parts_together(api_server: ApiServer, synth: Synth, bounded: Bounded) -> None:
    objects = synth(test_blocks.together(test_blocks.BLOCKS), namespace="together")
    assert changed_again(api_server, objects) == []
    assert bounded(objects) == []


@pytest.mark.parametrize("path", test_documents.VALUES_FILES, ids=str)
def test_every_example_is_applied_and_applied_again_changes_nothing(
    api_server: ApiServer, bounded: Bounded, path: Path
) -> None:
    namespace = f"example-{test_documents.VALUES_FILES.index(path)}"
    loaded = load([path], [], release_name="st2", release_namespace=namespace)
    objects = build(cluster_of(loaded.values, "st2", namespace)).objects
    assert changed_again(api_server, objects) == []
    assert bounded(objects) == []


@pytest.mark.parametrize("block", test_documents.BLOCKS.values(), ids=test_documents.BLOCKS)
def test_every_documented_block(
    api_server: ApiServer, synth: Synth, bounded: Bounded, block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(test_documents.ROOT / "examples" / "content")
    objects = synth(yaml.safe_load(block))
    assert offer(api_server, objects) == []
    assert bounded(objects) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("values")


@settings(
    max_examples=2000 if LONG else 200,
    deadline=None,
    derandomize=not LONG,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
@given(FILES)
def test_whatever_the_synth_accepts(api_server: ApiServer, folder: Path, values: dict[str, Any]) -> None:
    objects = outcome(written(values, folder))
    if isinstance(objects, list):
        known = [document for document in objects if api_server.knows(document)]
        assert offer(api_server, known) == []


PARTS = 21


# By numbers, because the schema takes a second, which each process would spend that collects the tests.
@pytest.mark.parametrize("part", range(PARTS))
def test_every_key(api_server: ApiServer, folder: Path, part: int) -> None:
    """What the synth accepts of each key of each type, wherever that is set first."""
    paths = sorted(SCHEMA.fields().values(), key=repr)
    size = -(-len(paths) // PARTS)
    for path in paths[part * size :][: size if LONG else 1]:
        whatever_it_holds(api_server, folder, path)


def whatever_it_holds(api_server: ApiServer, folder: Path, path: tuple[str | int | None, ...]) -> None:
    @settings(
        max_examples=6 if LONG else 3,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(SCHEMA.holding(path))
    def offered(values: dict[str, Any]) -> None:
        objects = outcome(written(values, folder))
        if isinstance(objects, list):
            assert offer(api_server, filter(api_server.knows, objects)) == []

    offered()

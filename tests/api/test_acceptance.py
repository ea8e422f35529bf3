"""What the synth accepts, a real API server accepts: by dry runs, and the default cluster in earnest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import test_blocks
import test_documents
import yaml
from hypothesis import HealthCheck, given, settings
from servers.kube_apiserver import ApiServer, Refused
from support import LONG, Synth
from test_properties import FILES, outcome, written

from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.kube.documents import Document, is_namespaced, pod_template
from constructs_st2.values import load

NAMESPACE = "stackstorm"

_TAKEN: set[str] = set()
"""What the server has taken; most objects are the same in many clusters."""


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


def test_the_default_cluster_is_applied_and_applied_again_changes_nothing(api_server: ApiServer, synth: Synth) -> None:
    objects = synth(namespace="applied")
    first = [api_server.apply(document) for document in objects]
    again = [api_server.apply(document) for document in objects]
    assert [each["metadata"].get("generation", 1) for each in first] == [1] * len(objects)
    # The version changes with whatever changes; the generation, with the specification alone.
    assert [each["metadata"]["resourceVersion"] for each in again] == [
        each["metadata"]["resourceVersion"] for each in first
    ]
    for pod in pods_of(objects):
        api_server.create(pod, dry_run=True)


@pytest.mark.parametrize("block", test_blocks.BLOCKS)
def test_every_optional_part(api_server: ApiServer, synth: Synth, block: str) -> None:
    assert offer(api_server, synth(test_blocks.BLOCKS[block])) == []


def test_all_optional_parts_together(api_server: ApiServer, synth: Synth) -> None:
    objects = synth(test_blocks.together(test_blocks.BLOCKS))
    assert offer(api_server, objects) == []
    for pod in pods_of(objects):
        api_server.create(pod, dry_run=True)


@pytest.mark.parametrize("path", test_documents.VALUES_FILES, ids=str)
def test_every_example(api_server: ApiServer, path: Path) -> None:
    loaded = load([path], [], release_name="st2", release_namespace=NAMESPACE)
    assert offer(api_server, build(cluster_of(loaded.values)).objects) == []


@pytest.mark.parametrize("block", test_documents.BLOCKS.values(), ids=test_documents.BLOCKS)
def test_every_documented_block(
    api_server: ApiServer, synth: Synth, block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(test_documents.ROOT / "examples" / "content")
    assert offer(api_server, synth(yaml.safe_load(block))) == []


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

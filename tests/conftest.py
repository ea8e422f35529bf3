"""Fixtures for all tests: clusters from values, and their objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from constructs_st2.cluster import Cluster
from constructs_st2.kubernetes import Document, identity, pod_template
from constructs_st2.values import from_mapping

MakeCluster = Callable[..., Cluster]
Synth = Callable[..., "Objects"]


class Objects(list[Document]):
    """Synthesized objects, with ways to find one."""

    def named(self, kind: str, name: str) -> Document:
        """The one object of a kind and name."""
        (found,) = (document for document in self if identity(document) == f"{kind}/{name}")
        return found

    def of_kind(self, kind: str) -> list[Document]:
        """All objects of a kind."""
        return [document for document in self if document["kind"] == kind]

    def pod_templates(self) -> dict[str, Document]:
        """The pod template of each workload, by the workload's name."""
        return {d["metadata"]["name"]: pod for d in self if (pod := pod_template(d)) is not None}


@pytest.fixture(scope="session")
def cluster() -> MakeCluster:
    """Makes the cluster of some values: `cluster({"st2api": {"replicas": 3}}, release="st2")`."""

    def make(values: Mapping[str, Any] | None = None, release: str = "st2", namespace: str = "stackstorm") -> Cluster:
        return Cluster.of(from_mapping(values or {}), release, namespace)

    return make


@pytest.fixture(scope="session")
def synth(cluster: MakeCluster) -> Synth:
    """Makes the objects of some values."""
    from constructs_st2.synth import build

    def make(values: Mapping[str, Any] | None = None, **release: str) -> Objects:
        return Objects(build(cluster(values, **release)).objects)

    return make


@pytest.fixture(scope="session")
def default_objects(synth: Synth) -> Objects:
    """The objects of the default cluster."""
    return synth()

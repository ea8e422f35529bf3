"""Fixtures for all tests: clusters from values, and their objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from support import MakeCluster, Objects, Synth

from constructs_st2.cluster import Cluster
from constructs_st2.values import from_mapping


@pytest.fixture(scope="session")
def cluster() -> MakeCluster:
    """Makes the cluster of some values: `cluster({"st2api": {"replicas": 3}}, release="blue")`."""

    def make(values: Mapping[str, Any] | None = None, release: str = "st2", namespace: str = "stackstorm") -> Cluster:
        return Cluster.of(from_mapping(values or {}), release, namespace)

    return make


@pytest.fixture(scope="session")
def synth(cluster: MakeCluster) -> Synth:
    """Makes the objects of some values, checked but not written."""
    from constructs_st2.synth import build

    def make(values: Mapping[str, Any] | None = None, **release: str) -> Objects:
        return Objects(build(cluster(values, **release)).objects)

    return make


@pytest.fixture(scope="session")
def default_objects(synth: Synth) -> Objects:
    """The objects of the default cluster. Do not change them."""
    return synth()

"""Labels of the release are the release's own: a user's value for one is refused, wherever it is given."""

from __future__ import annotations

from typing import Any

import pytest
from support import MakeCluster, Synth

from constructs_st2.errors import InvalidValues
from constructs_st2.facts.release import RESERVED_LABELS

MINE = {"app.kubernetes.io/name": "mine"}
PLACES: list[tuple[dict[str, Any], str]] = [
    ({"st2api": {"labels": MINE}}, "st2api.labels"),
    ({"mongodb": {"labels": MINE}}, "mongodb.labels"),
    ({"mongodb": {"persistence": {"labels": MINE}}}, "mongodb.persistence.labels"),
    ({"jobs": {"labels": MINE}}, "jobs.labels"),
    ({"jobs": {"extra": [{"name": "a", "command": ["a"], "labels": MINE}]}}, "jobs.extra[0].labels"),
    ({"st2actionrunner": {"pools": [{"name": "a", "labels": MINE}]}}, "st2actionrunner.pools[0].labels"),
    ({"namespace": {"labels": MINE}}, "namespace.labels"),
    ({"serviceAccount": {"serviceAccountLabels": MINE}}, "serviceAccount.serviceAccountLabels"),
    ({"docker-registry": {"labels": MINE}}, "docker-registry.labels"),
]


@pytest.mark.parametrize(("values", "key"), PLACES, ids=[key for _, key in PLACES])
def test_a_label_of_the_release_is_refused(cluster: MakeCluster, values: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        cluster(values)
    (problem,) = caught.value.problems
    assert problem.key == f'{key}["app.kubernetes.io/name"]'
    assert "is set by the release" in problem.message


def test_those_are_all_labels_that_pods_have(synth: Synth) -> None:
    templates = synth({"st2api": {"labels": {"team": "automation"}}}).pod_templates()
    assert templates["st2-st2api"]["metadata"]["labels"].keys() - RESERVED_LABELS == {"team"}

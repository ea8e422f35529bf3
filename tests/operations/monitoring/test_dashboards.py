"""The dashboards for Grafana."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest
from operations.monitoring.queries import FUNCTIONS, METRICS, selected, words
from support import MakeCluster

from constructs_st2.kube.documents import Document
from constructs_st2.parts.monitoring import documents
from constructs_st2.parts.monitoring.keys import KEYS

ETCD = {"coordination": {"backend": "etcd"}}
LABELS = {
    label for key in KEYS for label in key.labels
} | {"queue", "pod", "member_idx", "legacy_op_type", "persistentvolumeclaim"}  # fmt: skip


@pytest.fixture
def config_maps(cluster: MakeCluster) -> Any:
    """The ConfigMaps with the dashboards of a cluster."""

    def make(values: dict[str, Any] | None = None, release: str = "st2", **settings: Any) -> list[Document]:
        monitoring = {"enabled": True, "dashboards": {"enabled": True, **settings}}
        made = documents(cluster({"monitoring": monitoring, **(values or {})}, release=release))
        return [each for each in made if each["metadata"]["name"].startswith(f"{release}-monitoring-")]

    return make


def models(config_maps: list[Document]) -> list[Document]:
    return [json.loads(text) for each in config_maps for text in each["data"].values()]


def panels(config_maps: list[Document]) -> list[Document]:
    return [panel for model in models(config_maps) for panel in model["panels"] if panel["type"] != "row"]


def rows(config_maps: list[Document]) -> list[str]:
    return [panel["title"] for model in models(config_maps) for panel in model["panels"] if panel["type"] == "row"]


def test_there_is_one_for_stackstorm_and_one_for_what_it_stands_on(config_maps: Any) -> None:
    assert [each["metadata"]["name"] for each in config_maps()] == ["st2-monitoring-overview", "st2-monitoring-data"]
    assert rows(config_maps()) == [
        *("Executions", "Queues", "Engines and rules", "APIs", "Pods"),
        *("MongoDB", "RabbitMQ", "Redis", "Volumes"),
    ]
    assert "etcd" in rows(config_maps(ETCD))
    assert "MongoDB" not in rows(config_maps({"mongodb": {"metrics": {"enabled": False}}}))


def test_grafana_finds_them(config_maps: Any) -> None:
    (overview, _) = config_maps()
    assert overview["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert overview["metadata"]["annotations"] == {"grafana_folder": "StackStorm"}
    (overview, _) = config_maps(labels={"dashboards": "mine"}, annotations={})
    assert overview["metadata"]["labels"]["dashboards"] == "mine"
    assert "grafana_dashboard" not in overview["metadata"]["labels"]
    assert "annotations" not in overview["metadata"]


def test_those_of_two_releases_can_stand_side_by_side(config_maps: Any) -> None:
    made = [*config_maps(), *config_maps(release="blue")]
    assert len({file for each in made for file in each["data"]}) == 4
    assert len({model["uid"] for model in models(made)}) == 4
    assert len({model["title"] for model in models(made)}) == 4
    assert all(len(model["uid"]) <= 40 for model in models(made))


def test_queries_use_only_metrics_that_exist(config_maps: Any) -> None:
    for panel in panels([*config_maps(), *config_maps(ETCD)]):
        for target in panel["targets"]:
            query = target["expr"]
            assert {metric for metric, _ in selected(query)} - METRICS == set(), panel["title"]
            assert words(query) <= FUNCTIONS, panel["title"]
            assert query.count("(") == query.count(")"), panel["title"]


def test_legends_name_labels_that_the_queries_keep(config_maps: Any) -> None:
    for panel in panels([*config_maps(), *config_maps(ETCD)]):
        for target in panel["targets"]:
            for label in target["legendFormat"].split("{{")[1:]:
                name = label.partition("}}")[0]
                assert name in LABELS, panel["title"]
                assert f"{name}" in target["expr"], panel["title"]


def test_queries_see_only_the_release(config_maps: Any) -> None:
    for panel in panels(config_maps(release="blue")):
        for target in panel["targets"]:
            for metric, selector in selected(target["expr"]):
                assert 'namespace="stackstorm"' in selector, metric
                assert "blue-" in selector, metric


def test_panels_do_not_overlap(config_maps: Any) -> None:
    def overlap(one: Document, other: Document) -> bool:
        return all(
            one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
            for start, size in (("x", "w"), ("y", "h"))
        )

    for model in models(config_maps()):
        places = [panel["gridPos"] for panel in model["panels"]]
        assert not any(overlap(one, other) for one, other in combinations(places, 2))
        assert all(place["x"] + place["w"] <= 24 for place in places)
        assert len({panel["id"] for panel in model["panels"]}) == len(places)


def test_the_user_chooses_the_data_source(config_maps: Any) -> None:
    (model, _) = models(config_maps())
    assert model["templating"]["list"][0]["type"] == "datasource"
    assert {panel["datasource"]["uid"] for panel in panels(config_maps())} == {"${datasource}"}

"""Content that is too much for one ConfigMap: it is in several, and pods find all of it in one folder."""

from __future__ import annotations

from typing import Any

import pytest
from support import Synth

from constructs_st2.construct.clusters import cluster_of
from constructs_st2.errors import InvalidValues
from constructs_st2.facts.content import datastore
from constructs_st2.kube import parted as parted_files
from constructs_st2.kube.parted import FILES_LIMIT, applied_size, parted
from constructs_st2.values import from_mapping

HALF = "a: " + "x" * (FILES_LIMIT // 2) + "\n"


def test_files_are_in_as_few_as_will_do() -> None:
    assert parted("x", {}) == {}
    assert parted("x", {"a": "1", "b": "2"}) == {"x": {"a": "1", "b": "2"}}
    found = parted("x", {"a": HALF, "b": HALF, "c": "1"})
    assert {name: list(files) for name, files in found.items()} == {"x": ["a"], "x-2": ["b", "c"]}


def test_the_size_is_that_of_kubectl() -> None:
    assert applied_size("<é\n") == len('"') * 2 + 6 + 2 + 2


@pytest.mark.parametrize("secret", [None, "mine"])
def test_all_configurations_of_packs_are_in_one_folder(synth: Synth, secret: str | None) -> None:
    files = {f"p{number}.yaml": HALF for number in range(3)}
    objects = synth({"st2": {"packs": {"configs": files, "existingConfigsSecret": secret}}})
    config_maps = [d for d in objects.of_kind("ConfigMap") if d["metadata"]["name"].startswith("st2-st2-pack-configs")]
    assert [list(d["data"]) for d in config_maps] == [["p0.yaml"], ["p1.yaml"], ["p2.yaml"]]
    job = objects.begins("Job", "st2-job-register-content")
    (volume,) = [v for v in job["spec"]["template"]["spec"]["volumes"] if v["name"] == "st2-pack-configs"]
    sources = volume["projected"]["sources"]
    assert [source["configMap"]["name"] for source in sources[:3]] == [d["metadata"]["name"] for d in config_maps]
    assert sources[3:] == ([{"secret": {"name": "mine"}}] if secret else [])


def test_all_items_are_loaded(synth: Synth, monkeypatch: pytest.MonkeyPatch) -> None:
    # PyYAML takes seconds to write a text of the real size.
    for module in (datastore, parted_files):
        monkeypatch.setattr(module, "FILES_LIMIT", FILES_LIMIT // 20)
    items = [{"name": f"n{number}", "value": "x" * (FILES_LIMIT // 40)} for number in range(3)]
    objects = synth({"st2": {"keyvalue": items}})
    job = objects.begins("Job", "st2-job-key-load")
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[-3:] == [f"/opt/constructs-st2-datastore/values/kv{n}.yaml" for n in ("", "-2", "-3")]
    data = [d["data"] for d in objects.of_kind("ConfigMap") if d["metadata"]["name"].startswith("st2-st2-kv")]
    assert [list(files) for files in data] == [["kv.yaml"], ["kv-2.yaml"], ["kv-3.yaml"]]


@pytest.mark.parametrize(
    ("st2", "key"),
    [
        ({"packs": {"configs": {"a.yaml": HALF * 3}}}, 'st2.packs.configs["a.yaml"]'),
        ({"keyvalue": [{"name": "a", "value": HALF * 3}]}, "st2.keyvalue[0]"),
    ],
)
def test_one_that_is_too_large_is_told_with_numbers(st2: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidValues) as caught:
        cluster_of(from_mapping({"st2": st2}))
    (problem,) = [each for each in caught.value.problems if "bytes" in each.message]
    assert problem.key == key
    assert f"of at most {FILES_LIMIT} that fit into a ConfigMap" in problem.message

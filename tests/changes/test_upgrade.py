"""`constructs-st2 upgrade`: the steps that are left, and how the next one is written into a values file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import MakeCluster, Synth

from constructs_st2.changes.plan import plan_of
from constructs_st2.commands import cli
from constructs_st2.commands.upgrade import steps_to
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.values.editing import with_value


def merged(values: dict[str, Any], key: str, value: str) -> dict[str, Any]:
    first, *rest = key.split(".")
    below = values.get(first, {})
    return {**values, first: merged(below, ".".join(rest), value) if rest else value}


@pytest.mark.parametrize(
    ("values", "what", "version", "tags"),
    [
        (
            {"mongodb": {"image": {"tag": "4.4.30"}}},
            "mongodb",
            "7.0",
            ["4.4", "5.0", "5.0", "6.0", "6.0", "7.0", "7.0"],
        ),
        ({"rabbitmq": {"image": {"tag": "3.13-management"}}}, "rabbitmq", "4.2", ["4.0", "4.1", "4.2"]),
        ({"redis": {"image": {"tag": "7.2"}}}, "redis", "8.0", ["8.0"]),
        ({}, "redis", "8.0", []),
    ],
)
def test_each_step_leads_to_the_next_and_none_is_refused(
    cluster: MakeCluster, synth: Synth, values: dict[str, Any], what: str, version: str, tags: list[str]
) -> None:
    taken = []
    while steps := list(steps_to(cluster(values), what, version)):
        before = synth(values)
        (value,) = steps[0].values.values()
        taken.append(value.removesuffix("-management"))
        for key, value in steps[0].values.items():
            values = merged(values, key, value)
        assert plan_of(before, synth(values)).refused == []
        assert len(taken) <= len(tags)
    assert taken == tags


def test_st2_goes_alone(cluster: MakeCluster, synth: Synth) -> None:
    old = {"image": {"tag": "3.8"}}
    (step,) = steps_to(cluster(old), "st2", "3.9")
    assert {key: step.values[key] for key in ("mongodb.image.tag", "redis.image.tag", "image.tag")} == {
        "mongodb.image.tag": "4.4.30",
        "redis.image.tag": "7.2",
        "image.tag": "3.9",
    }
    new: dict[str, Any] = old
    for key, value in step.values.items():
        new = merged(new, key, value)
    plan = plan_of(synth(old), synth(new))
    assert plan.refused == []
    assert "mongodb" not in plan.replaced
    assert "rabbitmq" not in plan.replaced


@pytest.mark.parametrize(("what", "version"), [("mongodb", "6.0"), ("st2", "3.8"), ("st2", "2.0"), ("etcd", "3.6")])
def test_where_no_way_leads(cluster: MakeCluster, what: str, version: str) -> None:
    with pytest.raises(UserError):
        list(steps_to(cluster(), what, version))


def test_a_version_that_nobody_knows(cluster: MakeCluster) -> None:
    with pytest.raises(UserError, match=r"4\.2 -> 9\.9: no known version leads there"):
        list(steps_to(cluster(), "rabbitmq", "9.9"))


def test_st2_that_is_too_old_goes_first(cluster: MakeCluster) -> None:
    with pytest.raises(UserError, match="upgrade st2 first"):
        list(steps_to(cluster({"image": {"tag": "3.8"}}), "mongodb", "7.0"))


@pytest.mark.parametrize("held", ["5.0", "8.0"])
def test_a_format_that_the_server_cannot_have(synth: Synth, held: str) -> None:
    with pytest.raises(InvalidValues, match=r"MongoDB 7\.0 does not start with"):
        synth({"mongodb": {"featureCompatibilityVersion": held}})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'a:\n  b: "1"\n'),
        ("# mine\nx: 1\n", '# mine\na:\n  b: "1"\nx: 1\n'),
        ("a:\n  # why\n  b: 2  # two\n  c: 3\n", 'a:\n  # why\n  b: "1"  # two\n  c: 3\n'),
        ("a:\n    c: 3\nx: 1\n", 'a:\n    b: "1"\n    c: 3\nx: 1\n'),
    ],
)
def test_all_else_in_the_file_stays(before: str, after: str) -> None:
    made = with_value(before, ["a", "b"], "1")
    assert made == after
    assert yaml.safe_load(made)["a"]["b"] == "1"


@pytest.mark.parametrize("text", ["a: {c: 1}\n", "a: 1\n", "a:\n  b: [1]\n"])
def test_what_only_a_person_can_change(text: str) -> None:
    with pytest.raises(UserError, match="by hand"):
        with_value(text, ["a", "b"], "1")


def test_the_next_step_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("values.yaml").write_text("rabbitmq:\n  image:\n    tag: 3.13-management\n")
    for expected in ("4.0-management", "4.1-management"):
        monkeypatch.setattr(sys, "argv", ["constructs-st2", "upgrade", "rabbitmq", "4.2", "--write"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 0
        assert yaml.safe_load(Path("values.yaml").read_text()) == {"rabbitmq": {"image": {"tag": expected}}}

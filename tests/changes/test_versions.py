"""Which versions lead to which: steps, one by one."""

from __future__ import annotations

import itertools
from typing import Any

from support import Synth, each_of

from constructs_st2.changes.findings import Section
from constructs_st2.changes.plan import plan_of
from constructs_st2.facts.backends.upgrades import ETCD, MONGODB, RABBITMQ, REDIS, Upgrades, version_in


@each_of(
    ("upgrades", "old", "new", "steps"),
    [
        (MONGODB, "4.4", "7.0", "5.0 6.0 7.0"),
        (MONGODB, "7.0", "8.2", "8.2"),
        (MONGODB, "7.0", "7.0", ""),
        (MONGODB, "8.0", "7.0", None),
        (MONGODB, "8.2", "8.0", None),
        (RABBITMQ, "3.12", "4.2", "3.13 4.0 4.1 4.2"),
        (RABBITMQ, "4.1", "4.2", "4.2"),
        (RABBITMQ, "4.2", "3.13", None),
        (REDIS, "6.2", "8.0", "8.0"),
        (REDIS, "8.0", "7.4", None),
        (ETCD, "3.4", "3.6", "3.5 3.6"),
        (ETCD, "3.6", "3.5", None),
    ],
)
def test_steps(upgrades: Upgrades, old: str, new: str, steps: str | None) -> None:
    first, last = version_in(old), version_in(new)
    assert first
    assert last
    found = upgrades.steps(first, last)
    assert found is None if steps is None else [str(step) for step in found or []] == steps.split()
    assert upgrades.reads(first, last) is (steps is not None and len(steps.split()) <= 1)


def test_all_that_a_version_of_st2_moves_is_refused_with_its_steps(synth: Synth) -> None:
    plan = plan_of(synth({"image": {"tag": "3.8"}}), synth())
    said = "\n".join(line for finding in plan.refused for line in finding.lines())
    for step in ('"4.4.30", which keeps it', '"5.0"', '"6.0"', '"7.0"', '"4.0-management"', '"4.1-management"'):
        assert step in said
    assert "--accept mongodb-version" in said


def test_the_steps_pass_one_by_one(synth: Synth) -> None:
    """What the error tells to do is not refused again."""

    def at(tag: str, mongodb: str, rabbitmq: str, redis: str = "7.2") -> Any:
        return synth(
            {
                "image": {"tag": tag},
                "mongodb": {"image": {"tag": mongodb}},
                "rabbitmq": {"image": {"tag": f"{rabbitmq}-management"}},
                "redis": {"image": {"tag": redis}},
            }
        )

    states = [
        synth({"image": {"tag": "3.8"}}),
        at("3.9", "4.4.30", "3.13"),
        *(at("3.9", version, "3.13") for version in ("5.0", "6.0", "7.0")),
        *(at("3.9", "7.0", version) for version in ("4.0", "4.1", "4.2")),
        synth(),
    ]
    for old, new in itertools.pairwise(states):
        assert plan_of(old, new).refused == []
    for new in states[3:]:
        assert plan_of(states[0], new).refused, "leaving steps out"


def test_mongodb_leads_back_until_its_formats_are_newer(synth: Synth) -> None:
    def at(version: str, formats: str) -> Any:
        return synth({"mongodb": {"image": {"tag": version}, "featureCompatibilityVersion": formats}})

    def told(old: Any, new: Any) -> list[str]:
        plan = plan_of(old, new)
        return [finding.text for finding in (*plan.refused, *plan.of(Section.DATA))]

    assert told(at("5.0", "5.0"), at("6.0", "5.0")) == [
        "MongoDB 5.0 -> 6.0: as long as featureCompatibilityVersion is 5.0, 5.0 reads the data again"
    ]
    assert told(at("6.0", "5.0"), at("5.0", "5.0")) == [
        "MongoDB 6.0 -> 5.0: members start as long as featureCompatibilityVersion is 5.0, and else stop before"
    ]
    assert told(at("6.0", "5.0"), at("6.0", "6.0")) == [
        "featureCompatibilityVersion 6.0: there is no way back to an older MongoDB, but a backup from before"
    ]
    assert plan_of(at("6.0", "6.0"), at("5.0", "5.0")).refused
    assert plan_of(at("7.0", "6.0"), at("6.0", "6.0")).refused, "7.0 supports no older binary"
    assert plan_of(at("6.0", "5.0"), at("7.0", "6.0")).refused


def test_accepted_steps_are_not_refused(synth: Synth) -> None:
    plan = plan_of(synth({"mongodb": {"replicaCount": 5}}), synth(), accepted=["mongodb-members"])
    assert plan.refused == []
    assert plan.status == 3


def test_a_version_that_only_the_values_know(synth: Synth) -> None:
    def custom(version: str) -> Any:
        return synth({"mongodb": {"image": {"tag": "our-build"}, "version": version}})

    assert [finding.step for finding in plan_of(custom("5.0"), custom("7.0")).refused] == ["mongodb-version"]

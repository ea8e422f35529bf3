"""Values made in Python by keyword arguments: the same values, and the same messages, as those of a file."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from constructs_st2.errors import UserError
from constructs_st2.values import GivenValues, Values, from_mapping
from constructs_st2.values.model import (
    ActionRunner,
    HttpService,
    Image,
    Patch,
    PatchOperation,
    PatchTarget,
    St2,
)
from constructs_st2.values.model.services import RunnerPool


def test_nothing_given_is_the_default_cluster() -> None:
    assert Values() == from_mapping({})
    assert Values().st2api.replicas == 2
    assert Values().mongodb.resources


def test_the_profile_lies_below() -> None:
    assert Values(profile="dev") == from_mapping({"profile": "dev"})
    assert Values(st2api=HttpService(replicas=7)).st2api.resources == Values().st2api.resources


NULLS: Any = {"limits": {"cpu": None}, "requests": None}


@pytest.mark.parametrize(
    "given",
    [
        Values(st2api=HttpService(resources=NULLS)),
        Values(st2api={"resources": NULLS}),  # type: ignore[arg-type]
    ],
)
def test_null_takes_away_what_the_profile_says(given: Values) -> None:
    for values in (given, pickle.loads(pickle.dumps(given)), copy.deepcopy(given), given.model_copy()):
        resources = GivenValues.of(values).resolve("st2", "stackstorm").values.st2api.resources
        assert "cpu" not in resources["limits"]
        assert "requests" not in resources
        assert values == given


def test_a_mapping_that_was_changed_since() -> None:
    values = Values(profile="dev", st2api=HttpService(env={"A": "b", "E": "f"}, resources=NULLS))
    values.st2api.env["C"] = "d"
    del values.st2api.env["E"]
    for each in (values, values.model_copy(update={"profile": "ha"})):
        api = GivenValues.of(each).resolve("st2", "stackstorm").values.st2api
        assert api.env == {"A": "b", "C": "d"}
        assert "requests" not in api.resources
        assert api.replicas == (1 if each.profile == "dev" else 2)


def test_copies_with_something_else() -> None:
    dev = Values(profile="dev", st2api=HttpService(env={"A": "b"}))
    ha = dev.model_copy(update={"profile": "ha", "st2auth": HttpService(replicas=3)})
    same = Values(profile="ha", st2api=HttpService(env={"A": "b"}), st2auth=HttpService(replicas=3))
    assert GivenValues.of(ha) == GivenValues.of(same)
    assert GivenValues.of(dev) == GivenValues.of(Values(profile="dev", st2api=HttpService(env={"A": "b"})))


def test_they_are_the_values_of_a_mapping() -> None:
    made = Values(
        cluster_domain="example.org",
        image=Image(pull_policy="Always"),
        st2=St2(config={"api": {"max_page_size": 50}}),
        st2actionrunner=ActionRunner(
            replicas=8, pools=[RunnerPool(name="big", node_selector={"a": "b"})], pre_stop_sleep=5
        ),
        st2api=HttpService(env={"A": "b"}, resources={"requests": {"cpu": "1"}}),
        patches=[
            Patch(
                target=PatchTarget(kind="Deployment", name="x"),
                patch=[PatchOperation(op="move", path="/a", from_="/b")],
            )
        ],
    )
    assert made == from_mapping(
        {
            "clusterDomain": "example.org",
            "image": {"pullPolicy": "Always"},
            "st2": {"config": {"api": {"max_page_size": 50}}},
            "st2actionrunner": {
                "replicas": 8,
                "pools": [{"name": "big", "nodeSelector": {"a": "b"}}],
                "preStopSleep": 5,
            },
            "st2api": {"env": {"A": "b"}, "resources": {"requests": {"cpu": "1"}}},
            "patches": [
                {
                    "target": {"kind": "Deployment", "name": "x"},
                    "patch": [{"op": "move", "path": "/a", "from": "/b"}],
                }
            ],
        }
    )


WRONG: list[tuple[type[Any], dict[str, Any], tuple[str, ...]]] = [
    (
        HttpService,
        {"replica": 3, "pre_stop_sleep": "x"},
        (
            'HttpService.preStopSleep: must be a whole number, not the text "x"',
            'HttpService.replica: unknown key; did you mean "replicas"?',
        ),
    ),
    (ActionRunner, {"replicas": -1}, ("ActionRunner.replicas: must be at least 0, not -1",)),
    (Values, {"profile": "tiny"}, ('profile: must be one of ha, dev, not the text "tiny"',)),
    (
        Values,
        {"image": {"tag": "a/b"}},
        ('image.tag: a tag has no "/", ":" or "@"; give a digest in its own key "digest"',),
    ),
    (PatchOperation, {"op": "remove"}, ("PatchOperation.path: is required",)),
]


@pytest.mark.parametrize(("model", "given", "problems"), WRONG)
def test_wrong_ones_are_told_as_those_of_files(
    model: type[Any], given: dict[str, Any], problems: tuple[str, ...]
) -> None:
    with pytest.raises(UserError) as caught:
        model(**given)
    assert caught.value.problems == problems


def test_what_is_made_cannot_be_changed() -> None:
    values = Values(st2api=HttpService(replicas=3))
    with pytest.raises(AttributeError, match=r"HttpService\.replicas cannot be changed; .*model_copy\(update="):
        values.st2api.replicas = 9  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"Values\.profile cannot be changed"):
        del values.profile
    assert (values.st2api.replicas, values.profile) == (3, "ha")
    assert values.model_copy(update={"profile": "dev"}).profile == "dev"

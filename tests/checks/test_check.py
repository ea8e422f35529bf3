"""The check as a whole."""

from __future__ import annotations

import random
from typing import Any

import pytest
from checks.sound import (
    API,
    CONFIG,
    MAIN,
    SURROUNDINGS,
    Objects,
    add,
    both,
    document,
    findings_after,
    problems_after,
    put,
    sound_objects,
)
from support import LONG

from constructs_st2.checks import Problem, check


def test_a_sound_cluster_has_no_problems() -> None:
    assert check(list(sound_objects().values()), SURROUNDINGS) == []


def test_nothing_has_no_problems() -> None:
    assert check([]) == []


def test_problems_name_object_field_and_rule() -> None:
    problem = Problem("reference", "Deployment/st2-st2api", "spec.x", "there is no y")
    assert str(problem) == "Deployment/st2-st2api: spec.x: there is no y [reference]"


def test_messages_say_what_is_expected() -> None:
    (problem,) = problems_after(put(API, *MAIN, "envFrom", 0, "configMapRef", "name", value="nope"))
    assert str(problem) == (
        "Deployment/st2-st2api: spec.template.spec.containers[st2api].envFrom[0]: there is no ConfigMap "
        '"nope" in namespace "stackstorm"; add it, or correct the name [reference]'
    )


def test_the_order_of_objects_does_not_change_the_order_of_problems() -> None:
    objects = sound_objects()
    both(put(API, *MAIN, "image", value="st2api"), put(CONFIG, "data", "x y", value="z"))(objects)
    shuffled = list(objects.values())
    random.Random(1).shuffle(shuffled)
    expected = check(list(objects.values()), SURROUNDINGS)
    assert len(expected) == 2
    assert check(shuffled, SURROUNDINGS) == expected


def test_checking_changes_nothing() -> None:
    objects = list(sound_objects().values())
    check(objects, SURROUNDINGS)
    assert objects == list(sound_objects().values())


@pytest.mark.parametrize(
    ("misshapen", "subject", "field"),
    [
        ({}, "?/?", "apiVersion"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": None}, "ConfigMap/?", "metadata.name"),
        ({"apiVersion": "v1", "kind": 3, "metadata": {"name": "x"}}, "3/x", "kind"),
        ({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}, "Deployment/x", "spec"),
    ],
)
def test_objects_without_their_shape_are_named(misshapen: Any, subject: str, field: str) -> None:
    assert ("shape", subject, field) in findings_after(add(misshapen))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("y", "spec"),
        ({"containers": []}, "spec.containers"),
        ({"container": [{"name": "a", "image": "b"}]}, "spec.container"),
    ],
)
def test_what_is_misspelled_says_more_than_that_something_is_missing(spec: Any, field: str) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    found = [(problem.rule, problem.object, problem.field) for problem in problems_after(add(pod))]
    assert ("api", "Pod/x", field) in found
    assert not [rule for rule, *_ in found if rule == "shape"]


TARGET = {"kind": "Deployment", "name": "st2-st2api"}
OTHERS = [
    document("HorizontalPodAutoscaler", "a", "a", spec={"scaleTargetRef": TARGET, "minReplicas": 1, "maxReplicas": 3}),
    document("Ingress", "b", "b", spec={"tls": [{"secretName": "x"}], "defaultBackend": {"service": {"name": "x"}}}),
    document("RoleBinding", "c", "c", roleRef={"kind": "Role"}, subjects=[{"kind": "ServiceAccount", "name": "d"}]),
    document("ServiceAccount", "d", "d", imagePullSecrets=[{"name": "x"}]),
    document("Secret", "e", "e", data={"x": "y"}),
    {"apiVersion": "keda.sh/v1", "kind": "ScaledObject", "metadata": {"name": "f"}, "spec": {"scaleTargetRef": TARGET}},
    {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "g"}, "spec": {"data": []}},
    {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "h"}, "spec": {"template": {}}},
    {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "i"}, "spec": {"secretName": "x"}},
]
WRONG_VALUES: list[Any] = [None, 3, "text", ["item"], [["item"]], [{}], {"key": "value"}, {"key": {"key": None}}, True]


@pytest.mark.parametrize("number", range(len(WRONG_VALUES)), ids=lambda number: repr(WRONG_VALUES[number]))
def test_no_shape_of_a_users_object_stops_the_check(number: int) -> None:
    """Every field of every object is replaced in turn; the check must end, whatever it finds."""
    fields = [(subject, path) for subject, sound in every_kind().items() for path in paths(sound)]
    # Each field gets some of the values, and all of them in long runs.
    for subject, path in fields if LONG else fields[number % 3 :: 3]:
        objects = every_kind()
        put(subject, *path, value=WRONG_VALUES[number])(objects)
        check(list(objects.values()), SURROUNDINGS)


def every_kind() -> Objects:
    """The sound cluster, and objects of all other kinds that rules look at."""
    objects = sound_objects()
    add(*OTHERS)(objects)
    return objects


def paths(value: Any, before: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all fields, but for the labels, which are many and alike."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, item in items:
        found.append((*before, key))
        if key not in ("labels", "matchLabels"):
            found += paths(item, (*before, key))
    return found


def test_custom_kinds_are_not_taken_for_built_in_ones() -> None:
    knative = document("Service", "st2-other", "other")
    knative["apiVersion"] = "serving.knative.dev/v1"
    assert findings_after(add(knative)) == []

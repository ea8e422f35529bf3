"""The objects that values name, and that no key which names one is typed as mere text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import StringConstraints
from support import MakeCluster, Synth, each_of

from constructs_st2.checks.surroundings import surroundings
from constructs_st2.values import from_mapping
from constructs_st2.values.model import Values
from constructs_st2.values.model.base import DNS_SUBDOMAIN
from constructs_st2.values.model.names import ANYTHING, Names
from constructs_st2.values.named import objects_named_by
from constructs_st2.values.shape import keys, plain_types

NAMES_AN_OBJECT = re.compile(
    r"(?i)(secret|configMap|claim|className|storageClass|serviceAccountName|serviceName)(Name)?$"
)
"""What keys are called that name objects."""

NAMES_NONE = {
    "schedulerName": "a scheduler is a program",
    "clusterDomain": "a domain",
    "group": "an API group",
    "sectionName": "a listener of a Gateway",
    "notSecret": "keys of the values",
}
"""Keys that look as if they named an object, and what they are."""


def texts_of_model() -> Iterator[tuple[str, str, list[Any]]]:
    """Each key of text in the model: its owner, its name, and what annotates its type."""
    waiting: list[Any] = [Values]
    seen = set()
    while waiting:
        owner = waiting.pop()
        if owner in seen:
            continue
        seen.add(owner)
        for name, key in (keys(owner) or {}).items():
            for declared in inside(key.type):
                if keys(declared):
                    waiting.append(declared)
                elif str in (declared, *get_args(declared)[:1]):
                    outer = key.field.metadata if key.field else []
                    yield owner.__name__, name, [*get_args(declared)[1:], *outer]


def inside(declared: Any) -> Iterator[Any]:
    """The types in a type, down to models, typed dictionaries and single values."""
    for plain in plain_types(declared, keep=(Names, StringConstraints)):
        if get_origin(plain) in (list, dict):
            yield from inside(get_args(plain)[-1])
        else:
            yield plain


def looks_like_an_object(name: str, marks: list[Any]) -> bool:
    by_type = any(isinstance(mark, StringConstraints) and mark.pattern == DNS_SUBDOMAIN for mark in marks)
    return by_type or bool(NAMES_AN_OBJECT.search(name))


def test_every_key_that_names_an_object_says_of_which_kind() -> None:
    found = [
        (owner, name)
        for owner, name, marks in texts_of_model()
        if looks_like_an_object(name, marks) and not any(isinstance(mark, Names) for mark in marks)
    ]
    unknown = {f"{owner}.{name}" for owner, name in found if name not in NAMES_NONE}
    assert unknown == set(), "type them as one of values/model/names.py, or say in NAMES_NONE what they are"
    assert {name for _, name in found} == NAMES_NONE.keys()


CONTAINER = {
    "name": "x",
    "image": "x:1",
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "env-secret", "key": "a"}}}],
    "envFrom": [{"configMapRef": {"name": "env-map"}}, {"secretRef": {"name": "from-secret"}}],
    "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}},
}
VOLUMES = {
    "csi": {"driver": "x", "nodePublishSecretRef": {"name": "csi-secret"}},
    "rbd": {"image": "x", "secretRef": {"name": "rbd-secret"}},
    "projected": {"sources": [{"secret": {"name": "a"}}, {"configMap": {"name": "b"}}]},
}


@each_of(
    ("values", "expected"),
    [
        ({}, {}),
        ({"secrets": {"external": {"store": {"name": "vault"}}}}, {"SecretStore": {"vault"}}),
        ({"image": {"pullSecret": "a"}}, {"Secret": {"a"}}),
        ({"jobs": {"extra": [{"name": "x", "command": ["x"], "envFromSecrets": ["a"]}]}}, {"Secret": {"a"}}),
        ({"st2actionrunner": {"pools": [{"name": "x", "priorityClassName": "a"}]}}, {"PriorityClass": {"a"}}),
        ({"st2api": {"env": {"PLAIN": "text"}}}, {}),
        (
            {"mongodb": {"sidecars": [CONTAINER]}},
            {"Secret": {"env-secret", "from-secret"}, "ConfigMap": {"env-map"}},
        ),
        (
            {
                "backup": {
                    "extra_volumes": [
                        {"name": kind, "mount": {"mountPath": f"/{kind}"}, "volume": {kind: volume}}
                        for kind, volume in VOLUMES.items()
                    ]
                },
                "st2chatops": {"hubotScriptsVolume": {"persistentVolumeClaim": {"claimName": "scripts"}}},
            },
            {
                "Secret": {"csi-secret", "a"},
                "ConfigMap": {"b"},
                ANYTHING: {"x", "rbd-secret"},
                "PersistentVolumeClaim": {"scripts"},
            },
        ),
        (
            {"mongodb": {"persistence": {"storageClass": "ssd"}}, "redis": {"persistence": {"storageClass": ""}}},
            {"StorageClass": {"ssd"}},
        ),
        (
            {"gateway": {"parentRefs": [{"name": "web"}]}, "st2": {"password": {"existingSecret": "mine"}}},
            {"Gateway": {"web"}, "Secret": {"mine"}},
        ),
        (
            {"extraObjects": [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"a": ["b"]}}]},
            {ANYTHING: {"v1", "Pod", "x", "b"}},
        ),
    ],
)
def test_names_are_found_wherever_they_are(values: dict[str, Any], expected: dict[str, set[str]]) -> None:
    assert objects_named_by(from_mapping(values)) == expected


def test_a_name_counts_for_its_own_kind_only(synth: Synth, cluster: MakeCluster) -> None:
    claim = {"name": "x", "mount": {"mountPath": "/x"}, "volume": {"persistentVolumeClaim": {"claimName": "mine"}}}
    objects = synth({"st2api": {"extra_volumes": [claim]}})
    found = surroundings(cluster({"st2api": {"extra_volumes": [claim]}}))
    assert "mine" in str(objects.pod("st2api")["volumes"])
    assert ("mine" in found.claims, "mine" in found.secrets, "mine" in found.config_maps) == (True, False, False)

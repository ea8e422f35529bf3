"""No key of the values is dead: another valid value of it makes other objects."""

from __future__ import annotations

import json
import os
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from values.valid_values import VALID_VALUES

from constructs_st2.construct.clusters import cluster_of
from constructs_st2.construct.plans import compose
from constructs_st2.errors import InvalidValues, UserError
from constructs_st2.parts.tiers import documents_of
from constructs_st2.values import from_mapping
from constructs_st2.values.model import Values

Mapped = dict[str, Any]

SECRET = {"existingSecret": "mine", "key": "text"}
EVERYTHING: Mapped = {
    "monitoring": {
        "enabled": True,
        "podMonitors": {"enabled": True},
        "rules": {"enabled": True},
        "dashboards": {"enabled": True},
    },
    "executionWatch": {"cleanup": {"enabled": True}},
    "networkPolicy": {"enabled": True, "egress": {"enabled": True}},
    "backup": {"enabled": True, "destination": {"claim": {"create": {}}}},
    "docker-registry": {"enabled": True},
    "jobs": {"smokeTest": {"enabled": True}, "extra": [{"name": "mine", "command": ["true"]}]},
    "st2web": {"tls": {"enabled": False}, "service": {"hostname": "st2.example.com"}},
    "ingress": {"enabled": True, "hosts": [{"host": "st2.example.com"}]},
    "st2actionrunner": {"pools": [{"name": "gpu"}]},
    "st2": {"keyvalue": [{"name": "some", "value": "thing"}], "rbac": {"enabled": True}},
    "st2chatops": {
        "enabled": True,
        "adapter": "slack",
        "tokens": {"HUBOT_SLACK_BOT_TOKEN": SECRET, "HUBOT_SLACK_APP_TOKEN": SECRET},
    },
}
"""A cluster in which most parts are on."""

WEB_TLS: Mapped = {"st2web": {"tls": {"enabled": True}}, "ingress": {"enabled": False}}
VOLUMES: Mapped = {
    "enabled": True,
    **{name: {"hostPath": {"path": f"/{name}"}} for name in ("packs", "virtualenvs", "configs")},
}
S3: Mapped = {"bucket": "bucket", "credentials": {"existingSecret": "mine"}}
OUTSIDE: Mapped = {
    "mongodb": {"enabled": False, "external": {"uri": "mongodb://a/db", "username": "user", "password": SECRET}},
    "backup": {"external": {"username": "backup", "password": SECRET}},
}
WHERE: Sequence[tuple[str, Mapped]] = (
    ("autoscaling", {"st2actionrunner": {"autoscaling": {"enabled": True}}}),
    ("backup.etcd", {"coordination": {"backend": "etcd"}}),
    ("backup.destination.s3", {"backup": {"destination": {"claim": None, "s3": S3}}}),
    ("backup.storageImage", {"backup": {"destination": {"claim": None, "s3": S3}}}),
    (
        "backup.destination.claim.existingClaim",
        {"backup": {"destination": {"claim": {"create": None, "existingClaim": "theirs"}}}},
    ),
    ("backup.external", OUTSIDE),
    ("backup.external.restore", {"backup": {"external": {"restore": {"username": "admin", "password": SECRET}}}}),
    ("coordination.external", {"coordination": {"backend": "external", "external": {"url": "redis://a"}}}),
    ("coordination.external.ca", {"coordination": {"external": {"url": "redis://a", "ca": {"configMap": "mine"}}}}),
    ("enterprise", {"enterprise": {"enabled": True}}),
    ("etcd", {"coordination": {"backend": "etcd"}}),
    ("executionWatch.enabled", {"executionWatch": {"cleanup": {"enabled": False}}}),
    ("gateway", {"gateway": {"enabled": True, "parentRefs": [{"name": "a"}]}}),
    ("mongodb.external", OUTSIDE),
    ("st2.packs.volumes", {"st2": {"packs": {"volumes": VOLUMES}}}),
    ("mongodb.external.tls.ca", {"mongodb": {"external": {"tls": {"enabled": True, "ca": {"configMap": "mine"}}}}}),
    (
        "mongodb.external.tls.ca.existingSecret",
        {"mongodb": {"external": {"tls": {"ca": {"configMap": None, "existingSecret": "theirs"}}}}},
    ),
    (
        "coordination.external.ca.existingSecret",
        {"coordination": {"external": {"ca": {"configMap": None, "existingSecret": "theirs"}}}},
    ),
    ("networkPolicy.enabled", {"networkPolicy": {"egress": {"enabled": False}}}),
    ("rabbitmq.external", {"rabbitmq": {"enabled": False, "external": {"urls": ["amqp://a"]}}}),
    ("rabbitmq.external.tls.ca", {"rabbitmq": {"external": {"tls": {"enabled": True, "ca": {"configMap": "mine"}}}}}),
    (
        "rabbitmq.external.tls.ca.existingSecret",
        {"rabbitmq": {"external": {"tls": {"ca": {"configMap": None, "existingSecret": "theirs"}}}}},
    ),
    ("secrets.external", {"secrets": {"mode": "external-secrets", "external": {"store": {"name": "vault"}}}}),
    ("secrets.seed", {"secrets": {"mode": "plain", "seed": "a-seed-that-is-long-enough-for-everybody"}}),
    ("st2.packs.imageVolumes", {"st2": {"packs": {"images": [{"repository": "example.com/packs", "tag": "1"}]}}}),
    ("st2web.tls", WEB_TLS),
    ("st2web.tls.certManager", {"st2web": {"tls": {"certManager": {"issuerRef": {"name": "ca"}}}}}),
    ("tls", {"tls": {"internal": {"enabled": True, "services": True}}}),
    ("tls.internal.certManager", {"tls": {"internal": {"certManager": {"issuerRef": {"name": "ca"}}}}}),
    ("tls.internal.existingSecrets.etcd", {"coordination": {"backend": "etcd"}}),
)
"""What must be besides for keys below some key to count; of those that fit, each lies over the ones before."""

_FOLDER = "reads a folder; see test_folders.py"
WITHOUT_OBJECTS: Mapping[str, str] = {
    "mongodb.enabled": "false is an error without mongodb.external, with which all is another cluster",
    "rabbitmq.enabled": "the same",
    "st2.apikeysFrom": _FOLDER,
    "st2.keyvalueFrom": _FOLDER,
    "st2.overridesFrom": _FOLDER,
    "st2.packs.configsFrom": _FOLDER,
    "st2.packs.volumes.enabled": "says that the volumes beside it count",
    "st2.rbac.from": _FOLDER,
    "st2chatops.adapter": "one adapter is left in st2 3.9",
}
"""Keys that change no object, and why there are such."""


class Leaf(NamedTuple):
    """A key that holds no section, and what it may hold."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def sort(self) -> tuple[object, ...]:
        """What is alike in many sections is built in one place; backends have another one than services."""
        of_backend = self.path[0] in ("mongodb", "rabbitmq", "redis", "etcd")
        return (self.path[-2:] if len(self.path) > 2 else self.path[-1:], self.field.description, of_backend)


def alternatives(annotation: Any) -> Iterator[Any]:
    """The types behind an annotation, but for None."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from alternatives(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for each in typing.get_args(annotation):
            yield from alternatives(each)
    elif annotation is not type(None):
        yield annotation


def leaves(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    for name, field in model.model_fields.items():
        below = (*path, field.alias or name)
        models = [
            each for each in alternatives(field.annotation) if isinstance(each, type) and issubclass(each, BaseModel)
        ]
        for each in models:
            yield from leaves(each, below)
        if not models:
            yield Leaf(below, field)


def laid_over(base: Mapped, layer: Mapped) -> Mapped:
    """Both, the layer on top. None takes a key away."""
    both = (key for key in layer if isinstance(layer[key], dict) and isinstance(base.get(key), dict))
    merged = {**base, **layer, **{key: laid_over(base[key], layer[key]) for key in both}}
    return {key: value for key, value in merged.items() if value is not None}


def nested(path: Sequence[str], value: Any) -> Mapped:
    return {path[0]: nested(path[1:], value) if path[1:] else value}


def objects(values: Mapped) -> str:
    return json.dumps(documents_of(compose(cluster_of(from_mapping(values)))), sort_keys=True)


@cache
def objects_of(values: str) -> str:
    return objects(json.loads(values))


def surroundings(leaf: Leaf) -> Mapped:
    values = EVERYTHING
    for key, layer in WHERE:
        if f"{leaf.name}.".startswith(f"{key}."):
            values = laid_over(values, layer)
    if ".autoscaling." in leaf.name and leaf.path[-1] != "enabled":
        values = laid_over(values, nested([*leaf.path[:-1], "enabled"], True))
    if leaf.path[-2:] == ("service", "nodePort"):
        values = laid_over(values, nested([*leaf.path[:-1], "type"], "NodePort"))
    if leaf.path[-1] in SECRET and leaf.path[-2:-1] != ("store",):
        values = laid_over(values, nested(leaf.path[:-1], SECRET) if is_secret_key(leaf) else {})
    return values


def is_secret_key(leaf: Leaf) -> bool:
    """Whether the section of a key is a reference to a key of a Secret: it needs both."""
    siblings = {other.path[-1] for other in LEAVES if other.path[:-1] == leaf.path[:-1]}
    return siblings == set(SECRET)


def candidates(leaf: Leaf) -> Iterator[Any]:
    for key in (leaf.name, leaf.path[-1]):
        if key in VALID_VALUES:
            yield VALID_VALUES[key]
    default = leaf.field.default
    for each in alternatives(leaf.field.annotation):
        origin = typing.get_origin(each) or each
        if origin is typing.Literal:
            yield from (choice for choice in typing.get_args(each) if choice != default)
        elif origin is bool:
            yield from (not default if isinstance(default, bool) else True, False)
        elif origin is int:
            number = default if isinstance(default, int) else 0
            yield from (number + 1, number + 2, number - 1, 5, 7777, 30003)
        elif origin is str:
            yield from (
                "abc",
                "10Gi",
                "3h",
                "https://a.example.com",
                "a.example.com",
                "/abc/def",
                "2m",
                "5 1 * * *",
                "10%",
            )
        elif origin is list:
            yield from (
                ["abc"],
                ["https://a.example.com"],
                ["/abc"],
                ["10.1.2.0/24"],
                ["a.example.com"],
                ["ReadWriteMany"],
            )
        elif origin is dict:
            yield from ({"abc": "def"}, {"ABC": "def"}, {"abc": {"def": "ghi"}})


LEAVES = tuple(leaves(Values))
ALL = os.environ.get("ST2_TEST_LONG") == "1"
LOOKED_AT = LEAVES if ALL else tuple({leaf.sort: leaf for leaf in reversed(LEAVES)}.values())


@pytest.mark.parametrize("leaf", LOOKED_AT, ids=lambda leaf: leaf.name)
def test_each_key_has_an_effect(leaf: Leaf) -> None:
    if leaf.name in WITHOUT_OBJECTS:
        return
    around = surroundings(leaf)
    before = objects_of(json.dumps(around, sort_keys=True))
    refused: list[str] = []
    same: list[Any] = []
    for value in candidates(leaf):
        try:
            if objects(laid_over(around, nested(leaf.path, value))) != before:
                return
            same.append(value)
        except (ValidationError, InvalidValues, UserError) as error:
            refused.append(f"{value!r}: {str(error)[-200:]}")
    assert same, f"no value of {leaf.name} is known that is valid: add one to valid_values.py; {refused}"
    pytest.fail(
        f"{leaf.name} changes no object, neither as {' nor as '.join(map(repr, same))}: let a part read it, "
        f"say in WHERE what must be on for that, or take it out of the model; {refused}"
    )

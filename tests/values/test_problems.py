"""What is wrong with values, in words."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, with_config
from support import each_of
from typing_extensions import Required, TypedDict

from constructs_st2.values.layers import Layered, merge
from constructs_st2.values.problems import findings_from, nearest
from constructs_st2.values.yaml_source import Source


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


@with_config(ConfigDict(extra="forbid", strict=True))
class Toleration(TypedDict, total=False):
    key: Required[str]
    operator: Literal["Exists", "Equal"]


class Small(Strict):
    name: str
    size: Annotated[int, Field(ge=1)] = 1


class Volume(Strict):
    kind: Literal["volume"]
    path: str


class Claim(Strict):
    kind: Literal["claim"]
    claim: str


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even:\n  odd numbers cannot vote")
    return value


class Service(Strict):
    replicas: Annotated[int, Field(ge=0, le=9)] = 1
    ratio: Annotated[float, Field(gt=0)] = 1.0
    enabled: bool = True
    tag: Annotated[str, Field(pattern="^[a-z]+$", max_length=5)] = "x"
    node_selector: dict[str, str] = Field({}, alias="nodeSelector")
    extra_volumes: list[str] = []
    pull_policy: Literal["Always", "Never"] = Field("Never", alias="pullPolicy")
    port: Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern="^[a-z]+$")] = 80
    tolerations: Annotated[list[Toleration], Field(max_length=2)] = []
    probe: Small | None = None
    either: Small | list[str] | None = None
    source: Annotated[Volume | Claim, Field(discriminator="kind")] | None = None
    env: dict[Annotated[str, Field(pattern="^[A-Z]+$")], str] = {}
    votes: Annotated[int, BeforeValidator(_even)] = 2


class Values(Strict):
    st2api: Service = Field(default={}, validate_default=True)
    mode: Literal["a"] = "a"
    small: Small | None = None


MEANINGS = {"^[a-z]+$": "lower-case letters"}


def problems(data: dict[str, Any], positions: dict[tuple[str | int, ...], int] | None = None) -> list[str]:
    layered = merge([Source("v.yaml", data, {(): None, **(positions or {})})]) if data else Layered({})
    with pytest.raises(ValidationError) as caught:
        Values.model_validate(layered.data)
    return layered.report(findings_from(caught.value, layered, Values, meanings=MEANINGS))


@each_of(
    ("service", "message"),
    [
        ({"replica": 3}, '.replica: unknown key; did you mean "replicas"?'),
        ({"nodeselector": {}}, '.nodeselector: unknown key; did you mean "nodeSelector"?'),
        ({"node_selector": {}}, '.node_selector: unknown key; did you mean "nodeSelector"?'),
        ({"extraVolumes": []}, '.extraVolumes: unknown key; did you mean "extra_volumes"?'),
        ({"zzz": 1}, ".zzz: unknown key"),
        ({"small": 1}, '.small: unknown key here; "small" is a top-level key'),
        ({"probe": {"name": "x", "zzz": 1}}, ".probe.zzz: unknown key; valid keys: name, size"),
        ({"tolerations": [{"key": "k", "zzz": 1}]}, ".tolerations[0].zzz: unknown key; valid keys: key, operator"),
        ({"replicas": "two"}, '.replicas: must be a whole number, not the text "two"'),
        ({"replicas": "2"}, '.replicas: must be a whole number, not the text "2"; remove the quotes'),
        ({"replicas": 2.5}, ".replicas: must be a whole number, not the number 2.5"),
        ({"replicas": True}, ".replicas: must be a whole number, not true"),
        ({"replicas": -1}, ".replicas: must be at least 0, not -1"),
        ({"replicas": 2_000_000}, ".replicas: must be at most 9, not 2000000"),
        ({"ratio": 0}, ".ratio: must be more than 0, not 0"),
        ({"ratio": "x"}, '.ratio: must be a number, not the text "x"'),
        ({"enabled": "yes"}, '.enabled: must be true or false, not the text "yes"'),
        ({"enabled": "true"}, '.enabled: must be true or false, not the text "true"; remove the quotes'),
        ({"tag": 3.9}, ".tag: must be text, not the number 3.9; put it in quotes"),
        ({"tag": True}, ".tag: must be text, not true; put it in quotes"),
        ({"tag": ["x"]}, ".tag: must be text, not a list"),
        ({"tag": "A b"}, '.tag: must be lower-case letters, not the text "A b"'),
        ({"tag": ""}, ".tag: must be lower-case letters, not empty text"),
        ({"tag": "abcdef"}, ".tag: must have at most 5 characters, but has 6"),
        ({"extra_volumes": {"a": 1}}, ".extra_volumes: must be a list, not a mapping"),
        ({"extra_volumes": [None]}, ".extra_volumes[0]: must be text, not null"),
        ({"nodeSelector": ["a"]}, ".nodeSelector: must be a mapping, not a list"),
        ({"nodeSelector": {"a.b": 1}}, '.nodeSelector["a.b"]: must be text, not the number 1; put it in quotes'),
        ({"probe": 5}, ".probe: must be a mapping, not the number 5"),
        ({"probe": {}}, ".probe.name: is required"),
        ({"tolerations": [{}]}, ".tolerations[0].key: is required"),
        ({"tolerations": [{"key": "k"}] * 3}, ".tolerations: must have at most 2 items, but has 3"),
        ({"pullPolicy": "always"}, '.pullPolicy: must be one of Always, Never; did you mean "Always"?'),
        ({"pullPolicy": "zzz"}, '.pullPolicy: must be one of Always, Never, not the text "zzz"'),
        ({"pullPolicy": False}, ".pullPolicy: must be one of Always, Never, not false"),
        ({"env": {"a b": "x"}}, '.env["a b"]: the key must be text that matches ^[A-Z]+$, not the text "a b"'),
        ({"votes": 3}, ".votes: must be even: odd numbers cannot vote"),
        ({"port": []}, ".port: must be a whole number or text, not a list"),
        ({"port": 0}, ".port: must be at least 1, not 0"),
        ({"port": "A"}, '.port: must be lower-case letters, not the text "A"'),
        ({"either": 5}, ".either: must be a mapping or a list, not the number 5"),
        ({"either": {"name": "x", "siz": 1}}, '.either.siz: unknown key; did you mean "size"?'),
        ({"either": ["x", 1]}, ".either[1]: must be text, not the number 1; put it in quotes"),
        ({"source": {"kind": "volume", "path": 1}}, ".source.path: must be text, not the number 1; put it in quotes"),
        ({"source": {"kind": "claim"}}, ".source.claim: is required"),
    ],
)
def test_a_wrong_value_is_one_line(service: dict[str, Any], message: str) -> None:
    assert problems({"st2api": service}, {("st2api",): 4}) == [f"v.yaml:4: st2api{message}"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"Mode": "a"}, 'v.yaml: Mode: unknown key; did you mean "mode"?'),
        ({"zzz": 1}, "v.yaml: zzz: unknown key; valid keys: st2api, mode, small"),
        ({"mode": "b"}, 'v.yaml: mode: must be a, not the text "b"'),
        ({"mode": "x" * 90}, f'v.yaml: mode: must be a, not the text "{"x" * 59}…"'),
    ],
)
def test_at_the_top_level(data: dict[str, Any], message: str) -> None:
    assert problems(data) == [message]


def test_all_problems_in_the_order_of_the_file() -> None:
    data = {"zzz": 1, "st2api": {"probe": {}, "replicas": "x"}, "mode": "b"}
    positions: dict[tuple[str | int, ...], int] = {
        ("zzz",): 9,
        ("st2api",): 2,
        ("st2api", "probe"): 7,
        ("st2api", "replicas"): 3,
        ("mode",): 1,
    }
    assert [line.split(": ")[0:2] for line in problems(data, positions)] == [
        ["v.yaml:1", "mode"],
        ["v.yaml:3", "st2api.replicas"],
        ["v.yaml:7", "st2api.probe.name"],
        ["v.yaml:9", "zzz"],
    ]


def test_the_nearest_word() -> None:
    assert nearest("image_pull_secrets", ["imagePullSecrets", "image"]) == "imagePullSecrets"
    assert nearest("replics", ["replicas"]) == "replicas"
    assert nearest("replicas", ["annotations", "labels"]) is None
    assert nearest("x", []) is None

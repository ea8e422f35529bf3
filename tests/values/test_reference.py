"""The JSON Schema and the reference page of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import jsonschema
import pytest
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, with_config
from support import each_of
from typing_extensions import Required, TypedDict

from constructs_st2.values.model import Values as AllValues
from constructs_st2.values.model import kubernetes
from constructs_st2.values.reference import json_schema, markdown


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


@with_config(ConfigDict(extra="forbid"))
class Toleration(TypedDict, total=False):
    """Lets a pod run on tainted nodes."""

    key: Required[str]
    seconds: int


class Network(Strict):
    """The network."""

    port: Annotated[int, Field(ge=1, le=9)] = Field(5, description="Port | number of <release>.")


class Service(Strict):
    """What every service has."""

    reference_section: ClassVar[str] = "Settings of every service"

    replicas: Annotated[int, Field(ge=0)] = Field(1, description="Number of pods.")
    labels: dict[Annotated[str, Field(pattern="^[a-z]+$")], str] = Field({}, description="Labels.")
    tolerations: list[Toleration] = []


class Web(Service):
    """The web."""

    replicas: Annotated[int, Field(ge=0)] = Field(2, description="Number of pods.")
    network: Network = Field(default={}, validate_default=True)


class Pack(Strict):
    name: Annotated[str, Field(pattern="^[a-z]+$")] = Field(description="Name.")
    tolerations: list[Toleration] | None = None


class Values(Strict):
    """All values."""

    profile: Literal["ha", "dev"] = Field("ha", description="`<profile>`: size.")
    title: str = Field("x", description="Title.")
    wait: Annotated[int, BeforeValidator(lambda value: value), Field(ge=0, le=60)] | None = Field(None)
    web: Web = Field(default={}, validate_default=True, description="Web UI.")
    api: Service = Field(default={}, validate_default=True, description="API.")
    packs: list[Pack] = Field([], description="Packs.")
    objects: list[dict[str, Any]] = []


PAGE = """\
## General settings

| Key | Type | Default | Description |
|---|---|---|---|
| `profile` | one of `ha`, `dev` | `ha` | `<profile>`: size. |
| `title` | text | `x` | Title. |
| `wait` | whole number from 0 to 60 |  |  |
| `objects` | list of mappings | `[]` |  |

## web

Web UI. All [settings of every service](#settings-of-every-service), and these:

| Key | Type | Default | Description |
|---|---|---|---|
| `web.replicas` | whole number ≥ 0 | `2` | Number of pods. |
| `web.network` | mapping |  | The network. |
| `web.network.port` | whole number from 1 to 9 | `5` | Port \\| number of &lt;release>. |

## api

API. All [settings of every service](#settings-of-every-service).

## packs

Packs.

| Key | Type | Default | Description |
|---|---|---|---|
| `packs` | list of mappings | `[]` | Packs. |
| `packs[].name` | lower-case letters (required) |  | Name. |
| `packs[].tolerations` | list of [Toleration](#toleration) |  |  |

## Settings of every service

What every service has.

| Key | Type | Default | Description |
|---|---|---|---|
| `replicas` | whole number ≥ 0 | `1` | Number of pods. |
| `labels` | map of text | `{}` | Labels. |
| `tolerations` | list of [Toleration](#toleration) | `[]` |  |

## Toleration

Lets a pod run on tainted nodes.

| Key | Type | Default | Description |
|---|---|---|---|
| `key` | text (required) |  |  |
| `seconds` | whole number |  |  |
"""


def test_the_page() -> None:
    page = markdown(Values, meanings={"^[a-z]+$": "lower-case letters"})
    introduction, contents, *_ = page.partition("\n* [General settings](#general-settings)\n")
    assert introduction.startswith("# Values\n\nEvery key of the values file.")
    assert contents
    assert page.endswith(PAGE)
    links = [line for line in page.splitlines() if line.startswith("* ")]
    assert links == [
        "* [General settings](#general-settings)",
        "* [web](#web)",
        "* [api](#api)",
        "* [packs](#packs)",
        "* [Settings of every service](#settings-of-every-service)",
        "* [Toleration](#toleration)",
    ]


def test_the_page_and_the_schema_are_stable() -> None:
    assert markdown(Values) == markdown(Values)
    assert json.dumps(json_schema(Values)) == json.dumps(json_schema(Values))


@pytest.fixture(scope="module")
def whole_schema() -> Any:
    """The schema of all values, which takes long to make."""
    return json_schema(AllValues)


def test_the_values_that_are_shipped_fit_the_schema(whole_schema: Any) -> None:
    shipped = yaml.safe_load((Path(__file__).parents[2] / "values.yaml").read_text())
    jsonschema.validate(shipped, whole_schema, jsonschema.Draft202012Validator)


def test_every_key_has_a_description_for_editors(whole_schema: Any) -> None:
    schema = whole_schema
    models = {"": schema, **schema["$defs"]}
    told = {
        (name, key): str(inner.get("description", ""))
        for name, model in models.items()
        for key, inner in model.get("properties", {}).items()
    }
    assert len(told) > 1000
    assert [place for place, description in told.items() if not description.strip()] == []
    # Words of their own, but for the fields that Kubernetes describes.
    borrowed = {name for (name, _), description in told.items() if description.endswith("in the API of Kubernetes.")}
    assert borrowed <= {*vars(kubernetes), "ClaimSpec", "KubernetesObject", "ObjectMetadata", "SharedVolumeSource"}


def test_the_schema_is_valid_and_says_what_it_is() -> None:
    schema = json_schema(Values, title="My values", schema_id="my.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (schema["$id"], schema["title"], schema["description"]) == ("my.json", "My values", "All values.")
    assert schema["additionalProperties"] is False


def test_the_schema_has_no_noise() -> None:
    schema = json_schema(Values)
    assert schema["properties"]["profile"] == {
        "description": "`<profile>`: size.",
        "default": "ha",
        "anyOf": [{"enum": ["ha", "dev"], "type": "string"}, {"$ref": "#/$defs/template"}],
    }
    assert schema["properties"]["wait"] == {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": 60}, {"$ref": "#/$defs/template"}]
    }
    assert schema["properties"]["title"]["description"] == "Title."  # a key of that name is no noise
    assert "title" not in schema["$defs"]["Web"]


@each_of(
    ("values", "fits"),
    [
        ({}, True),
        ({"profile": "dev", "web": {"replicas": 3, "labels": {"a": "b"}}}, True),
        ({"profile": None, "web": None, "packs": None}, True),
        ({"profile": "{{ .Values.x }}", "web": {"replicas": "{{ .Values.api.replicas }}"}}, True),
        ({"packs": [{"name": "{{ .Release.Name }}"}], "api": {"labels": {"a": None}}}, True),
        ({"profile": "x"}, False),
        ({"web": {"replica": 1}}, False),
        ({"web": {"replicas": -1}}, False),
        ({"web": {"replicas": "2"}}, False),
        ({"web": {"labels": {"A": "b"}}}, False),
        ({"packs": [{}]}, False),
        ({"wait": 61}, False),
        ({"zzz": 1}, False),
    ],
)
def test_the_schema_accepts_what_can_be_used(values: dict[str, Any], fits: bool) -> None:
    assert jsonschema.Draft202012Validator(json_schema(Values)).is_valid(values) is fits

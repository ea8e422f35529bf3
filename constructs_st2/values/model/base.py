"""What all parts of the values model share."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class StrictModel(BaseModel):
    """A mapping of the values file: no unknown keys, no silent conversion of types.

    Keys are camelCase as in the Helm chart; the chart's few snake_case keys are given as explicit aliases.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=_camel_case, defer_build=True)


def section(description: str) -> Any:
    """A nested mapping that may be left out: its own defaults then apply."""
    # The default goes through validation as `{}`, so that nested models are built once, inside the root's validator.
    return Field(default={}, validate_default=True, description=description)


def key(description: str, default: Any = None, **constraints: Any) -> Any:
    """A key with a default value."""
    return Field(default=default, description=description, **constraints)


def same(name: str, description: str, default: Any = None, **constraints: Any) -> Any:
    """A key whose spelling in the values file is the chart's snake_case ``name``."""
    return Field(default=default, alias=name, description=description, **constraints)


def _text_of_scalar(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _seconds(value: object) -> object:
    # The chart writes these as text (`preStopSleep: "10"`).
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


_SCALAR_SCHEMA = {"type": ["string", "integer", "number", "boolean"]}

ScalarText: TypeAlias = Annotated[str, BeforeValidator(_text_of_scalar), WithJsonSchema(_SCALAR_SCHEMA)]
"""Text; numbers and booleans are taken as they would be written in YAML."""

Seconds: TypeAlias = Annotated[int, BeforeValidator(_seconds), Field(ge=0, le=86_400)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=1000)]
PortNumber: TypeAlias = Annotated[int, Field(ge=1, le=65_535)]

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

DnsLabel: TypeAlias = Annotated[str, StringConstraints(pattern=DNS_LABEL, max_length=63)]
ObjectName: TypeAlias = Annotated[str, StringConstraints(pattern=DNS_SUBDOMAIN, max_length=253)]

AnnotationKey: TypeAlias = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
    ),
]
LabelValue: TypeAlias = Annotated[
    str,
    BeforeValidator(_text_of_scalar),
    StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"),
    WithJsonSchema(_SCALAR_SCHEMA),
]
Annotations: TypeAlias = dict[AnnotationKey, ScalarText]
Labels: TypeAlias = dict[AnnotationKey, LabelValue]


def _image_tag(value: str) -> str:
    if "@" in value or "/" in value or ":" in value:
        raise ValueError('a tag has no "/", ":" or "@"; give a digest in its own key "digest"')
    return value


ImageTag: TypeAlias = Annotated[
    str,
    AfterValidator(_image_tag),
    StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"),
]
ImageDigest: TypeAlias = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
ImageRepository: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$")
]
ImageReference: TypeAlias = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
        r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
    ),
]
AbsolutePath: TypeAlias = Annotated[str, StringConstraints(pattern=r"^/[^\n]*$")]
Quantity: TypeAlias = Annotated[
    str,
    BeforeValidator(_text_of_scalar),
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"),
    WithJsonSchema({"type": ["string", "integer", "number"]}),
]
"""A Kubernetes quantity such as ``250m``, ``0.5`` or ``512Mi``."""

"""What all parts of the values model share."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema
from typing_extensions import Self

from constructs_st2.kube import names, quantity
from constructs_st2.values.deferred import Deferred, JsonSchemas, within_others
from constructs_st2.values.fitting import laid_over
from constructs_st2.values.layers import Layered
from constructs_st2.values.yaml_source import Source


@cache
def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class StrictModel(BaseModel):
    """A mapping of the values file: no unknown keys, no silent conversion of types.

    Keys are camelCase as in the Helm chart; the chart's few snake_case keys are given as explicit aliases.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=_camel_case,
        defer_build=True,
        # No key begins with `model_`, and pydantic would look at each of them, in each class that has it.
        protected_namespaces=(),
    )

    IS_SECTION: ClassVar[bool] = True
    """Whether it is only a part of values: made by itself, it does not know yet of which key."""

    NEEDS_SOMETHING: ClassVar[bool] = False
    """Whether it must not be empty, although no single key is required."""

    # Type checkers and editors know the keyword arguments from the fields.
    if not TYPE_CHECKING:

        def __init__(self, /, **given: Any) -> None:
            from constructs_st2.values.plain import fill, keyed

            place = f"{type(self).__name__}." if self.IS_SECTION else ""
            fill(self, keyed(type(self), given), self._below, MEANINGS, place)

        # What is read from files needs none of this: without the mark, pydantic would call it for every mapping.
        __init__.__pydantic_base_init__ = True

    # With these, type checkers would take any attribute.
    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            self._refuse_change(name)

        def __delattr__(self, name: str) -> None:
            self._refuse_change(name)

    def _refuse_change(self, name: str) -> NoReturn:
        raise AttributeError(
            f"{type(self).__name__}.{name} cannot be changed; make another {type(self).__name__}, "
            f'such as model_copy(update={{"{name}": …}}) gives'
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, as that of pydantic; what is updated counts as given."""
        from constructs_st2.values.plain import update_given

        copied = super().model_copy(update=update, deep=deep)
        update_given(copied, self, update or {})
        return copied

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return within_others(Deferred(cls), source, handler)

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """As that of pydantic, which knows nothing of validators of their own."""
        return super().model_json_schema(*args, **{"schema_generator": JsonSchemas, **options})

    @staticmethod
    def _below(_: Layered) -> Sequence[Source]:
        """What lies below keyword arguments."""
        return ()


Shared = TypeVar("Shared", bound=StrictModel)


_RESOURCES = "resources"


class OneOfSeveral(StrictModel):
    """Settings of one of several workloads: what is left out, null or {}, is taken from those that all of them share.

    Of ``resources`` that is so key by key. A class that is also one of shared settings has all their keys. Of these,
    ``OWN`` are never taken from the others.
    """

    OWN: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _null_is_left_out(cls, given: Any) -> Any:
        # Elsewhere in values nulls are gone by now, and {} lies over what is below, but not so in lists.
        return (
            {name: value for name, value in given.items() if value not in (None, {})}
            if isinstance(given, dict)
            else given
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Without the defaults of what is taken from the shared settings."""
        schema = handler(core_schema)
        for name, field in cls.model_fields.items():
            if name not in cls.OWN and any(name in parent.model_fields for parent in cls._shared_settings()):
                handler.resolve_ref_schema(schema)["properties"][field.alias or name].pop("default", None)
        return schema

    @classmethod
    def _shared_settings(cls) -> list[type[BaseModel]]:
        return [parent for parent in cls.__bases__ if issubclass(parent, BaseModel) and parent is not OneOfSeveral]

    def over(self, shared: Shared) -> Shared:
        """The settings that hold for it: the shared ones, with its own in their place."""
        own = (self.model_fields_set | self.OWN) & type(shared).model_fields.keys()
        update = {name: getattr(self, name) for name in own}
        if _RESOURCES in update:
            # They hold for requests and limits one by one: who asks for more CPU does not want to be without a bound.
            update[_RESOURCES] = laid_over(getattr(shared, _RESOURCES), update[_RESOURCES])
        return shared.model_copy(update=update)


def section(description: str) -> Any:
    """A nested mapping that may be left out: its own defaults then apply."""
    # The default goes through validation as `{}`, so that nested models are built once, inside the root's validator.
    return key(description, {}, validate_default=True)


def key(description: str, default: Any = None, **constraints: Any) -> Any:
    """A key with a default value, whose spelling in the values file is the attribute's in camelCase."""
    # What `Field` makes of it, in half the time: that looks for aliases, and for what fields had in other versions.
    return FieldInfo.from_field(default, description=description, **constraints)


def same(name: str, description: str, default: Any = None, **constraints: Any) -> Any:
    """A key whose spelling in the values file is ``name``, such as the chart's snake_case."""
    return Field(default=default, alias=name, description=description, **constraints)


def _text_of_scalar(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


T = TypeVar("T", bound=Mapping[str, Any])


def _one_key(value: T) -> T:
    if len(value) > 1:
        raise ValueError(f"must have only one of the keys {', '.join(value)}")
    return value


ONE_KEY = AfterValidator(_one_key)
"""For a mapping whose keys exclude each other."""


def _seconds(value: object) -> object:
    # The chart writes these as text (`preStopSleep: "10"`).
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


_SCALAR_SCHEMA = {"type": ["string", "integer", "number", "boolean"]}

ScalarText: TypeAlias = Annotated[str, BeforeValidator(_text_of_scalar), WithJsonSchema(_SCALAR_SCHEMA)]
"""Text; numbers and booleans are taken as they would be written in YAML."""

Seconds: TypeAlias = Annotated[int, BeforeValidator(_seconds), Field(ge=0, le=86_400)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=1000)]
PortNumber: TypeAlias = Annotated[int, Field(ge=1, le=65_535)]

DNS_LABEL = f"^{names.LABEL}$"
DNS_SUBDOMAIN = f"^{names.SUBDOMAIN}$"
HOST_NAME = rf"^(\*\.)?{DNS_SUBDOMAIN[1:-1]}$"
QUALIFIED_NAME = (
    r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"  # prefix/name
)
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
IMAGE_TAG = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
IMAGE_DIGEST = r"^sha256:[0-9a-f]{64}$"
IMAGE_REPOSITORY = r"^[a-z0-9]+([._-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
IMAGE_NAME = f"{IMAGE_REPOSITORY[:-1]}(:{IMAGE_TAG[1:-1]})?$"
IMAGE_REFERENCE = f"{IMAGE_REPOSITORY[:-1]}(:{IMAGE_TAG[1:-1]})?(@{IMAGE_DIGEST[1:-1]})?$"
ABSOLUTE_PATH = r"^/[^\n]*$"
QUANTITY = quantity.PLAIN
ENV_NAME = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"
FILE_NAME = rf"^[-._a-zA-Z0-9]{{1,{names.SUBDOMAIN_LENGTH}}}$"
USER_NAME = r"^[a-z_][-a-z0-9_]{0,31}$"
LOGIN_NAME = r"^[!-9;-~]{1,64}$"  # HTTP clients send others in Latin-1 or not at all
ANY_LOGIN_NAME = r"^[^\s:]{1,64}$"
TEXT_LINE = r"^[^\x00-\x1f\x7f]{1,253}$"
WORD = r"^[!-~]{1,2000}$"
OPTIONAL_HOST_NAME = rf"^({HOST_NAME[1:-1]})?$"
URL_PATH = r"^/[A-Za-z0-9._~!$&'()*+,=:@%/-]*$"
PATH_PATTERN = r"^/[^\s;{}#\"'`\\\x00-\x1f\x7f]*$"
SENSOR_REFERENCE = r"^[\w.-]+\.[\w-]+$"
ACTION_REFERENCE = r"^[\w.-]+\.[\w.-]+$"
BODY_SIZE = r"^[0-9]+[kKmMgG]?$"
API_VERSION = r"^([a-z0-9][-a-z0-9.]*/)?v[0-9]+((alpha|beta)[0-9]+)?$"
MAJOR_MINOR = r"^[0-9]{1,3}\.[0-9]{1,3}$"
DATABASE_NAME = r"^[A-Za-z0-9][-_A-Za-z0-9]{0,62}$"  # MongoDB separates databases and collections by "."
PLAIN_NAME = r"^[A-Za-z0-9][-._A-Za-z0-9]{0,62}$"
KIND = r"^[A-Z][A-Za-z0-9]*$"
JSON_POINTER = r"^(/[^\n]*)?$"
HOURS = r"^[1-9][0-9]{0,5}h$"
GATEWAY_DURATION = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"  # https://gateway-api.sigs.k8s.io/geps/gep-2257/

MEANINGS: Mapping[str, str] = {
    DNS_LABEL: 'a DNS label (small letters, digits and "-")',
    DNS_SUBDOMAIN: 'a DNS name (small letters, digits, "-" and ".")',
    HOST_NAME: 'a host name (small letters, digits, "-" and "."; also "*.example.org")',
    QUALIFIED_NAME: 'a label or annotation key ("name" or "prefix.example.org/name")',
    LABEL_VALUE: f'a label value (at most {names.LABEL_LENGTH} letters, digits, "-", "_" and ".")',
    IMAGE_TAG: 'an image tag (at most 128 letters, digits, "_", "." and "-")',
    IMAGE_DIGEST: 'an image digest ("sha256:" and 64 hexadecimal digits)',
    IMAGE_REPOSITORY: "an image repository, without tag",
    IMAGE_NAME: "an image without digest, such as registry.example.org/name:tag",
    IMAGE_REFERENCE: "an image reference, such as registry.example.org/name:tag",
    ABSOLUTE_PATH: "an absolute path",
    QUANTITY: "a Kubernetes quantity, such as 250m or 512Mi",
    ENV_NAME: "the name of an environment variable",
    FILE_NAME: 'a file name (letters, digits, "-", "_" and ".")',
    USER_NAME: "the name of a Linux user",
    LOGIN_NAME: 'a user name of ASCII letters, digits and signs, without blanks and ":"',
    ANY_LOGIN_NAME: 'a user name without blanks and ":"',
    TEXT_LINE: "a text on one line",
    WORD: "a text of ASCII letters, digits and signs, without blanks",
    OPTIONAL_HOST_NAME: 'a host name (small letters, digits, "-" and ".")',
    PATH_PATTERN: 'a path or pattern without blanks, quotes, "\\", and any of ;{}#',
    SENSOR_REFERENCE: 'a sensor reference, "pack.SensorClass"',
    ACTION_REFERENCE: 'an action reference, "pack.action"',
    BODY_SIZE: "a size in nginx's notation, such as 100m",
    API_VERSION: "an API version, such as v1 or apps/v1",
    MAJOR_MINOR: "a version such as 8.0, in quotes",
    DATABASE_NAME: 'the name of a database (at most 63 letters, digits, "-" and "_")',
    PLAIN_NAME: 'a name (at most 63 letters, digits, "-", "_" and ".")',
    KIND: "a kind of object, such as ConfigMap",
    JSON_POINTER: 'a JSON pointer, which begins with "/"',
    HOURS: "a number of hours, such as 720h",
    GATEWAY_DURATION: "a duration, such as 330s or 1h30m",
}
"""What the patterns mean, for messages."""

DnsLabel: TypeAlias = Annotated[str, StringConstraints(pattern=DNS_LABEL, max_length=names.LABEL_LENGTH)]
ObjectName: TypeAlias = Annotated[str, StringConstraints(pattern=DNS_SUBDOMAIN, max_length=names.SUBDOMAIN_LENGTH)]
AnnotationKey: TypeAlias = Annotated[str, StringConstraints(pattern=QUALIFIED_NAME)]
LabelValue: TypeAlias = Annotated[
    str, BeforeValidator(_text_of_scalar), StringConstraints(pattern=LABEL_VALUE), WithJsonSchema(_SCALAR_SCHEMA)
]
Annotations: TypeAlias = dict[AnnotationKey, ScalarText]
Labels: TypeAlias = dict[AnnotationKey, LabelValue]
EnvName: TypeAlias = Annotated[str, StringConstraints(pattern=ENV_NAME)]


def _not_a_reference(value: object) -> object:
    if isinstance(value, str) and any(character in value for character in "@/:"):
        raise ValueError('a tag has no "/", ":" or "@"; give a digest in its own key "digest"')
    return value


ImageTag: TypeAlias = Annotated[str, BeforeValidator(_not_a_reference), StringConstraints(pattern=IMAGE_TAG)]
ImageDigest: TypeAlias = Annotated[str, StringConstraints(pattern=IMAGE_DIGEST)]
ImageRepository: TypeAlias = Annotated[str, StringConstraints(pattern=IMAGE_REPOSITORY)]
ImageName: TypeAlias = Annotated[str, StringConstraints(pattern=IMAGE_NAME)]
ImageReference: TypeAlias = Annotated[str, StringConstraints(pattern=IMAGE_REFERENCE)]
TextLine: TypeAlias = Annotated[str, StringConstraints(pattern=TEXT_LINE)]
"""For what ends up in files of settings, variables and messages, where a line end would begin something else."""
Word: TypeAlias = Annotated[str, StringConstraints(pattern=WORD)]
AbsolutePath: TypeAlias = Annotated[str, StringConstraints(pattern=ABSOLUTE_PATH)]
Quantity: TypeAlias = Annotated[
    str,
    BeforeValidator(_text_of_scalar),
    StringConstraints(pattern=QUANTITY),
    WithJsonSchema({"type": ["string", "integer", "number"]}),
]
"""A Kubernetes quantity such as ``250m``, ``0.5`` or ``512Mi``."""

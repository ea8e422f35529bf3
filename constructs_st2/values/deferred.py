"""Validators that are built when there is something for them to validate.

Pydantic builds one for a model and all that is in it. For the whole of the values that takes longer than all else that
a synth does with them, and few values files mention much of it. So each model and each typed dictionary has a validator
of its own, and what is made of defaults alone needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, TypeAdapter, with_config
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from constructs_st2.values.shape import keys

T = TypeVar("T", bound=type)
M = TypeVar("M", bound=BaseModel)


def deferred(config: ConfigDict) -> Callable[[T], T]:
    """Give a typed dictionary a configuration, and a validator of its own."""

    def configured(owner: T) -> T:
        made: Any = with_config(config)(owner)
        made.__get_pydantic_core_schema__ = partial(within_others, Deferred(owner))
        return owner

    return configured


def within_others(validate: Callable[[Any], Any], source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """What pydantic is told of a type: all of it, or where it is within another one, only the function to call."""
    if handler.field_name is None:
        return handler(source)
    return core_schema.no_info_plain_validator_function(validate)


@dataclass(frozen=True)
class Deferred:
    """The validator of a type, which is built by its first call."""

    owner: Any

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.owner)

    @property
    def core_schema(self) -> CoreSchema:
        """All that pydantic knows of the type."""
        known: CoreSchema = self.owner.__pydantic_core_schema__ if model_of(self.owner) else self._adapter.core_schema
        return known

    def __call__(self, value: Any) -> Any:
        """The value, validated."""
        if model_of(self.owner):
            if isinstance(value, self.owner):
                return value
            if value == {} and not self.owner.NEEDS_SOMETHING and has_defaults(self.owner):
                return made_of(self.owner, {})
            return self.owner.__pydantic_validator__.validate_python(value)
        return self._adapter.validator.validate_python(value)


class JsonSchemas(GenerateJsonSchema):
    """Makes JSON Schemas as if all validators were one."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """The schema of a type, also of one that has a validator of its own."""
        called = schema["function"]["function"] if schema["type"] == "function-plain" else None
        return super().generate_inner(called.core_schema if isinstance(called, Deferred) else schema)


def made_of(model: type[M], data: Mapping[str, Any]) -> M:
    """An instance of data that is known to be right, such as that of a profile, or nothing: without a validator.

    Only mappings become models, where they are none yet: lists of them do not occur in such data.
    """
    known = _known(model)
    # To construct one takes four times as long.
    blank: Any = known.blank
    made: M = copy(blank)
    values, given = vars(made), made.model_fields_set
    for field in known.made_anew:
        if field.key not in data:
            values[field.name] = field.typed(field.default())
    for key, value in data.items():
        if field_of_key := known.fields.get(key):
            values[field_of_key.name] = field_of_key.typed(value)
            given.add(field_of_key.name)
    return made


@cache
def has_defaults(model: type[BaseModel]) -> bool:
    """Whether `made_of` can make a model of nothing: no key is required, and no default is to be validated."""
    return not any(
        field.is_required() or (field.validate_default and not model_of(field.annotation))
        for field in model.model_fields.values()
    )


def model_of(declared: Any) -> type[BaseModel] | None:
    """The model that a type is, if it is one."""
    return declared if isinstance(declared, type) and issubclass(declared, BaseModel) else None


class _Field(NamedTuple):
    """A field of a model: its name, its key in values files, what makes its default, and its type if it is a model."""

    name: str
    key: str
    default: Callable[[], Any]
    model: type[BaseModel] | None

    def typed(self, value: Any) -> Any:
        """A value of it, as a model where it is one."""
        return value if self.model is None or isinstance(value, BaseModel) else made_of(self.model, value)


class _Known(NamedTuple):
    """What is known of a model: one of defaults, its fields by their keys, and those whose default is made anew."""

    blank: BaseModel
    fields: Mapping[str, _Field]
    made_anew: tuple[_Field, ...]


@cache
def _known(model: type[BaseModel]) -> _Known:
    fields: dict[str, _Field] = {}
    defaults: dict[str, Any] = {}
    made_anew = []
    for name, known in (keys(model) or {}).items():
        if known.field is None:
            continue
        make_default = partial(known.field.get_default, call_default_factory=True, validated_data={})
        section = model_of(known.type) if known.field.validate_default else None
        fields[name] = _Field(known.attribute, name, make_default, section)
        defaults[known.attribute] = known.field.default
        if not _is_constant(known.field):
            made_anew.append(fields[name])
    return _Known(model.model_construct(set(), **defaults), fields, tuple(made_anew))


def _is_constant(field: FieldInfo) -> bool:
    """Whether a field has a default that nobody can change."""
    return field.default_factory is None and isinstance(field.default, str | int | float | None)

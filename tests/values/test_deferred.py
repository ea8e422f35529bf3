"""What is made without a validator is what the validator makes, and validators are built when they are needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from support import each_of

from constructs_st2.errors import UserError
from constructs_st2.values import GivenValues, Values, from_mapping
from constructs_st2.values.below import below
from constructs_st2.values.deferred import has_defaults, made_of
from constructs_st2.values.layers import merge
from constructs_st2.values.model.base import StrictModel
from constructs_st2.values.plain import source_of
from constructs_st2.values.profiled import with_profile
from constructs_st2.values.shape import models_in

MODELS = [model for model in models_in(Values) if issubclass(model, StrictModel)]


def everything(value: Any) -> Any:
    """A model with all that it holds, and with what has been set in it."""
    if isinstance(value, BaseModel):
        fields = {name: everything(getattr(value, name)) for name in type(value).model_fields}
        return type(value), fields, value.model_fields_set, value.model_extra
    return value


@each_of("model", [each for each in MODELS if has_defaults(each)])
def test_defaults_are_what_the_validator_makes_of_nothing(model: type[StrictModel]) -> None:
    try:
        validated = model.model_validate({})
    except ValidationError:
        assert model.NEEDS_SOMETHING, "say NEEDS_SOMETHING where the defaults of a model do not fit together"
    else:
        assert everything(made_of(model, {})) == everything(validated)
        assert not model.NEEDS_SOMETHING


@pytest.mark.parametrize("given", [{}, {"profile": "dev"}, {"st2api": {"replicas": 4}}, {"mongodb": {"enabled": True}}])
def test_profiles_are_what_the_validator_makes_of_them(given: Mapping[str, Any]) -> None:
    source = source_of(given)
    layered = merge([*below(merge([source])), source])
    made = with_profile(Values, layered)
    assert any(isinstance(value, BaseModel) for value in made.values())
    assert everything(Values.model_validate(made)) == everything(Values.model_validate(layered.data))


def test_two_values_share_nothing_that_could_be_changed() -> None:
    one, other = from_mapping({}), from_mapping({})
    assert one.st2web.annotations == {}
    assert one.st2web.annotations is not other.st2web.annotations
    assert one.namespace.labels is not other.namespace.labels


def test_the_data_of_a_profile_is_checked_when_a_user_gives_it_to_another_section() -> None:
    profile = merge(below(merge([]))).data
    with pytest.raises(UserError, match=r"st2web\.persistence: unknown key"):
        GivenValues.of({"st2web": profile["mongodb"]}).resolve("st2", "st2")


BUILT = """
import os
from constructs_st2.values import GivenValues, Values
from constructs_st2.values.shape import models_in
for values in {given!r}:
    if os.fork() == 0:
        GivenValues.of(values).resolve("st2", "st2")
        print(*sorted(model.__name__ for model in models_in(Values) if model.__pydantic_complete__))
        break
    os.wait()
"""
"""Tells of each values which models have a validator. Nothing has been validated before, but all is imported once."""


def test_only_what_is_mentioned_gets_a_validator() -> None:
    given: list[Mapping[str, Any]] = [{}, {"backup": {"enabled": False}}, {"namespace": {}}]
    command = [sys.executable, "-c", BUILT.format(given=given)]
    built = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert built == ["", "Backup Values", "Values"]

"""The rows of the tables of rules."""

from __future__ import annotations

from typing import NamedTuple

from constructs_st2.checks.api.walk import Form, Judge


class Field(NamedTuple):
    """A form that a field has in some types."""

    types: str
    field: str
    form: Form
    source: str


class Whole(NamedTuple):
    """What holds of the fields of some types together."""

    types: str
    judge: Judge
    source: str

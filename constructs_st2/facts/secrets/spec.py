"""How the contract describes a Secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets.composition import ComposedText
from constructs_st2.facts.secrets.formats import Format
from constructs_st2.values.model import Values

Recipe: TypeAlias = Mapping[str, Any]
"""How a value is made, as `programs.generate` reads it."""


class ClusterFacts(Protocol):
    """What recipes may depend on. `constructs_st2.facts.cluster.Cluster` offers it."""

    @property
    def values(self) -> Values:
        """The values of the cluster."""

    @property
    def release(self) -> Release:
        """Its name and namespace."""

    @property
    def public_names(self) -> list[str]:
        """The names under which users reach the web UI."""

    @property
    def secrets_conf(self) -> ComposedText:
        """The text of st2.secrets.conf."""

    @property
    def scaler_url(self) -> ComposedText:
        """The URL by which KEDA reaches MongoDB."""

    @property
    def rabbitmq_definitions(self) -> ComposedText:
        """The text of RabbitMQ's definitions.json."""

    @property
    def exporter_passwords(self) -> ComposedText:
        """The text from which redis_exporter takes its password."""

    def secret(self, spec: SecretSpec) -> str:
        """The name of the Secret that plays a part of the contract."""


class KeySpec(NamedTuple):
    """A key of a Secret: what it holds, in which form, what a new value takes, and how the first one is made."""

    meaning: str
    format: Format
    rotation: str
    recipe: Callable[[ClusterFacts], Recipe]


class SecretSpec(NamedTuple):
    """One Secret of the contract.

    With ``open_ended`` there may be other keys than ``keys``. A Secret with ``data_in`` opens the data of a backend:
    made anew, that data is lost. ``named_in`` is the key of the values that names the user's own Secret, ``made_by``
    who makes it otherwise: a controller, or the user.
    """

    component: str
    purpose: str
    keys: Mapping[str, KeySpec]
    data_in: Literal["mongodb", "rabbitmq"] | None = None
    open_ended: bool = False
    type: str = "Opaque"
    in_use: Callable[[Values], bool] = lambda _: True
    named_in: str = ""
    made_by: Callable[[Values], str | None] = lambda _: None

    def replaced_by(self, values: Values) -> str | None:
        """The name of the user's own Secret, if there is one."""
        found: Any = values
        for attribute in _attributes(self.named_in):
            found = getattr(found, attribute)
        return found if self.named_in else None

    def name(self, release: Release, values: Values) -> str:
        """The name of the Secret that holds the keys."""
        return self.replaced_by(values) or release.named(self.component)


@cache
def _attributes(key: str) -> tuple[str, ...]:
    """What the parts of a key are called in the typed values."""
    return tuple(re.sub("([A-Z])", r"_\1", word).lower() for word in key.split(".") if word)

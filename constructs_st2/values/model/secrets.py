"""Settings of Secrets: who makes them."""

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from constructs_st2.values.model.base import PLAIN_NAME, StrictModel, TextLine, key, section
from constructs_st2.values.model.names import SecretName, SecretStoreName

KeyName: TypeAlias = Annotated[str, StringConstraints(pattern=PLAIN_NAME)]


class SecretKey(StrictModel):
    """A key of a Secret of yours."""

    existing_secret: SecretName = key("Name of the Secret.", ...)
    key: KeyName = key("Key in the Secret.", "password")


def _text_or_reference(value: object) -> object:
    # The messages of other validators show the value.
    if value == "" or not isinstance(value, str | dict | SecretKey):
        raise ValueError("must be {existingSecret: NAME, key: KEY}, or a text in quotes")
    return value


SecretValue: TypeAlias = Annotated[str | SecretKey, BeforeValidator(_text_or_reference)]
"""A secret: where it is, or, with ``secrets.mode: plain`` only, itself."""


class SecretStore(StrictModel):
    """The store of External Secrets Operator from which secrets come."""

    name: SecretStoreName = key("Name of the store.", "stackstorm")
    kind: Literal["SecretStore", "ClusterSecretStore"] = key("Kind of the store.", "SecretStore")


_PLACEHOLDERS = ("{release}", "{secret}", "{key}")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def _known_placeholders(text: str) -> str:
    for placeholder in _PLACEHOLDER.findall(text):
        if placeholder not in _PLACEHOLDERS:
            raise ValueError(f"has {placeholder}, which stands for nothing; there are {', '.join(_PLACEHOLDERS)}")
    return text


EntryFormat: TypeAlias = Annotated[TextLine, AfterValidator(_known_placeholders)]


class ExternalSecrets(StrictModel):
    """How External Secrets Operator finds the secrets."""

    store: SecretStore = section("The store from which secrets come.")
    refresh_interval: Annotated[str, StringConstraints(pattern=r"^[0-9]+(s|m|h)$")] = key(
        "How often the store is asked.", "1h"
    )
    key_format: EntryFormat = key(
        "Name of an entry in the store; `{release}`, `{secret}` (the part after the release) and `{key}` stand for "
        "what they say.",
        "{release}/{secret}",
    )
    property_format: EntryFormat | None = key(
        "Name of a property of the entry, with the same placeholders; null where each key has an entry of its own.",
        "{key}",
    )


class Bootstrap(StrictModel):
    """The Job that makes Secrets."""

    enabled: bool = key(
        "Write the Job, with its service account, and the Role by which it may make, read and change these Secrets. "
        "`false` ends its rights, once it has made all Secrets; until it is `true` again, nothing makes others.",
        True,
    )


class Secrets(StrictModel):
    """Who makes the Secrets. No mode but `plain` writes a secret into the manifests."""

    mode: Literal["bootstrap", "existing", "external-secrets", "plain"] = key(
        "`bootstrap`: a Job makes those that are missing. `existing`: you make them. `external-secrets`: External "
        "Secrets Operator makes them from a store. `plain`: they are in the manifests, for development only.",
        "bootstrap",
    )
    seed: Annotated[str, Field(min_length=8)] | None = key(
        "Text from which all secrets follow that are not given (mode `plain`). Whoever knows it knows them."
    )
    bootstrap: Bootstrap = section("The Job that makes Secrets, in mode `bootstrap`.")
    external: ExternalSecrets = section("How External Secrets Operator finds the secrets.")
    reloader: bool = key(
        "Annotate workloads for Stakater Reloader, which restarts them when a Secret that they read has changed.", False
    )

    @property
    def has_bootstrap(self) -> bool:
        """Whether there is a Job that makes Secrets."""
        return self.mode == "bootstrap" and self.bootstrap.enabled

    @property
    def were_bootstrapped(self) -> bool:
        """Whether such a Job has made them, and is no longer wanted."""
        return self.mode == "bootstrap" and not self.bootstrap.enabled

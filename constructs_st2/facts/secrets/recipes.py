"""The kinds of recipes by which values of Secrets are made: data, that the bootstrap Job and the command line read."""

from __future__ import annotations

from constructs_st2.facts.secrets.composition import ComposedText
from constructs_st2.facts.secrets.spec import ClusterFacts, Recipe, SecretSpec
from constructs_st2.values.model.secrets import SecretKey, SecretValue

PASSWORD_LENGTH = 32
BEGIN_OF_SEEDED = "2025-01-01"
"""When the certificates begin that follow from a seed: these must be the same whenever they are made."""


def text(content: str) -> Recipe:
    """This text."""
    return {"make": "text", "text": content}


def password(given: SecretValue | None = None, length: int = PASSWORD_LENGTH) -> Recipe:
    """What the user gives, or else a new password."""
    return or_given(given, {"make": "password", "length": length})


def private_key(_: ClusterFacts) -> Recipe:
    """A new private key."""
    return {"make": "private-key"}


def by_hand(_: ClusterFacts) -> Recipe:
    """Nobody but the user can make it."""
    return given("is missing; add it")


def given(hint: str) -> Recipe:
    """The user gives it; the hint tells what is wrong without."""
    return {"make": "given", "hint": hint}


def or_given(given: SecretValue | None, recipe: Recipe) -> Recipe:
    """What the user gives, or else a recipe."""
    if isinstance(given, SecretKey):
        return {"make": "copy", "of": {"object": given.existing_secret, "key": given.key}}
    return recipe if given is None else text(given)


def composed(content: ComposedText) -> Recipe:
    """A text in which secrets stand."""
    parts = [
        part if isinstance(part, str) else {"object": part.secret, "key": part.key, "encoding": part.encoding}
        for part in content
    ]
    return {"make": "composed", "parts": parts}


def certificate(cluster: ClusterFacts, key: dict[str, str], names: list[str]) -> Recipe:
    """A certificate for names, signed by a key of the same Secret."""
    recipe = {"make": "certificate", "of": key, "names": names}
    return {**recipe, "begin": BEGIN_OF_SEEDED} if cluster.values.secrets.mode == "plain" else recipe


def reference(spec: SecretSpec, key: str, cluster: ClusterFacts) -> dict[str, str]:
    """How a recipe names the key of a Secret."""
    return {"object": cluster.secret(spec), "key": key}

"""Texts with secrets in them, from before anybody knows the secrets.

Connection strings hold passwords, and passwords are made in the cluster. What is known at synth is the text around
them: it is kept as parts, and whoever makes the Secrets fills them in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from constructs_st2.facts.secrets.programs.encodings import ENCODINGS


class SecretPart(NamedTuple):
    """The key of a Secret, and how it is written where it stands."""

    secret: str
    key: str
    encoding: str = "plain"
    """One of `encodings.ENCODINGS`."""


ComposedText: TypeAlias = tuple[str | SecretPart, ...]
"""A text in parts, some of which are secret."""


def shown(text: ComposedText) -> str:
    """The text with names in the place of secrets, for messages and fingerprints."""
    return "".join(part if isinstance(part, str) else f"<{part.secret}/{part.key}>" for part in text)


def filled(text: ComposedText, secret: Callable[[str, str], str]) -> str:
    """The text with its secrets.

    Args:
        text: the parts.
        secret: gives the value of a key of a Secret.

    Raises:
        ValueError: a secret cannot be written where it stands.
    """
    return "".join(
        part if isinstance(part, str) else ENCODINGS[part.encoding](secret(part.secret, part.key)) for part in text
    )


def joined(texts: Iterable[ComposedText], separator: str) -> ComposedText:
    """Texts one after the other."""
    parts: list[str | SecretPart] = []
    for text in texts:
        parts += [separator, *text] if parts else text
    return tuple(parts)

"""Texts of a cluster without what looks like a secret in them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterable, Iterator
from urllib.parse import quote

from constructs_st2.values import secret_looks

HIDDEN = "<hidden>"
"""What stands for a secret."""

_PRIVATE = r"(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_PEM = re.compile(rf"-----BEGIN {_PRIVATE}.*?(?:-----END {_PRIVATE}|\Z)", re.DOTALL)
_TOKEN = re.compile(r"[\w+/=~-]{12,}")
_WORD = re.compile(r"\w{3}")
"""Less than that is punctuation."""
_SHORTEST = 6
"""Characters of a secret that is searched for literally. Shorter ones are in too many other words."""
_LONG = 16
"""Characters of a line of a Secret that nobody writes by hand, as in keys."""


def hidden(text: str, known: Collection[str] = ()) -> str:
    """A text without secrets: those that are known, and whatever looks like one by its form or by the name before it.

    Args:
        text: any text.
        known: secrets that may be in it, in all the ways in which they may be written (`writings`).
    """
    for secret in known:
        text = text.replace(secret, HIDDEN)
    lines = []
    found: set[str] = set()
    for line in _PEM.sub(HIDDEN, text).split("\n"):
        for value in sorted(_looks(line), key=len, reverse=True):
            line = line.replace(value, HIDDEN)
            found.add(value)
        lines.append(_TOKEN.sub(lambda token: HIDDEN if secret_looks.is_random(token[0]) else token[0], line))
    text = "\n".join(lines)
    # What one line calls a password, another may tell without a name.
    for value in sorted(found, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, HIDDEN)
    return text


def _looks(text: str) -> Iterator[str]:
    """What looks like a secret in a line, or in a text of settings."""
    for looks in (
        secret_looks.in_text(text),
        secret_looks.in_settings(text),
        secret_looks.in_pairs(text),
        secret_looks.in_command(text),
        secret_looks.in_logins(text),
    ):
        yield from (look.value for look in looks if look.value != HIDDEN and _WORD.search(look.value))


def writings(secrets: Iterable[str]) -> list[str]:
    """The ways in which some secrets may be written, the longest first."""
    found: set[str] = set()
    for secret in secrets:
        for piece in _pieces(secret):
            encoded = base64.b64encode(piece.encode()).decode()
            found |= {piece, encoded, encoded.rstrip("="), quote(piece, safe=""), json.dumps(piece)[1:-1]}
    return sorted((each for each in found if len(each) >= _SHORTEST), key=len, reverse=True)


def _pieces(secret: str) -> Iterator[str]:
    """A secret, and what of it may be told alone: of a text of several lines, passwords and lines of keys."""
    yield secret.strip()
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1 or secret.startswith("{"):
        yield from _looks(secret)
        yield from (line for line in lines if len(line) >= _LONG and re.fullmatch(r"[A-Za-z0-9+/_=-]+", line))

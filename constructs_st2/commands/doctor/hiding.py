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
_SHORTEST = 6
"""Characters of a secret that is searched for literally. Shorter ones are in too many other words."""


def hidden(text: str, known: Collection[str] = ()) -> str:
    """A text without secrets: those that are known, and whatever looks like one by its form or by the name before it.

    Args:
        text: any text.
        known: secrets that may be in it, in all the ways in which they may be written (`writings`).
    """
    for secret in known:
        text = text.replace(secret, HIDDEN)
    text = _PEM.sub(HIDDEN, text)
    for value in dict.fromkeys(sorted(_looks(text), key=len, reverse=True)):
        text = text.replace(value, HIDDEN)
    return _TOKEN.sub(lambda token: HIDDEN if secret_looks.is_random(token[0]) else token[0], text)


def _looks(text: str) -> Iterator[str]:
    for look in secret_looks.in_text(text):
        yield look.value
    for line in text.splitlines():
        for look in (
            *secret_looks.in_settings(line),
            *secret_looks.in_pairs(line),
            *secret_looks.in_command(line),
            *secret_looks.in_logins(line),
        ):
            # A word such as "in" would be hidden everywhere.
            if len(look.value) >= _SHORTEST or HIDDEN not in line:
                yield look.value


def writings(secrets: Iterable[str]) -> list[str]:
    """The ways in which some secrets may be written, the longest first.

    Secrets of several lines are settings: each of their lines may be told alone, and so may what is behind its name.
    """
    found: set[str] = set()
    for secret in secrets:
        for piece in _pieces(secret):
            encoded = base64.b64encode(piece.encode()).decode()
            found |= {piece, encoded, encoded.rstrip("="), quote(piece, safe=""), json.dumps(piece)[1:-1]}
    return sorted((each for each in found if len(each) >= _SHORTEST), key=len, reverse=True)


def _pieces(secret: str) -> Iterator[str]:
    yield secret
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) < 2:
        return
    for line in lines:
        if line and not re.fullmatch(r"\[\w+\]|[{}\[\],]+|-{5}.*-{5}", line):
            yield line
            yield re.split(r"\s*[=:]\s*", line, maxsplit=1)[-1].strip("\"', ")

"""What the rules of operators give, and the forms that several of them need."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from decimal import Decimal
from typing import TypeAlias

Finding: TypeAlias = tuple[str, str]
"""A field of an object, and what is wrong with it."""

_GO_DURATION = re.compile(r"[+-]?(?:0|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+")
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([a-zµμ]+)")
_SECONDS = {
    **{"ns": Decimal("1e-9"), "us": Decimal("1e-6"), "µs": Decimal("1e-6"), "μs": Decimal("1e-6")},
    **{"ms": Decimal("1e-3"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)},
    **{"d": Decimal(86400), "w": Decimal(7 * 86400), "y": Decimal(365 * 86400)},
}


def seconds_of(text: object) -> Decimal | None:
    """The seconds of a duration as Go writes it (``1h30m``), or None if it is none."""
    if not isinstance(text, str) or not _GO_DURATION.fullmatch(text):
        return None
    return _sum(text) * (-1 if text.startswith("-") else 1)


def _sum(text: str) -> Decimal:
    return sum((Decimal(number) * _SECONDS[unit] for number, unit in _PART.findall(text)), Decimal(0))


_PROMETHEUS_DURATION = re.compile(
    r"0|(?=.)(?:[0-9]+y)?(?:[0-9]+w)?(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?(?:[0-9]+ms)?"
)


def prometheus_seconds_of(text: object) -> Decimal | None:
    """The seconds of a duration as Prometheus writes it (``1d12h``), or None if it is none."""
    return _sum(text) if isinstance(text, str) and _PROMETHEUS_DURATION.fullmatch(text) else None


def repeated(items: Iterable[tuple[str, Hashable]], message: str) -> Iterator[Finding]:
    """Those of some fields that have what another one before has."""
    seen: set[Hashable] = set()
    for field, key in items:
        if key in seen:
            yield field, message
        seen.add(key)


def number(value: object) -> int | None:
    """The value if it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None

"""Names, numbers and times in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal


def in_words(time: timedelta) -> str:
    """How long something is or was, in its largest unit that has at least two: ``50 s``, ``3 min``, ``26 h``."""
    seconds = max(0, int(time.total_seconds()))
    if seconds < 2 * 60:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    if seconds < 2 * 86400:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names on end, each once, and not too many of them."""
    known = list(dict.fromkeys(names))
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more


def counted(number: int, what: str) -> str:
    """So many of something: ``1 pod``, ``2 pods``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def gib(number: Decimal) -> str:
    """Bytes as people know them."""
    return f"{float(number) / 2**30:.3g} GiB"

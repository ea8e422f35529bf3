"""Kubernetes quantities."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache

PLAIN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
"""How people write quantities. Kubernetes takes others, too, such as ``1e3`` and ``.5``."""

_FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def amount(quantity: str) -> Decimal:
    """The number that a quantity stands for: cores, or bytes.

    Raises:
        InvalidOperation: it is no quantity.
    """
    found = _parsed(quantity)
    if found is None:
        raise InvalidOperation(f"{quantity} is no quantity")
    return found


def added(*quantities: str) -> str:
    """The sum of quantities of bytes, as a quantity."""
    number = int(total(quantities))
    unit = next((unit for unit in ("Gi", "Mi", "Ki") if number % _FACTORS[unit] == 0), "")
    return f"{int(number / _FACTORS[unit])}{unit}" if unit else str(number)


_FORM = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?"
)


@lru_cache(maxsize=512)
def _parsed(text: str) -> Decimal | None:
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    suffix = found["suffix"] or ""
    factor = _FACTORS.get(suffix)
    if factor is None:
        factor = Decimal(f"1{suffix}") if suffix else Decimal(1)
    return Decimal(found["number"]) * factor


def parsed(value: object) -> Decimal | None:
    """The number that a quantity stands for in any form that Kubernetes takes; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return _parsed(str(value))


def total(quantities: Iterable[str]) -> Decimal:
    """The sum of quantities."""
    return sum(map(amount, quantities), Decimal(0))

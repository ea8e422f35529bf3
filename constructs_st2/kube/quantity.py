"""Kubernetes quantities, as far as adding up requests needs them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

_FACTORS = {
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
    """The number that a quantity stands for: cores, or bytes."""
    number = quantity.rstrip("".join(set("".join(_FACTORS))))
    return Decimal(number) * _FACTORS.get(quantity[len(number) :], Decimal(1))


def added(*quantities: str) -> str:
    """The sum of quantities of bytes, as a quantity."""
    number = int(total(quantities))
    unit = next((unit for unit in ("Gi", "Mi", "Ki") if number % _FACTORS[unit] == 0), "")
    return f"{int(number / _FACTORS[unit])}{unit}" if unit else str(number)


def total(quantities: Iterable[str]) -> Decimal:
    """The sum of quantities."""
    return sum(map(amount, quantities), Decimal(0))

"""Where a SealedSecret can be opened."""

from __future__ import annotations

from typing import Literal, TypeAlias

Scope: TypeAlias = Literal["strict", "namespace-wide", "cluster-wide"]
"""Under its name in its namespace, anywhere in its namespace, or everywhere."""

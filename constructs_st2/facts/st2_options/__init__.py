"""Every option that each version of st2 knows.

The tables were made by asking oslo.config in each service of st2 3.8.1 and 3.9.0 for what it had registered, as
`make st2-options` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple


class Option(NamedTuple):
    """One option; ``deprecated`` is st2's reason to use another one, ``former`` are names that st2 still reads."""

    type: Literal["str", "int", "float", "bool", "list", "dict"]
    choices: tuple[str, ...] = ()
    default: Any = None
    secret: bool = False
    deprecated: str | None = None
    former: tuple[str, ...] = ()


@cache
def options_for(version: str) -> Mapping[str, Mapping[str, Option]]:
    """Section to option name to option, for a minor version."""
    path = Path(__file__).with_name(f"{version}.json")
    table: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_bytes())
    return {section: {name: _option(facts) for name, facts in options.items()} for section, options in table.items()}


def _option(facts: dict[str, Any]) -> Option:
    lists = {key: tuple(facts.get(key, ())) for key in ("choices", "former")}
    return Option(**{**facts, **lists})

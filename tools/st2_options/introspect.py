"""Prints every option that the services of an installed st2 register, as JSON. Runs by the interpreter of that st2.

Usage: introspect.py SERVICE. Options belong to one process, and some services register under one name what others
register otherwise, so each service is asked in a process of its own.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from typing import Any

from oslo_config import cfg

TYPES = {"String": "str", "Integer": "int", "Float": "float", "Boolean": "bool", "List": "list", "Dict": "dict"}


def main(service: str) -> None:
    """Print the options of a service."""
    config = importlib.import_module(f"{service}.config")
    supported = inspect.signature(config.register_opts).parameters
    config.register_opts(**({"ignore_errors": True} if "ignore_errors" in supported else {}))
    groups = {"DEFAULT": cfg.CONF._opts}
    groups.update((name, group._opts) for name, group in cfg.CONF._groups.items())
    table: dict[str, dict[str, Any]] = {}
    for group, options in groups.items():
        registered = (entry["opt"] for entry in options.values())
        table[group] = {option.dest: described(option) for option in registered}
    json.dump(table, sys.stdout)


def described(option: Any) -> dict[str, Any]:
    """What the table says of an option."""
    facts: dict[str, Any] = {"type": TYPES[type(option.type).__name__]}
    choices = [choice for choice in getattr(option.type, "choices", None) or () if choice is not None]
    if choices:
        facts["choices"] = choices
    if option.default not in (None, "", [], {}) and not of_this_machine(option.default):
        # A default that depends on the host has one for documents.
        facts["default"] = option.default if option.sample_default is None else option.sample_default
    if option.secret:
        facts["secret"] = True
    if option.deprecated_for_removal:
        facts["deprecated"] = option.deprecated_reason or ""
    former = [name for name in (known.name for known in option.deprecated_opts) if name and name != option.dest]
    if former:
        facts["former"] = former
    return facts


def of_this_machine(default: Any) -> bool:
    """Paths of the interpreter; and pecan's marker, which only its own program understands."""
    return (isinstance(default, str) and default.startswith(sys.prefix)) or default == {"__force_dict__": True}


if __name__ == "__main__":
    main(sys.argv[1])

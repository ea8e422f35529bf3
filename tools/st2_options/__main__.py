"""Makes a table of st2's options. Run by `make st2-options VERSION=3.9 ST2=/opt/stackstorm/st2/bin/python`.

The interpreter is that of an installed st2 of this version, as its packages and images have it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

Table: TypeAlias = dict[str, dict[str, dict[str, Any]]]

PROGRAM = Path(__file__).with_name("introspect.py")
TABLES = Path(__file__).parents[2] / "constructs_st2" / "facts" / "st2_options"
SERVICES = (
    "st2api",
    "st2auth",
    "st2stream",
    "st2actions",
    "st2actions.notifier",
    "st2actions.scheduler",
    "st2actions.workflows",
    "st2reactor.rules",
    "st2reactor.sensor",
    "st2reactor.timer",
    "st2reactor.garbage_collector",
)
"""Packages with the module `config` of a service."""
_SECONDS = 120


def main(version: str, interpreter: str) -> None:
    """Ask each service, and write the table."""
    table: Table = {}
    for service in SERVICES:
        for section, options in asked(interpreter, service).items():
            table.setdefault(section, {}).update(options)
    (TABLES / f"{version}.json").write_text(written(table))


def asked(interpreter: str, service: str) -> Table:
    """The options that a service registers."""
    command = [*interpreter.split(), "-", service]
    done = subprocess.run(command, input=PROGRAM.read_bytes(), stdout=subprocess.PIPE, check=True, timeout=_SECONDS)
    table: Table = json.loads(done.stdout)
    return table


def written(table: Table) -> str:
    """The table as text, with a line for each option."""
    sections = []
    for section, options in sorted(table.items()):
        lines = (f"    {json.dumps(name)}: {json.dumps(facts)}" for name, facts in sorted(options.items()))
        sections.append(f"  {json.dumps(section)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(sections) + "\n}\n"


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Makes the typed bindings of custom kinds in imports/, by `cdk8s import`. Run by `make imports`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers.packages import find, install_command

from constructs_st2 import node

IMPORTS = Path(__file__).parents[2] / "imports"
DEFINITIONS = "crds"
_SECONDS = 120
"""How long one file may take; it is a few seconds."""


def definitions() -> list[Path]:
    """The files with definitions of custom kinds, one for each API group."""
    return sorted((IMPORTS / DEFINITIONS).glob("*.yaml"))


def generate(cdk8s: str, folder: Path, files: Iterable[Path]) -> None:
    """Make the bindings of some definitions in a folder.

    Each file by itself: from several at once, the bindings of a group would hold those of the groups before it.
    """
    environment = {**os.environ, "CDK8S_CHECK_UPGRADE": "false"}
    node.prepare(environment)
    program = [environment.get("JSII_NODE", "node"), cdk8s, "import"]
    for definition in files:
        options = ["--language", "python", "--output", str(folder), "--no-save"]
        subprocess.run(
            [*program, str(definition), *options], env=environment, check=True, timeout=_SECONDS, capture_output=True
        )


def main() -> None:
    """Put new bindings in the place of the old ones."""
    cdk8s = find("cdk8s")
    if cdk8s is None:
        raise SystemExit(f"there is no cdk8s; {install_command('cdk8s')}")
    for entry in IMPORTS.iterdir():
        if entry.is_dir() and entry.name != DEFINITIONS:
            shutil.rmtree(entry)
    generate(cdk8s, IMPORTS, definitions())


if __name__ == "__main__":
    main()

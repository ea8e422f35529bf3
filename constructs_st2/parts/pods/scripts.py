"""The scripts that run in pods: real files beside the module that mounts them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from constructs_st2.kube.shipped import shipped_text

MOUNT_PATH = "/opt/constructs-st2"
"""Where pods find their scripts."""

_SHELLS: Mapping[str, str] = {".sh": "sh", ".bash": "bash"}
_SUFFIXES = (*_SHELLS, ".erl", ".js")


def command(name: str, *arguments: object) -> list[str]:
    """The command that runs a script. Files of ConfigMaps cannot be executed, so a shell reads them."""
    return [_SHELLS[name[name.rindex(".") :]], f"{MOUNT_PATH}/{name}", *map(str, arguments)]


@cache
def texts(package: str) -> dict[str, str]:
    """Name and text of every script in a package."""
    return {
        name: shipped_text(package, name)
        for name in sorted(file.name for file in resources.files(package).iterdir())
        if name.endswith(_SUFFIXES)
    }

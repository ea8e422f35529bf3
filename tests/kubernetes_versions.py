"""The versions of Kubernetes that every object must fit."""

from __future__ import annotations

from pathlib import Path

import kubernetes_validate

OLDEST = (1, 30)


def _minors() -> list[str]:
    """The minor versions from the oldest supported one to the newest that the validator knows."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    found = {
        tuple(map(int, name.name.removeprefix("v").split("-")[0].split(".")[:2]))
        for name in folder.iterdir()
        if name.name.startswith("v1")
    }
    return [f"{major}.{minor}" for major, minor in sorted(found) if (major, minor) >= OLDEST]


KUBERNETES = _minors()

"""The versions of Kubernetes that every object must fit, and whether it does."""

from __future__ import annotations

import functools
from pathlib import Path

import kubernetes_validate.utils

from constructs_st2.checks.data import content_of
from constructs_st2.kube.documents import Document

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


# It would read the schemas of all kinds anew for each object: nine tenths of its time.
for name in ("schema_contents", "all_versions"):
    setattr(kubernetes_validate.utils, name, functools.cache(getattr(kubernetes_validate.utils, name)))

_VALID: set[tuple[str, bytes]] = set()
"""What has been validated; most objects are the same in many clusters."""


def validate(document: Document, minor: str) -> None:
    """See that an object is valid for a version, and has no field that the version does not know.

    Raises:
        kubernetes_validate.ValidationError: it is not.
        kubernetes_validate.SchemaNotFoundError: the version has no such kind.
    """
    content = content_of(document)
    if content is None or (minor, content) not in _VALID:
        kubernetes_validate.validate(document, minor, strict=True)
        if content is not None:
            _VALID.add((minor, content))

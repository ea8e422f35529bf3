"""Liveness of containers that look at a member again and again: each time they touch a file."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_st2.kube.documents import Document
from constructs_st2.parts.pods.scripts import command, texts

SCRIPTS: Mapping[str, str] = texts("constructs_st2.parts.backends.looking.scripts")

_LOOKED = "looked.sh"
_SECONDS = 600
"""After that long a look hangs: each takes seconds, a minute where all other members are lost."""


def probes(file: str) -> dict[str, Document]:
    """The probe of a container that touches a file at each look. It has five minutes for the first one."""
    looked = {"exec": {"command": command(_LOOKED, file, _SECONDS)}}
    return {"livenessProbe": {**looked, "periodSeconds": 60, "timeoutSeconds": 5, "failureThreshold": 5}}

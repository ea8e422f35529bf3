"""Probes of containers that look at a member again and again: each time they touch a file."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_st2.kube.documents import Document
from constructs_st2.parts.pods.scripts import command, texts

SCRIPTS: Mapping[str, str] = texts("constructs_st2.parts.backends.looking.scripts")

_LOOKED = "looked.sh"
_HAS_LOOKED = "has-looked.sh"
_SECONDS = 600
"""After that long a look hangs: each takes seconds, a minute where all other members are lost."""
_USUAL_FIRST = 10
"""Seconds until the first look has usually ended. Each answer that fails before is an event of the type Warning."""


def probes(file: str) -> dict[str, Document]:
    """The probes of a container that touches a file at the end of each look, and removes it when it starts.

    It has five minutes for the first look. Until then its member is not ready, so that no rollout goes on over helpers
    that do not work.
    """
    looked = {"exec": {"command": command(_LOOKED, file, _SECONDS)}}
    has_looked = {"exec": {"command": command(_HAS_LOOKED, file)}}
    return {
        "livenessProbe": {**looked, "periodSeconds": 60, "timeoutSeconds": 5, "failureThreshold": 5},
        "readinessProbe": {"initialDelaySeconds": _USUAL_FIRST, **has_looked, "periodSeconds": 5, "timeoutSeconds": 5},
    }

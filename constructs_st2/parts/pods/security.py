"""Security contexts of pods and containers: as restricted as can be, with what the user wants laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constructs_st2.kube.documents import Document

RESTRICTED_CONTAINER: Document = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}


def restricted_pod(uid: int, group: int | None = None) -> Document:
    """The security context of a pod that runs as some user, and as a group: by default that of the same number."""
    group = uid if group is None else group
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": group,
        "fsGroup": group,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def overlaid(base: Mapping[str, Any], *layers: Mapping[str, Any]) -> Document:
    """A security context with each layer's keys laid over it; a key that is None disappears.

    Whoever asks for a right asks also for what it cannot be had without, and which the base may forbid.
    """
    given = {name: value for layer in layers for name, value in layer.items()}
    merged = {**base, **_implied(given), **given}
    return {name: value for name, value in merged.items() if value is not None}


def _implied(given: Mapping[str, Any]) -> Document:
    """What comes with some fields of a security context."""
    implied: Document = {}
    added = (given.get("capabilities") or {}).get("add", ())
    if given.get("privileged") or "CAP_SYS_ADMIN" in added:
        implied["allowPrivilegeEscalation"] = True
    if given.get("runAsUser") == 0:
        implied["runAsNonRoot"] = False
    return implied

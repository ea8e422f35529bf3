"""Composing pods: volumes and mounts, security, spread, and the template around them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from constructs_st2.kubernetes import Document

ST2_UID = 1000
"""The user `stanley` of every st2 image; any other uid crashes the action runner, which looks its name up."""

RESTRICTED_POD: Document = {
    "runAsNonRoot": True,
    "runAsUser": ST2_UID,
    "runAsGroup": ST2_UID,
    "fsGroup": ST2_UID,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESTRICTED_CONTAINER: Document = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}

READABLE_BY_GROUP = 0o440
"""Mode of files from Secrets: root owns them, the pod's fsGroup may read them."""


def fingerprint(content: object) -> str:
    """A stable hash of plain data, for annotations and names."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def overlaid(base: Mapping[str, Any], *layers: Mapping[str, Any]) -> Document:
    """``base`` with each layer's keys laid over it; a key that is None disappears."""
    merged = {**base}
    for layer in layers:
        merged.update(layer)
    return {name: value for name, value in merged.items() if value is not None}


@dataclass(frozen=True)
class Volume:
    """A volume of a pod.

    ``fingerprint`` stands for content that is read only when the pod starts: another one must roll the pod.
    Content that is read whenever it is needed has none, because a running pod sees its change.
    """

    name: str
    source: Document
    fingerprint: str | None = None

    @staticmethod
    def scratch(name: str, *, in_memory: bool = False) -> Volume:
        """An empty directory that lives as long as the pod."""
        return Volume(name, {"emptyDir": {"medium": "Memory"} if in_memory else {}})

    @staticmethod
    def config_map(name: str, config_map: str, *, fingerprint: str | None = None) -> Volume:
        """The keys of a ConfigMap as files."""
        return Volume(name, {"configMap": {"name": config_map}}, fingerprint)

    @staticmethod
    def secret(name: str, secret: str, files: Mapping[str, str]) -> Volume:
        """Some keys of a Secret as files: key to file name."""
        items = [{"key": key, "path": path} for key, path in files.items()]
        return Volume(name, {"secret": {"secretName": secret, "items": items, "defaultMode": READABLE_BY_GROUP}})


@dataclass(frozen=True)
class Mount:
    """Where a volume, or one file of it, appears in a container."""

    volume: Volume
    path: str
    sub_path: str | None = None
    writable: bool = False

    def field(self) -> Document:
        """The entry of ``volumeMounts``."""
        mount: Document = {"name": self.volume.name, "mountPath": self.path}
        if self.sub_path is not None:
            mount["subPath"] = self.sub_path
        if not self.writable:
            mount["readOnly"] = True
        return mount


def mount_fields(mounts: Iterable[Mount]) -> list[Document]:
    """The ``volumeMounts`` of a container."""
    return [mount.field() for mount in mounts]


def volumes_of(mounts: Iterable[Mount]) -> list[Volume]:
    """The volumes behind some mounts, each once."""
    return list({mount.volume.name: mount.volume for mount in mounts}.values())


def spread(selector: Mapping[str, str]) -> list[Document]:
    """Prefer to put pods into different zones, and onto different hosts."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(selector)},
            # Without this, pods of the old revision count as neighbours during a rollout.
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def checksums(volumes: Sequence[Volume]) -> dict[str, str]:
    """Annotations that make a pod roll when what it read at its start has changed."""
    return {f"checksum/{volume.name}": volume.fingerprint for volume in volumes if volume.fingerprint}

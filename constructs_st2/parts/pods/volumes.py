"""Volumes of pods, and where containers have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import AUTHORITIES, ROOT_AUTHORITIES

READABLE_BY_GROUP = 0o440
"""Mode of files from Secrets: root owns them, the pod's fsGroup may read them."""

_SIZE_IN_MEMORY = "8Mi"
"""For a few small files, such as passwords and what containers of a pod tell each other."""

SERVICE_ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where programs look for the token of the Kubernetes API. Those of ours say it themselves: they import nothing of a
synth, and are not imported by it, because what they import of `cryptography` takes 20 ms.
"""


class Volume(NamedTuple):
    """A volume of a pod.

    ``fingerprint`` stands for content that is known. Another one must roll the pod, which reads it when it starts;
    but not with ``live``: such content is read whenever it is needed, and a running pod sees its change.
    ``secret_at_start`` is the name of the Secret whose content, which no synth knows, is read only at the start.
    """

    name: str
    source: Document
    fingerprint: str | None = None
    secret_at_start: str | None = None
    live: bool = False

    @staticmethod
    def scratch(name: str, size: str | None = None) -> Volume:
        """An empty directory on the node's disk that lives as long as the pod.

        Without a size it may become as large as a container may that writes to it (limit of ephemeral-storage).
        """
        return Volume(name, {"emptyDir": {"sizeLimit": size} if size else {}})

    @staticmethod
    def scratch_in_memory(name: str, size: str = _SIZE_IN_MEMORY) -> Volume:
        """The same in memory, where it counts as that of the container that writes to it."""
        return Volume(name, {"emptyDir": {"medium": "Memory", "sizeLimit": size}})

    @staticmethod
    def claimed(name: str) -> Volume:
        """A volume that comes from a claim template of the StatefulSet, under the template's name."""
        return Volume(name, {})

    @staticmethod
    def config_map(name: str, config_map: str, *, fingerprint: str | None = None, live: bool = False) -> Volume:
        """The keys of a ConfigMap as files."""
        return Volume(name, {"configMap": {"name": config_map}}, fingerprint, live=live)

    @staticmethod
    def config_maps(
        name: str, config_maps: Iterable[str], *, fingerprint: str | None = None, live: bool = False
    ) -> Volume:
        """The keys of several ConfigMaps as files of one folder."""
        first, *others = ({"configMap": {"name": config_map}} for config_map in config_maps)
        source = {"projected": {"sources": [first, *others]}} if others else first
        return Volume(name, source, fingerprint, live=live)

    @staticmethod
    def secret(name: str, secret: str, files: Mapping[str, str], *, at_start: bool = False) -> Volume:
        """Some keys of a Secret as files: key to file name. ``at_start``: a running pod does not see their change."""
        items = [{"key": key, "path": path} for key, path in files.items()]
        source = {"secret": {"secretName": secret, "items": items, "defaultMode": READABLE_BY_GROUP}}
        return Volume(name, source, secret_at_start=secret if at_start else None)

    @staticmethod
    def api_token() -> Volume:
        """What a program needs to ask the Kubernetes API, for the container that does: a token of an hour. It is looked
        for at `SERVICE_ACCOUNT_PATH`.

        The kubelet makes it anew in time. It is what Kubernetes itself would mount into every container of the pod.
        """
        files: list[Document] = [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
            {"configMap": {"name": ROOT_AUTHORITIES, "items": [{"key": AUTHORITIES, "path": AUTHORITIES}]}},
        ]
        return Volume("api-token", {"projected": {"sources": files, "defaultMode": READABLE_BY_GROUP}})


class Mount(NamedTuple):
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

"""What makes pods roll when something has changed that they read at their start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from constructs_st2.facts.release import CHECKSUM_ANNOTATION
from constructs_st2.parts.pods.pod import Container


def checksums(containers: Iterable[Container], *, live: bool = False) -> dict[str, str]:
    """Annotations that make a pod roll when what it read at its start has changed.

    With ``live`` they also stand for what a running pod reads anew: a Job runs once, and must run again for that too.
    """
    volumes = {mount.volume.name: mount.volume for each in containers for mount in each.mounts}
    return {
        f"{CHECKSUM_ANNOTATION}{volume.name}": volume.fingerprint
        for volume in volumes.values()
        if volume.fingerprint and (live or not volume.live)
    }


def reloader_annotation(secrets: Iterable[str]) -> dict[str, str]:
    """The annotation by which Stakater Reloader restarts a workload when one of some Secrets has changed."""
    names = sorted({*secrets})
    return {"secret.reloader.stakater.com/reload": ",".join(names)} if names else {}


def secrets_at_start(container: Container) -> Iterator[str]:
    """The Secrets that a container reads only when it starts."""
    yield from (source["secretRef"]["name"] for source in container.env_from if "secretRef" in source)
    sources = [variable.get("valueFrom", {}) for variable in container.env]
    yield from (source["secretKeyRef"]["name"] for source in sources if "secretKeyRef" in source)
    yield from files_at_start(container)


def files_at_start(container: Container) -> Iterator[str]:
    """Those of them that are mounted as files."""
    yield from (mount.volume.secret_at_start for mount in container.mounts if mount.volume.secret_at_start)

"""Init containers that hold a pod back until what it needs can be reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from constructs_st2.facts.catalogue import CATALOGUE, Need
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import WAIT_FOR, Release, Role
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.scripts import MOUNT_PATH, command
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.parts.services.scripts import WAIT_FOR as _SCRIPT

SCRIPTS = "st2-scripts"
"""The ConfigMap with the scripts that pods of services run, and the volume of it."""
WAIT_SECONDS = 600
"""How long one attempt waits. The kubelet then starts the next one, so this bounds a hang, not the wait as a whole."""

_BACKEND_ROLES: Mapping[Need, Role] = {
    Need.DATABASE: "database",
    Need.MESSAGING: "messaging",
    Need.COORDINATION: "coordination",
}

_PORTS: Mapping[str, int | None] = {entry.name: entry.port for entry in CATALOGUE}


class Endpoint(NamedTuple):
    """A Service of the release and one of its ports."""

    component: str
    port: int


def endpoint(need: Need, cluster: Cluster) -> Endpoint | None:
    """What to wait for, or None where the thing is not part of this cluster."""
    if role := _BACKEND_ROLES.get(need):
        backend = cluster.backends.get(role)
        return Endpoint(backend.component, backend.port) if backend else None
    port = _PORTS[need.value]
    return Endpoint(need.value, port) if port else None


def scripts_mount(release: Release) -> Mount:
    """The scripts that pods run. They are read when they run, so a change of one rolls nothing."""
    return Mount(Volume.config_map(SCRIPTS, release.named(SCRIPTS)), MOUNT_PATH)


def wait_containers(needs: tuple[Need, ...], cluster: Cluster, *, seconds: int = WAIT_SECONDS) -> list[Container]:
    """One init container per need, named after what it waits for, for at most some seconds."""
    endpoints = [found for need in needs if (found := endpoint(need, cluster))]
    return [
        Container(
            name=f"{WAIT_FOR}{target.component}",
            image=cluster.images.utility(),
            command=command(_SCRIPT),
            args=[target.component, str(seconds), cluster.release.named(target.component), str(target.port)],
            resources=cluster.values.helper_resources.of("waiting"),
            mounts=[scripts_mount(cluster.release)],
        )
        for target in endpoints
    ]

"""Composing pods: containers and their volumes, and the template around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from constructs_st2.facts.images import Image
from constructs_st2.facts.node_loss import tolerations
from constructs_st2.kube.documents import Document
from constructs_st2.kube.quantity import added, amount
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model.kubernetes import Container as UserContainer
from constructs_st2.values.model.pods import Pods, PodTemplate

_RESOLVER: Document = {"options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "2"}]}
"""How pods ask for names. By default a question to a lost server of DNS is given up after 5 s, and asked again,
also with each domain of the search list: whoever asked is held up for 20 s, as long as Kubernetes has not noticed the
loss of its node. More attempts would not help: they go the same way, because they come from the same port."""


def dns_config(given: Mapping[str, Any]) -> Document:
    """The DNS parameters of a pod: ours, and the user's in the place of those of the same name."""
    return {**_RESOLVER, **given}


EPHEMERAL_STORAGE = "ephemeral-storage"
"""The resource that is disk of the node: logs, what is written to images, and empty directories."""


class Container(NamedTuple):
    """A container to be. Its volumes become those of the pod."""

    name: str
    image: Image
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    env: Sequence[Document] = ()
    env_from: Sequence[Document] = ()
    ports: Mapping[str, int] = {}
    resources: Mapping[str, Any] = {}
    security: Document = RESTRICTED_CONTAINER
    probes: Mapping[str, Document] = {}
    lifecycle: Mapping[str, Any] = {}
    mounts: Sequence[Mount] = ()
    extra_mounts: Sequence[Document] = ()

    def field(self) -> Document:
        """The entry of ``containers`` or ``initContainers``."""
        return without_empty(
            {
                "name": self.name,
                **self.image.fields(),
                "command": list(self.command),
                "args": list(self.args),
                "env": list(self.env),
                "envFrom": list(self.env_from),
                "ports": [{"name": name, "containerPort": port} for name, port in self.ports.items()],
                "resources": without_empty({**self.resources}),
                "securityContext": self.security,
                **self.probes,
                "lifecycle": self.lifecycle,
                "volumeMounts": [*(mount.field() for mount in self.mounts), *self.extra_mounts],
            }
        )


DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def template_of_pods(labels: Mapping[str, str], annotations: Mapping[str, str], spec: Document) -> Document:
    """The template of pods. It says which of several containers kubectl means when it is not told: the first."""
    main, *others = spec["containers"]
    several = others or spec.get("initContainers")
    annotated = {**({DEFAULT_CONTAINER: main["name"]} if several else {}), **annotations}
    return {"metadata": {"labels": dict(labels), **({"annotations": annotated} if annotated else {})}, "spec": spec}


def pod_spec(
    settings: PodTemplate,
    containers: Sequence[Container],
    init_containers: Sequence[Container] = (),
    *,
    security: Document,
    grace: int,
    spread: Sequence[Document] = (),
    stays: int | None = None,
    **fields: Any,
) -> Document:
    """The spec of a pod under the user's settings.

    Args:
        settings: what the user says of such pods.
        containers: what runs in it; the user's sidecars come behind.
        init_containers: what runs first; the user's own come behind.
        security: the security context of the pod, before the user's settings.
        grace: seconds that it has to stop.
        spread: topology spread constraints that hold unless the user gives others.
        stays: seconds that it stays on a lost node, unless the user says otherwise; None leaves it to Kubernetes.
        fields: further fields of the spec; they win over those from the settings.
    """
    made = (*containers, *init_containers)
    pull_secrets = dict.fromkeys(name for each in made for name in each.image.pull_secrets)
    sidecars: list[UserContainer] = []
    if isinstance(settings, Pods):
        sidecars = settings.sidecars
        stays = stays if settings.toleration_seconds is None else settings.toleration_seconds
    return without_empty(
        {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": [{"name": name} for name in pull_secrets],
            "securityContext": without_empty(overlaid(security, settings.pod_security_context)),
            "terminationGracePeriodSeconds": grace,
            "priorityClassName": settings.priority_class_name,
            "runtimeClassName": settings.runtime_class_name,
            "schedulerName": settings.scheduler_name,
            "nodeSelector": settings.node_selector,
            "tolerations": tolerations(settings.tolerations, stays),
            "affinity": settings.affinity,
            "topologySpreadConstraints": list(spread),
            "hostAliases": settings.host_aliases,
            "dnsConfig": dns_config({}),
            "initContainers": _fields(init_containers, settings.init_containers),
            "containers": _fields(containers, sidecars),
            "volumes": _volumes(made, settings),
            **fields,
        }
    )


def _fields(own: Iterable[Container], users: Iterable[UserContainer]) -> list[Document]:
    """Containers of ours, and the user's behind them."""
    return [*(each.field() for each in own), *map(_user_container, users)]


def _volumes(containers: Sequence[Container], settings: PodTemplate) -> list[Document]:
    """The volumes of some containers, and the user's."""
    own = [volume for volume in _by_name(containers).values() if volume.source]
    return [
        *({"name": volume.name, **_bounded(volume, containers)} for volume in own),
        *({"name": extra["name"], **extra["volume"]} for extra in settings.extra_volumes),
    ]


def _bounded(volume: Volume, containers: Iterable[Container]) -> Document:
    """The source of a volume; an empty directory on disk with a limit: the greatest of the containers that write to it.

    The kubelet evicts a pod that has more on the disk than the limits of its containers together, so none is needed
    that is greater (https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/).
    """
    if volume.source != {"emptyDir": {}}:
        return volume.source
    limits = [
        limit
        for each in containers
        if any(mount.volume.name == volume.name and mount.writable for mount in each.mounts)
        and (limit := each.resources.get("limits", {}).get(EPHEMERAL_STORAGE))
    ]
    return {"emptyDir": {"sizeLimit": max(limits, key=amount)}} if limits else volume.source


def with_room(resources: Mapping[str, Any], size: str) -> Document:
    """The resources of a container that fills an empty directory of some size, besides what it needs by itself.

    Raised is the limit alone: the scheduler looks at what is requested, and few fill all of it.
    """
    limits = resources.get("limits", {})
    if EPHEMERAL_STORAGE not in limits:
        return {**resources}
    return {**resources, "limits": {**limits, EPHEMERAL_STORAGE: added(limits[EPHEMERAL_STORAGE], size)}}


def _by_name(containers: Iterable[Container]) -> dict[str, Volume]:
    """The volumes of some containers, by their names.

    Raises:
        ValueError: two different ones have the same name. One of them would be lost without a word.
    """
    volumes: dict[str, Volume] = {}
    for volume in (mount.volume for each in containers for mount in each.mounts):
        if volumes.setdefault(volume.name, volume).source != volume.source:
            raise ValueError(f"two volumes of a pod are called {volume.name}")
    return volumes


def extra_mounts(settings: PodTemplate) -> list[Document]:
    """Where the main container finds the user's further volumes."""
    return [{"name": extra["name"], **extra["mount"]} for extra in settings.extra_volumes]


def probes(settings: Pods, own: Mapping[str, Document]) -> dict[str, Document]:
    """The probes of the main container: our own, where the user gives no others."""
    given = {
        "startupProbe": settings.startup_probe,
        "livenessProbe": settings.liveness_probe,
        "readinessProbe": settings.readiness_probe,
    }
    chosen = {name: probe or (None if probe is False else own.get(name)) for name, probe in given.items()}
    return {name: {**probe} for name, probe in chosen.items() if isinstance(probe, dict)}


def without_empty(fields: Document) -> Document:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def _user_container(container: UserContainer) -> Document:
    """A sidecar or init container of the user: as restricted as ours, unless it says otherwise.

    Its root stays writable, because nobody knows what it writes.
    """
    restricted = {name: value for name, value in RESTRICTED_CONTAINER.items() if name != "readOnlyRootFilesystem"}
    return {**container, "securityContext": overlaid(restricted, container.get("securityContext", {}))}

"""Composing pods: containers, security, spread, and the template around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from constructs_st2.facts.images import Image
from constructs_st2.facts.node_loss import tolerations
from constructs_st2.facts.release import CHECKSUM_ANNOTATION
from constructs_st2.kube.documents import Document
from constructs_st2.kube.quantity import added, amount
from constructs_st2.kube.well_known import HOST_LABEL, ZONE_LABEL
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model.kubernetes import Container as UserContainer
from constructs_st2.values.model.pods import Pods, PodTemplate

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


_RESOLVER: Document = {"options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "2"}]}
"""How pods ask for names. By default a question to a lost server of DNS is given up after 5 s, and asked again,
also with each domain of the search list: whoever asked is held up for 20 s, as long as Kubernetes has not noticed the
loss of its node. More attempts would not help: they go the same way, because they come from the same port."""


def dns_config(given: Mapping[str, Any]) -> Document:
    """The DNS parameters of a pod: ours, and the user's in the place of those of the same name."""
    return {**_RESOLVER, **given}


def overlaid(base: Mapping[str, Any], *layers: Mapping[str, Any]) -> Document:
    """A security context with each layer's keys laid over it; a key that is None disappears.

    Whoever asks for a right asks also for what it cannot be had without, and which the base may forbid.
    """
    given = {name: value for layer in layers for name, value in layer.items()}
    merged = {**base, **_implied(given), **given}
    return {name: value for name, value in merged.items() if value is not None}


EPHEMERAL_STORAGE = "ephemeral-storage"
"""The resource that is disk of the node: logs, what is written to images, and empty directories."""


def _implied(given: Mapping[str, Any]) -> Document:
    """What comes with some fields of a security context."""
    implied: Document = {}
    added = (given.get("capabilities") or {}).get("add", ())
    if given.get("privileged") or "CAP_SYS_ADMIN" in added:
        implied["allowPrivilegeEscalation"] = True
    if given.get("runAsUser") == 0:
        implied["runAsNonRoot"] = False
    return implied


@dataclass(frozen=True)
class Container:
    """A container to be. Its volumes become those of the pod."""

    name: str
    image: Image
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    env: Sequence[Document] = ()
    env_from: Sequence[Document] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    security: Document = field(default_factory=lambda: RESTRICTED_CONTAINER)
    probes: Mapping[str, Document] = field(default_factory=dict)
    lifecycle: Document = field(default_factory=dict)
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
    volumes = _volumes((*containers, *init_containers))
    pull_secrets = dict.fromkeys(name for each in (*containers, *init_containers) for name in each.image.pull_secrets)
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
            "initContainers": [
                *(each.field() for each in init_containers),
                *map(_user_container, settings.init_containers),
            ],
            "containers": [*(each.field() for each in containers), *map(_user_container, sidecars)],
            "volumes": [
                *(
                    {"name": volume.name, **_bounded(volume, (*containers, *init_containers))}
                    for volume in volumes.values()
                    if volume.source
                ),
                *({"name": extra["name"], **extra["volume"]} for extra in settings.extra_volumes),
            ],
            **fields,
        }
    )


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


def _volumes(containers: Iterable[Container]) -> dict[str, Volume]:
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


def spread_constraints(settings: Pods, selector: Mapping[str, str], *, revision: str | None = None) -> list[Document]:
    """How pods keep apart: as the user says, or else in different zones and on different hosts where that is possible.

    Args:
        settings: what the user says of the pods.
        selector: the labels of the pods.
        revision: the label that tells pods of one revision from those of the one before, where a rollout makes new
            ones beside the old ones, which must not count as neighbours then.
    """
    if settings.topology_spread is not None:
        return [{"labelSelector": {"matchLabels": {**selector}}, **each} for each in settings.topology_spread]
    if settings.least_replicas < 2:
        return []
    of_revision = {"matchLabelKeys": [revision]} if revision else {}
    return [{**spread_over(key, {"matchLabels": {**selector}}), **of_revision} for key in (ZONE_LABEL, HOST_LABEL)]


def spread_over(topology_key: str, label_selector: Document) -> Document:
    """A constraint by which pods with some labels go to different hosts, or zones, where that is possible."""
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": label_selector,
    }


def preferably_apart(label_selector: Document) -> Document:
    """An affinity by which a pod keeps away from hosts that have pods with some labels, where that is possible."""
    term = {"labelSelector": label_selector, "topologyKey": HOST_LABEL}
    preferred = {"weight": 100, "podAffinityTerm": term}
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}


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

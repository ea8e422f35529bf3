"""Pod templates, and what they use of the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from constructs_st2.checks.data import at, labels_of, mapping, mappings, namespace_of, strings
from constructs_st2.checks.problem import Problem
from constructs_st2.facts.release import WAIT_FOR
from constructs_st2.kube.documents import WORKLOAD_KINDS, Document, identity, pod_template

_TEMPLATE_FIELDS = {"Pod": "", "CronJob": "spec.jobTemplate.spec.template."}

_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_HANDLERS = frozenset({*_PROBES, "lifecycle"})


class Container(NamedTuple):
    """A container, the field where it stands, and the lists in it that many rules look at.

    ``init`` tells whether it ends before the others start.
    """

    name: str
    field: str
    spec: Document
    init: bool
    ports: Sequence[Document]
    variables: Sequence[Document]
    mounts: Sequence[Document]
    devices: Sequence[Document]

    def field_of(self, key: str, position: int, item: Document) -> str:
        """The field of an item of a list: by its name where it has one, else by its position."""
        return f"{self.field}.{key}[{item.get('name', position)}]"


class Address(NamedTuple):
    """A host and a port, as a program in a pod would look them up."""

    host: str
    port: int


class Use(NamedTuple):
    """A field of a pod that names another object, and the keys of that object which it needs."""

    kind: str
    name: str
    field: str
    keys: tuple[str, ...] = ()
    optional: bool = False


class PodTemplate:
    """The pods that a workload makes.

    ``prefix`` leads from the workload's fields to those of the pod; ``document`` are its ``metadata`` and ``spec``.

    Raises:
        KeyError, TypeError: the object has no pod template.
        ValueError: the pod has no containers.
    """

    def __init__(self, owner: Document) -> None:
        document = pod_template(owner)
        if not isinstance(document, dict):
            raise TypeError(f"{identity(owner)} has no pod template")
        self.owner = owner
        self.identity = identity(owner)
        self.namespace = namespace_of(owner)
        self.prefix = _TEMPLATE_FIELDS.get(owner["kind"], "spec.template.")
        self.document = document
        self.labels = labels_of(document)
        self.spec = mapping(document["spec"])
        self.containers = tuple(_containers(self.spec, self.prefix))
        if not any(not container.init for container in self.containers):
            raise ValueError(f"{self.identity} has no containers")

    @staticmethod
    def of(owner: Document) -> PodTemplate | None:
        """The pods of an object, or None where it makes no pods. Raises what the constructor raises."""
        return PodTemplate(owner) if owner["kind"] in WORKLOAD_KINDS else None

    @property
    def main_container(self) -> Container:
        """The first container, which is what the pod is for; the others are its sidecars."""
        return next(container for container in self.containers if not container.init)

    @cached_property
    def volumes(self) -> list[tuple[str, Document]]:
        """The volumes of the pod, each with its field."""
        return [(f"{self.prefix}spec.volumes[{v.get('name')}]", v) for v in mappings(self.spec.get("volumes"))]

    @cached_property
    def claim_templates(self) -> list[str]:
        """The names of the volumes that each pod of a StatefulSet gets for itself."""
        return [
            str(at(template, "metadata", "name"))
            for template in mappings(at(self.owner, "spec", "volumeClaimTemplates"))
        ]

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """Every ConfigMap, Secret, ServiceAccount and PersistentVolumeClaim that the pod names."""
        return tuple(_uses(self))

    @cached_property
    def waits(self) -> tuple[tuple[str, Address], ...]:
        """The addresses that init containers wait for, each with its field."""
        return tuple(
            (f"{container.field}.args[{position}]", Address(host, int(port)))
            for container in self.containers
            if container.init and container.name.startswith(WAIT_FOR)
            for position, (host, port) in enumerate(pairwise(strings(container.spec.get("args"))))
            if port.isdecimal() and not host.isdecimal()
        )

    @cached_property
    def ports(self) -> frozenset[str | int]:
        """Names and numbers of all ports that the containers declare."""
        return frozenset(
            port[key]
            for container in self.containers
            for port in container.ports
            for key in ("name", "containerPort")
            if isinstance(port.get(key), (str, int))
        )

    def problem(self, rule: str, field: str, message: str) -> Problem:
        """A problem of this pod; ``field`` is one of the pod."""
        return Problem(rule, self.identity, self.prefix + field, message)


def network_actions(container: Document) -> Iterator[tuple[str, Document]]:
    """The HTTP requests and TCP connections of a container's probes and hooks, each with its field."""
    # By far the most containers end before others start, and have none.
    if _HANDLERS.isdisjoint(container):
        return
    handlers = [(name, container[name]) for name in _PROBES if name in container]
    if "lifecycle" in container:
        handlers += [(f"lifecycle.{name}", hook) for name, hook in mapping(container["lifecycle"]).items()]
    for field, handler in handlers:
        given = mapping(handler)
        for way in ("httpGet", "tcpSocket"):
            if action := given.get(way):
                yield f"{field}.{way}", mapping(action)


def _containers(spec: Document, prefix: str) -> Iterator[Container]:
    for key in ("initContainers", "containers"):
        for position, container in enumerate(mappings(spec.get(key))):
            name = container.get("name")
            shown = name if isinstance(name, str) else str(position)
            yield Container(
                shown,
                f"{prefix}spec.{key}[{shown}]",
                container,
                init=key == "initContainers",
                ports=mappings(container.get("ports")),
                variables=mappings(container.get("env")),
                mounts=mappings(container.get("volumeMounts")),
                devices=mappings(container.get("volumeDevices")),
            )


def _uses(pod: PodTemplate) -> Iterator[Use]:
    account = pod.spec.get("serviceAccountName")
    if isinstance(account, str) and account:
        yield Use("ServiceAccount", account, f"{pod.prefix}spec.serviceAccountName")
    for position, secret in enumerate(mappings(pod.spec.get("imagePullSecrets"))):
        yield from _use("Secret", secret, f"{pod.prefix}spec.imagePullSecrets[{position}]")
    for field, volume in pod.volumes:
        yield from _volume_uses(volume, field)
    for container in pod.containers:
        for variable in container.variables:
            if "valueFrom" in variable:
                source = mapping(variable["valueFrom"])
                field = f"{container.field}.env[{variable.get('name')}].valueFrom"
                yield from _use("ConfigMap", source.get("configMapKeyRef"), f"{field}.configMapKeyRef")
                yield from _use("Secret", source.get("secretKeyRef"), f"{field}.secretKeyRef")
        if "envFrom" in container.spec:
            for position, source in enumerate(mappings(container.spec["envFrom"])):
                field = f"{container.field}.envFrom[{position}]"
                yield from _use("ConfigMap", source.get("configMapRef"), field)
                yield from _use("Secret", source.get("secretRef"), field)


def _volume_uses(volume: Document, field: str) -> Sequence[Use]:
    for source, kind, name in _SOURCES:
        if source in volume:
            return _use(kind, volume[source], f"{field}.{source}", name)
    if "projected" not in volume:
        return ()
    return [
        use
        for position, source in enumerate(mappings(at(volume, "projected", "sources")))
        for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret"))
        for use in _use(kind, source.get(key), f"{field}.projected.sources[{position}].{key}")
    ]


_SOURCES = (
    ("configMap", "ConfigMap", "name"),
    ("secret", "Secret", "secretName"),
    ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
)
"""The volumes that are made of one object, its kind, and what names it."""


def _use(kind: str, reference: object, field: str, name: str = "name") -> Sequence[Use]:
    """What a reference names; nothing if it is none."""
    if not isinstance(reference, dict) or not isinstance(reference.get(name), str):
        return ()
    keys = [reference["key"]] if "key" in reference else []
    if "items" in reference:
        keys += [item.get("key") for item in mappings(reference["items"])]
    named = tuple([key for key in keys if isinstance(key, str)])
    return (Use(kind, reference[name], field, named, reference.get("optional") is True),)

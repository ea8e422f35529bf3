"""What a cluster should be, by the values: what its manifests need of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from constructs_st2.checks.data import at, mapping, mappings, name_of, namespace_of, strings
from constructs_st2.checks.index import CONTROLLERS, Index, Surroundings
from constructs_st2.checks.pods import PodTemplate
from constructs_st2.commands.doctor.facts import Kind, Thing
from constructs_st2.commands.secrets.needed import NeededSecret, needed
from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document, is_built_in
from constructs_st2.kube.quantity import parsed
from constructs_st2.kube.well_known import ROOT_AUTHORITIES
from constructs_st2.values.named import Reference, references
from constructs_st2.values.paths import dotted

_ALWAYS_THERE = {("ConfigMap", ROOT_AUTHORITIES), ("ServiceAccount", "default")}

_RESOURCES: Mapping[str, tuple[str, bool]] = {
    "ConfigMap": ("configmaps", True),
    "Secret": ("secrets", True),
    "PersistentVolumeClaim": ("persistentvolumeclaims", True),
    "ServiceAccount": ("serviceaccounts", True),
    "Service": ("services", True),
    "PriorityClass": ("priorityclasses.scheduling.k8s.io", False),
    "RuntimeClass": ("runtimeclasses.node.k8s.io", False),
    "Gateway": ("gateways.gateway.networking.k8s.io", True),
    "Issuer": ("issuers.cert-manager.io", True),
    "ClusterIssuer": ("clusterissuers.cert-manager.io", False),
    "SecretStore": ("secretstores.external-secrets.io", True),
    "ClusterSecretStore": ("clustersecretstores.external-secrets.io", False),
}
"""The resource of each kind that values name, and whether it lives in a namespace."""


@dataclass(frozen=True)
class Wanted:
    """An object that manifests name and do not make: the keys that it must have, and who wants it."""

    thing: Thing
    kind: str
    keys: frozenset[str] = frozenset()
    wanted_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """The pods of a workload: how many, and what each of them asks for."""

    pod: PodTemplate
    count: int
    requests: Mapping[str, Decimal]
    limits: Mapping[str, Decimal]

    @property
    def name(self) -> str:
        """The name of the workload."""
        return name_of(self.pod.owner)

    @property
    def node_selector(self) -> Mapping[str, str]:
        """The labels that a node must have."""
        return mapping(self.pod.spec.get("nodeSelector"))


@dataclass(frozen=True)
class VolumeWish:
    """Volumes that manifests ask for: whose, of which class (None: the default), and whether many nodes share one."""

    owner: str
    storage_class: str | None
    shared: bool
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Expected:
    """A release, and its objects."""

    cluster: Cluster
    objects: Sequence[Document] = field(repr=False)

    @property
    def namespace(self) -> str:
        """Where it lives."""
        return self.cluster.release.namespace

    @property
    def kubectl(self) -> str:
        """How commands begin that are about its objects."""
        return f"kubectl -n {self.namespace}"

    @cached_property
    def index(self) -> Index:
        """Its objects, to be looked up."""
        return Index(self.objects, Surroundings())

    @cached_property
    def secrets(self) -> list[NeededSecret]:
        """The Secrets that it needs."""
        return needed(self.cluster, self.objects)

    @cached_property
    def custom_kinds(self) -> Mapping[Kind, list[Document]]:
        """Its objects of kinds that do not come with Kubernetes."""
        found: dict[Kind, list[Document]] = {}
        for document in self.objects:
            if not is_built_in(document):
                group = document["apiVersion"].rpartition("/")[0]
                found.setdefault(Kind(group, document["kind"]), []).append(document)
        return found

    @cached_property
    def references(self) -> list[Reference]:
        """What its values name."""
        return list(references(self.cluster.values))

    @cached_property
    def wanted(self) -> list[Wanted]:
        """The objects that it needs and does not make, besides Secrets and classes."""
        keys: dict[Thing, set[str]] = {}
        wanted_by: dict[Thing, list[str]] = {}
        kinds: dict[Thing, str] = {}
        for kind, thing, some, by in (*self._named_by_pods(), *self._named_by_values()):
            keys.setdefault(thing, set()).update(some)
            kinds[thing] = kind
            if by not in wanted_by.setdefault(thing, []):
                wanted_by[thing].append(by)
        return [Wanted(thing, kinds[thing], frozenset(keys[thing]), tuple(wanted_by[thing])) for thing in keys]

    def _named_by_values(self) -> Iterator[tuple[str, Thing, tuple[str, ...], str]]:
        for reference in self.references:
            kind = reference.kind
            if kind in ("Issuer", "SecretStore"):
                # What stands beside the name says which kind it is.
                kind = str(reference.beside.get("kind") or kind)
            if kind == "Secret" or kind not in _RESOURCES or reference.optional:
                continue
            resource, namespaced = _RESOURCES[kind]
            namespace = (reference.beside.get("namespace") if kind == "Gateway" else None) or self.namespace
            if (kind, reference.name) in _ALWAYS_THERE or self._makes(kind, str(namespace), reference.name):
                continue
            thing = Thing(resource, str(namespace) if namespaced else "", reference.name)
            yield kind, thing, reference.keys, dotted(reference.place)

    def _named_by_pods(self) -> Iterator[tuple[str, Thing, tuple[str, ...], str]]:
        for pod in self.index.pods:
            for use in pod.uses:
                if use.kind == "Secret" or use.optional or (use.kind, use.name) in _ALWAYS_THERE:
                    continue
                if pod.namespace == self.namespace and not self._makes(use.kind, pod.namespace, use.name):
                    yield use.kind, Thing(_RESOURCES[use.kind][0], pod.namespace, use.name), use.keys, pod.identity

    def _makes(self, kind: str, namespace: str, name: str) -> bool:
        return self.index.provider(kind, namespace if _RESOURCES[kind][1] else "", name) is not None

    @cached_property
    def sizes(self) -> list[Size]:
        """All its pods."""
        return [
            Size(pod, self._count(pod.owner), _resources(pod, "requests"), _resources(pod, "limits"))
            for pod in self.index.pods
        ]

    def _count(self, workload: Document) -> int:
        if workload["kind"] in CONTROLLERS:
            return self.index.scale_of(workload).least
        # Of a CronJob there is none most of the time.
        return int(workload["kind"] in ("Job", "Pod"))

    @cached_property
    def volumes(self) -> list[VolumeWish]:
        """The volumes that it asks for."""
        found = []
        for document in self.objects:
            if document["kind"] == "StatefulSet":
                name, count = name_of(document), self.index.scale_of(document).greatest
                for template in mappings(at(document, "spec", "volumeClaimTemplates")):
                    claims = tuple(f"{name_of(template)}-{name}-{ordinal}" for ordinal in range(count))
                    found.append(_volume(name, template, claims))
            elif document["kind"] == "PersistentVolumeClaim" and namespace_of(document) == self.namespace:
                found.append(_volume(name_of(document), document, (name_of(document),)))
        return found


def _volume(owner: str, claim: Document, claims: tuple[str, ...]) -> VolumeWish:
    spec = mapping(claim.get("spec"))
    storage_class = spec.get("storageClassName")
    shared = "ReadWriteMany" in strings(spec.get("accessModes"))
    return VolumeWish(owner, storage_class if isinstance(storage_class, str) else None, shared, claims)


def _resources(pod: PodTemplate, which: str) -> Mapping[str, Decimal]:
    """What a pod asks for: its containers together, or the largest of those that run before them."""
    together: dict[str, Decimal] = {}
    before: dict[str, Decimal] = {}
    for container in pod.containers:
        runs_on = not container.init or container.spec.get("restartPolicy") == "Always"
        for resource, quantity in _of_container(container.spec, which):
            if runs_on:
                together[resource] = together.get(resource, Decimal(0)) + quantity
            else:
                before[resource] = max(before.get(resource, Decimal(0)), quantity)
    none = Decimal(0)
    return {each: max(together.get(each, none), before.get(each, none)) for each in {**together, **before}}


def _of_container(spec: Document, which: str) -> Iterable[tuple[str, Decimal]]:
    resources = mapping(spec.get("resources"))
    # Without a request, the limit is one.
    given: dict[str, Any] = {**mapping(resources.get("limits")), **mapping(resources.get(which))}
    if which == "limits":
        given = mapping(resources.get("limits"))
    return [(name, quantity) for name, value in given.items() if (quantity := parsed(value)) is not None]

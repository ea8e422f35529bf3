"""All objects of one check, ready to be looked up. Built once, so that the cost of a check grows with their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from constructs_st2.checks.data import at, label, mapping, mappings, name_of, namespace_of
from constructs_st2.checks.matching import Selector
from constructs_st2.checks.pods import PodTemplate
from constructs_st2.checks.texts import Texts, texts_of
from constructs_st2.facts.release import MANAGED_BY
from constructs_st2.kube.documents import Document, is_built_in
from constructs_st2.kube.well_known import MANAGED_BY_LABEL, ROOT_AUTHORITIES

CONTROLLERS = ("Deployment", "StatefulSet")


class Surroundings(NamedTuple):
    """What exists in the cluster besides the objects under check.

    ``secrets`` maps names to keys, None standing for any key; ``services`` maps names to ports. ``content`` are the
    paths at which a service, known by the label ``app`` of its pods, must find files that its image does not have.
    ``made_secrets`` are the names of Secrets that a program of ours has made before.
    """

    secrets: Mapping[str, frozenset[str] | None] = {}
    config_maps: frozenset[str] = frozenset()
    services: Mapping[str, frozenset[int]] = {}
    service_accounts: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()
    content: Mapping[str, frozenset[str]] = {}
    made_secrets: frozenset[str] = frozenset()


class Found(NamedTuple):
    """Something that exists, and its keys; None stands for any key."""

    keys: frozenset[str] | None = None

    def has(self, key: str) -> bool:
        """Whether a key can be relied upon."""
        return self.keys is None or key in self.keys


class Scale(NamedTuple):
    """The least and the greatest number of pods that a workload may have."""

    least: int
    greatest: int


class Index:
    """The objects under check and their surroundings.

    Args:
        objects: objects that have an API version, a kind and a name; and where they make pods, the shape for it.
        surroundings: what exists besides.
        foreign: those of the objects that this program has not made, or not alone.
        pods: the pod templates of the objects, where they have been looked for already.
    """

    def __init__(
        self,
        objects: Sequence[Document],
        surroundings: Surroundings,
        foreign: Sequence[Document] = (),
        pods: Sequence[PodTemplate] | None = None,
    ) -> None:
        self.objects = objects
        self.foreign = foreign
        self.surroundings = surroundings
        self.pods = [pod for each in objects if (pod := PodTemplate.of(each)) is not None] if pods is None else pods
        self._by_kind: dict[str, dict[tuple[str, str], Document]] = defaultdict(dict)
        namespaces = set()
        for document in objects:
            namespace = namespace_of(document)
            namespaces.add(namespace)
            self._by_kind[_qualified_kind(document)][namespace, name_of(document)] = document
        self.namespaces = frozenset(namespaces)
        self.unreachable: dict[tuple[str, int, str], str | None] = {}
        """What is wrong with each address that was looked at: its host, its port, and the namespace of who names it."""
        self._found: dict[tuple[str, str, str], Found | None] = {}
        self._selectors: dict[int, Selector] = {}
        self._behind: dict[int, list[PodTemplate]] = {}
        self._pods_by_owner = {id(pod.owner): pod for pod in self.pods}
        self._pods_by_label: dict[tuple[str, str, str], list[PodTemplate]] = defaultdict(list)
        for pod in self.pods:
            for key, value in pod.labels.items():
                self._pods_by_label[pod.namespace, key, value].append(pod)

    @cached_property
    def own_pods(self) -> list[PodTemplate]:
        """The pod templates of this program's workloads."""
        return [pod for pod in self.pods if is_ours(pod.owner)]

    @cached_property
    def texts(self) -> tuple[Texts, ...]:
        """All texts in the objects that programs read."""
        return tuple(texts_of(self.objects, self.pods))

    @property
    def has_custom_kinds(self) -> bool:
        """Whether objects of kinds are there that are not built in."""
        return any("." in kind for kind in self._by_kind)

    def of_kind(self, *kinds: str) -> Iterator[Document]:
        """All objects of some kinds. A kind that is not built in ends in its group: ``ScaledObject.keda.sh``."""
        for kind in kinds:
            yield from self._by_kind[kind].values() if kind in self._by_kind else ()

    def own_of_kind(self, *kinds: str) -> Iterator[Document]:
        """Those of this program's own objects that are of some kinds."""
        for kind in kinds:
            yield from self._own_by_kind.get(kind, ())

    @cached_property
    def _own_by_kind(self) -> dict[str, list[Document]]:
        return {kind: list(filter(is_ours, objects.values())) for kind, objects in self._by_kind.items()}

    def find(self, kind: str, namespace: str, name: str) -> Document | None:
        """The object of a kind and name in a namespace."""
        return self._by_kind[kind].get((namespace, name)) if kind in self._by_kind else None

    def pods_made_by(self, workload: Document) -> PodTemplate:
        """The pod template of a workload under check."""
        return self._pods_by_owner[id(workload)]

    def selector_of(self, document: Document) -> Selector:
        """The selector of a Service, a workload or a disruption budget under check."""
        selector = self._selectors.get(id(document))
        if selector is None:
            given = at(document, "spec", "selector")
            selector = Selector.of_service(given) if document["kind"] == "Service" else Selector.of(given)
            self._selectors[id(document)] = selector
        return selector

    def pods_of(self, namespace: str, selector: Selector) -> list[PodTemplate]:
        """The pod templates in a namespace that a selector matches."""
        if selector.equal:
            lists = (self._pods_by_label.get((namespace, *label), []) for label in selector.equal.items())
            candidates = min(lists, key=len)
        else:
            candidates = [pod for pod in self.pods if pod.namespace == namespace]
        return [pod for pod in candidates if selector.matches(pod.labels)]

    def pods_behind(self, service: Document) -> list[PodTemplate]:
        """The pod templates that a Service selects."""
        found = self._behind.get(id(service))
        if found is None:
            selector = self.selector_of(service)
            found = [] if selector.is_empty else self.pods_of(namespace_of(service), selector)
            self._behind[id(service)] = found
        return found

    def provider(self, kind: str, namespace: str, name: str) -> Document | None:
        """The object under check that is, or makes, the named one."""
        found = self.find(kind, namespace, name)
        if found is None and kind == "Secret":
            made = self._made_secrets.get((namespace, name))
            return made[0] if made else None
        return found

    def lookup(self, kind: str, namespace: str, name: str) -> Found | None:
        """What is known of a ConfigMap, Secret, ServiceAccount or PersistentVolumeClaim; None if there is none."""
        key = (kind, namespace, name)
        if key not in self._found:
            self._found[key] = self._looked_up(kind, namespace, name)
        return self._found[key]

    def _looked_up(self, kind: str, namespace: str, name: str) -> Found | None:
        found = self.find(kind, namespace, name)
        if found is not None:
            return Found(frozenset(_data_keys(found)))
        around = self.surroundings
        if kind == "Secret":
            if name in around.secrets:
                return Found(around.secrets[name])
            made = self._made_secrets.get((namespace, name))
            return Found(made[1]) if made else None
        outside = {
            "ConfigMap": around.config_maps | {ROOT_AUTHORITIES},
            "ServiceAccount": around.service_accounts | {"default"},
            "PersistentVolumeClaim": around.claims,
        }
        return Found() if name in outside[kind] else None

    @cached_property
    def _made_secrets(self) -> dict[tuple[str, str], tuple[Document, frozenset[str] | None]]:
        """Secrets that controllers make from other objects, with those objects and the keys."""
        made: dict[tuple[str, str], tuple[Document, frozenset[str] | None]] = {}
        for sealed in self.of_kind("SealedSecret.bitnami.com"):
            keys = frozenset(
                [*mapping(at(sealed, "spec", "encryptedData")), *mapping(at(sealed, "spec", "template", "data"))]
            )
            made[namespace_of(sealed), name_of(sealed)] = (sealed, keys)
        for external in self.of_kind("ExternalSecret.external-secrets.io"):
            name = str(at(external, "spec", "target", "name") or name_of(external))
            made[namespace_of(external), name] = (external, _external_keys(external))
        for certificate in self.of_kind("Certificate.cert-manager.io"):
            made[namespace_of(certificate), str(at(certificate, "spec", "secretName"))] = (certificate, None)
        return made

    def scale_of(self, workload: Document) -> Scale:
        """How many pods a Deployment or StatefulSet has, with an autoscaler's range where there is one."""
        key = (namespace_of(workload), workload["kind"], name_of(workload))
        if scale := self._autoscaled.get(key):
            return scale
        number = _number(at(workload, "spec", "replicas"), 1)
        return Scale(number, number)

    @cached_property
    def _autoscaled(self) -> dict[tuple[str, str, str], Scale]:
        found = {}
        for scaler in self.of_kind("HorizontalPodAutoscaler"):
            spec = mapping(scaler.get("spec"))
            target = mapping(spec.get("scaleTargetRef"))
            key = (namespace_of(scaler), str(target.get("kind")), str(target.get("name")))
            found[key] = Scale(_number(spec.get("minReplicas"), 1), _number(spec.get("maxReplicas"), 1))
        for scaler in self.of_kind("ScaledObject.keda.sh"):
            spec = mapping(scaler.get("spec"))
            target = mapping(spec.get("scaleTargetRef"))
            key = (namespace_of(scaler), str(target.get("kind") or "Deployment"), str(target.get("name")))
            # The defaults of KEDA: https://keda.sh/docs/latest/reference/scaledobject-spec/
            found[key] = Scale(_number(spec.get("minReplicaCount"), 0), _number(spec.get("maxReplicaCount"), 100))
        return found


def is_ours(document: Document) -> bool:
    """Whether this program made the object; the others are the user's own."""
    return label(document, MANAGED_BY_LABEL) == MANAGED_BY


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) else default


def _qualified_kind(document: Document) -> str:
    kind: str = document["kind"]
    return kind if is_built_in(document) else f"{kind}.{document['apiVersion'].rpartition('/')[0]}"


def _data_keys(document: Document) -> Iterator[str]:
    for field_ in ("data", "binaryData", "stringData"):
        yield from mapping(document.get(field_))


def _external_keys(external: Document) -> frozenset[str] | None:
    template = mapping(at(external, "spec", "target", "template", "data"))
    if template:
        return frozenset(template)
    if at(external, "spec", "dataFrom"):
        return None
    return frozenset(str(item.get("secretKey")) for item in mappings(at(external, "spec", "data")))

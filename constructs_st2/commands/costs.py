"""What objects ask of a cluster: pods, CPU, memory and storage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from constructs_st2.checks.data import at, mappings
from constructs_st2.kube.documents import Document, pod_template
from constructs_st2.kube.quantity import amount, total

Bound = Literal["requests", "limits"]
GIB = 2**30


@dataclass(frozen=True)
class Costs:
    """What some objects ask for, while all pods run that are always there, and Jobs.

    ``cpu`` is in cores, ``memory`` and ``storage`` in bytes, the latter by storage class, of which None is the
    cluster's default.
    """

    pods: int
    cpu: Decimal
    memory: Decimal
    memory_limit: Decimal
    storage: Mapping[str | None, Decimal]

    @classmethod
    def of(cls, objects: Sequence[Document]) -> Costs:
        """Add them up. What an autoscaler scales counts as often as it is there at least."""
        floors = _floors(objects)
        return cls(
            pods=sum(_pods(document, floors) for document in objects),
            cpu=total(_resources(objects, "requests", "cpu", floors)),
            memory=total(_resources(objects, "requests", "memory", floors)),
            memory_limit=total(_resources(objects, "limits", "memory", floors)),
            storage=_storage(objects, floors),
        )


def gib(size: Decimal) -> str:
    """A size in GiB, of three digits."""
    return f"{float(size / GIB):.3g} GiB" if size < 1000 * GIB else f"{size / GIB:.0f} GiB"


def storage_text(storage: Mapping[str | None, Decimal]) -> str:
    """Storage by class, for people."""
    named = sorted(storage.items(), key=lambda item: item[0] or "")
    return ", ".join(f"{gib(size)} of {f'class {name}' if name else 'the default class'}" for name, size in named)


def _floors(objects: Iterable[Document]) -> Mapping[str, int]:
    """The least number of pods of each Deployment that an autoscaler scales."""
    scalers = [document for document in objects if document["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
    return {
        str(at(scaler, "spec", "scaleTargetRef", "name")): at(scaler, "spec", key)
        for scaler in scalers
        for key in ("minReplicas", "minReplicaCount")
        if isinstance(at(scaler, "spec", key), int)
    }


def _pods(document: Document, floors: Mapping[str, int]) -> int:
    if document["kind"] in ("Deployment", "StatefulSet"):
        replicas: int = document["spec"].get("replicas", floors.get(document["metadata"]["name"], 1))
        return replicas
    return int(document["kind"] in ("Job", "Pod"))


def _resources(objects: Iterable[Document], bound: Bound, resource: str, floors: Mapping[str, int]) -> Iterator[str]:
    for document in objects:
        pod = pod_template(document)
        for container in pod["spec"]["containers"] if pod else ():
            quantity = container.get("resources", {}).get(bound, {}).get(resource)
            if quantity is not None:
                yield from [quantity] * _pods(document, floors)


def _storage(objects: Iterable[Document], floors: Mapping[str, int]) -> Mapping[str | None, Decimal]:
    found: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for document in objects:
        for claim in _claims(document):
            size = at(claim, "spec", "resources", "requests", "storage")
            times = 1 if document is claim else _pods(document, floors)
            if size is not None and times:
                found[at(claim, "spec", "storageClassName")] += amount(str(size)) * times
    return dict(found)


def _claims(document: Document) -> Iterator[Document]:
    """A claim itself, or those that each member of a StatefulSet gets."""
    if document["kind"] == "PersistentVolumeClaim":
        yield document
    elif document["kind"] == "StatefulSet":
        yield from mappings(at(document, "spec", "volumeClaimTemplates"))

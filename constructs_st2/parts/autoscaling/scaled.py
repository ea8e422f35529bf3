"""What is scaled, and the metadata and behaviour that all autoscalers have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from constructs_st2.facts.catalogue import CATALOGUE, ST2ACTIONRUNNER, CatalogueEntry
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import WAVE_ANNOTATION
from constructs_st2.kube.documents import Document
from constructs_st2.parts.services.runner import runners
from constructs_st2.values.model import Values
from constructs_st2.values.model.autoscaling import Autoscaling, WorkAutoscaling
from constructs_st2.values.model.services import Service

_SCALE_UP: Document = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    # A new pod needs a good part of a minute before it takes anything on.
    "policies": [
        {"type": "Percent", "value": 100, "periodSeconds": 60},
        {"type": "Pods", "value": 4, "periodSeconds": 60},
    ],
}

_WAVE = "40"
"""Behind all else that is healthy by itself: to Argo CD, an autoscaler is so only once it has got numbers."""


def _one_by_one(*, after: int, every: int) -> Document:
    """Fewer pods only when that would have done for ``after`` seconds, and then one pod in ``every`` seconds."""
    return {
        "stabilizationWindowSeconds": after,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": every}],
    }


_REQUESTS: Document = {"scaleUp": _SCALE_UP, "scaleDown": _one_by_one(after=300, every=60)}
_WORK: Document = {
    "scaleUp": _SCALE_UP,
    # A pod that goes is not chosen for being idle: it finishes what it runs, within its grace period, and must not be
    # one of many that do so at the same time.
    "scaleDown": _one_by_one(after=600, every=120),
}


@dataclass(frozen=True)
class Scaled:
    """A Deployment whose number of pods an autoscaler decides. ``key`` is where its settings are in the values."""

    entry: CatalogueEntry
    component: str
    settings: Service
    scaler: Autoscaling
    key: str

    def metadata(self, cluster: Cluster) -> Document:
        """The metadata of its autoscaler."""
        return {
            "name": cluster.release.named(self.component),
            "namespace": cluster.release.namespace,
            "labels": cluster.release.labels(self.component, self.entry.role, app=self.entry.name),
            "annotations": {WAVE_ANNOTATION: _WAVE},
        }

    def target(self, cluster: Cluster) -> Document:
        """The reference to the Deployment."""
        return {"apiVersion": "apps/v1", "kind": "Deployment", "name": cluster.release.named(self.component)}

    @property
    def resource_targets(self) -> list[tuple[str, int]]:
        """The resources that pods are scaled by, with the percent of their requests that they should use."""
        targets = {"cpu": self.scaler.cpu, "memory": self.scaler.target_memory}
        return [(resource, percent) for resource, percent in targets.items() if percent is not None]

    @property
    def behavior(self) -> Document:
        """How fast pods come and go."""
        own = _WORK if isinstance(self.scaler, WorkAutoscaling) else _REQUESTS
        return {**own, **self.scaler.behavior}


def scaled(values: Values) -> Iterator[Scaled]:
    """All that is scaled."""
    for entry in CATALOGUE:
        settings: Service = getattr(values, entry.name)
        if entry is not ST2ACTIONRUNNER and settings.scaler:
            yield Scaled(entry, entry.name, settings, settings.scaler, f"{entry.name}.autoscaling")
    for position, (component, runner) in enumerate(runners(values)):
        if runner.scaler:
            pool = f".pools[{position - 1}]" if position else ""
            yield Scaled(ST2ACTIONRUNNER, component, runner, runner.scaler, f"{ST2ACTIONRUNNER.name}{pool}.autoscaling")

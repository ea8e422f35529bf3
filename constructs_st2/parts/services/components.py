"""Which workloads run a service of the catalogue."""

from __future__ import annotations

from constructs_st2.facts.catalogue import ST2ACTIONRUNNER, ST2CHATOPS, ST2SENSORCONTAINER, CatalogueEntry
from constructs_st2.facts.cluster import Cluster
from constructs_st2.parts.services import runner, sensors
from constructs_st2.values.model.services import Service


def workloads_of(entry: CatalogueEntry, cluster: Cluster) -> list[tuple[str, Service]]:
    """The components that run a service, with their settings."""
    if entry is ST2SENSORCONTAINER:
        return [(partition.component, partition.settings) for partition in sensors.partitions(cluster)]
    if entry is ST2ACTIONRUNNER:
        return list(runner.runners(cluster.values))
    if entry is ST2CHATOPS and not cluster.values.st2chatops.enabled:
        return []
    return [(entry.name, getattr(cluster.values, entry.name))]

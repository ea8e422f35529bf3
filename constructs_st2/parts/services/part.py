"""A StackStorm service as a part of its tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.documents import Document
from constructs_st2.parts.services.network import service
from constructs_st2.parts.services.workload import Workload, budget, deployment, post_start_script
from constructs_st2.parts.tiers import Part
from constructs_st2.values.model.services import Network


def service_part(
    workload: Workload,
    cluster: Cluster,
    *,
    network: Network | None = None,
    ports: Mapping[str, int] | None = None,
    config_maps: Iterable[Document] = (),
) -> Part:
    """A service with all that belongs to it alone: configuration, Deployment, disruption budget and Service.

    Args:
        workload: what to run.
        cluster: the cluster that it is part of.
        network: the user's settings of its Service; None for a service that nobody connects to.
        ports: the ports of its Service.
        config_maps: configuration that only this service reads.
    """
    script = post_start_script(workload, cluster)
    front = service(workload.entry, network, ports or {}, cluster.release) if network else None
    made = (*config_maps, script, front, deployment(workload, cluster), budget(workload, cluster))
    return Part(workload.component, [document for document in made if document is not None])

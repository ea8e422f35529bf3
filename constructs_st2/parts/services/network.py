"""The Service in front of a service."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_st2.facts.catalogue import CatalogueEntry
from constructs_st2.facts.release import Release
from constructs_st2.kube.documents import Document
from constructs_st2.values.model.services import Network

EXTERNAL_DNS_HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"


def service(entry: CatalogueEntry, network: Network, ports: Mapping[str, int], release: Release) -> Document:
    """The Service of a catalogue entry.

    Args:
        entry: the service.
        network: the user's settings of the Service.
        ports: name of the container's port to the port of the Service; the first is the one for users.
        release: the release that it belongs to.
    """
    annotations = dict(network.annotations)
    spec: Document = {"type": network.type}
    if network.type == "ExternalName":
        spec["externalName"] = network.hostname
    else:
        spec["selector"] = release.selector(entry.name)
        if network.hostname:
            annotations.setdefault(EXTERNAL_DNS_HOSTNAME, network.hostname)
    spec["ports"] = [{"name": name, "port": port, "targetPort": name} for name, port in ports.items()]
    if network.node_port is not None:
        spec["ports"][0]["nodePort"] = network.node_port
    optional = {
        "loadBalancerClass": network.load_balancer_class,
        "loadBalancerSourceRanges": network.load_balancer_source_ranges,
        "externalTrafficPolicy": network.external_traffic_policy,
    }
    spec.update({name: value for name, value in optional.items() if value})
    metadata: Document = {
        "name": release.named(entry.name),
        "namespace": release.namespace,
        "labels": release.labels(entry.name, entry.role),
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}

"""Settings of the network policies: who may connect to whom."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from constructs_st2.kube.well_known import NAMESPACE_LABEL
from constructs_st2.values.model.base import DnsLabel, PortNumber, StrictModel, key, section
from constructs_st2.values.model.kubernetes import NetworkPolicyPeer


def _is_one_kind(peer: NetworkPolicyPeer) -> NetworkPolicyPeer:
    if not peer:
        raise ValueError("must have podSelector, namespaceSelector or ipBlock")
    if "ipBlock" in peer and len(peer) > 1:
        raise ValueError("cannot have ipBlock together with a selector; make two entries of it")
    return peer


Peer: TypeAlias = Annotated[NetworkPolicyPeer, AfterValidator(_is_one_kind)]
"""An entry of `from` or `to` in a NetworkPolicy."""

Peers: TypeAlias = Annotated[list[Peer], Field(min_length=1)]
"""At least one: to Kubernetes, an empty list means everybody."""

Component: TypeAlias = DnsLabel


EXTRA_JOBS = "extra-jobs"
"""How the values name the user's own Jobs, all of them."""


class Dns(StrictModel):
    """Where pods ask for names."""

    peers: Peers = key(
        "The pods of the cluster's DNS.",
        [
            {
                "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "kube-system"}},
                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
            }
        ],
    )
    port: PortNumber = key("The port on which these pods listen; OpenShift's listen on 5353.", 53)
    node_local: bool = key("Allow also NodeLocal DNSCache, at 169.254.20.10.", False)


class Egress(StrictModel):
    """What pods may connect to."""

    enabled: bool = key("Limit also what pods connect to. Without, they connect to whatever they want.", False)
    free: list[Component] = key(
        "Components that may connect to anything, because what they run is yours: names of services and Jobs "
        "(`job-register-content`), and `extra-jobs` for your own Jobs.",
        ["st2actionrunner", "st2sensorcontainer", "st2client", "st2chatops", EXTRA_JOBS],
    )
    dns: Dns = section("Where pods ask for names.")
    allow: dict[Component, Peers] = key("What else a component may connect to, on any port.", {})


class NetworkPolicy(StrictModel):
    """Who may connect to whom."""

    enabled: bool = key(
        "Let pods be reached only by those that need them. It has an effect only where the cluster's network plugin "
        "enforces network policies.",
        True,
    )
    metrics_from: list[Peer] = key(
        "Who may read metrics, where they are served: your Prometheus. With [] nobody may.",
        [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "monitoring"}}}],
    )
    keda_from: list[Peer] = key(
        "KEDA, which asks MongoDB how much work there is, where it scales something.",
        [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "keda"}}}],
    )
    allow: dict[Component, Peers] = key("Who else may connect to a component, on any port.", {})
    egress: Egress = section("What pods may connect to.")

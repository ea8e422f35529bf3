"""Versions of the cluster and of kubectl."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Facts, Minor
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import listed

OLDEST = Minor(1, 30)
"""The oldest Kubernetes that manifests are written for."""
_SKEW_OF_KUBECTL = 1
"""https://kubernetes.io/releases/version-skew-policy/#kubectl"""
_SKEW_OF_KUBELET = 3
"""https://kubernetes.io/releases/version-skew-policy/#kubelet"""


def of_cluster(_: Expected, facts: Facts) -> Iterator[Finding]:
    """The control plane, and the kubelets behind it."""
    if facts.server < OLDEST:
        text = f"is {facts.server}; the manifests need {OLDEST} or newer"
        yield Finding(Level.BROKEN, "Kubernetes", text, ("kubectl version",))
    old = [
        node.name for node in facts.nodes if node.kubelet and facts.server.minor - node.kubelet.minor > _SKEW_OF_KUBELET
    ]
    if old:
        text = f"run a kubelet more than {_SKEW_OF_KUBELET} minor versions older than the cluster: {listed(old)}"
        yield Finding(Level.WARNING, "Nodes", text, ("kubectl get nodes",))


def of_kubectl(_: Expected, facts: Facts) -> Iterator[Finding]:
    """Kubectl is made for clusters of nearly its own version."""
    if abs(facts.client.minor - facts.server.minor) > _SKEW_OF_KUBECTL:
        text = (
            f"is {facts.client}, and the cluster {facts.server}; they may differ by {_SKEW_OF_KUBECTL} minor version: "
            f"install kubectl {facts.server}"
        )
        yield Finding(Level.WARNING, "kubectl", text, ("kubectl version",))

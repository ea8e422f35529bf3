"""What operators refuse of objects of their own kinds: in their admission webhooks, or later in their logs alone.

The definitions of these kinds (CRDs) say nothing of it. Each rule names the function that it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from constructs_st2.checks.index import Index
from constructs_st2.checks.operators import cert_manager, external_secrets, gateway, keda, prometheus
from constructs_st2.checks.operators.findings import Finding
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import Document, identity

RULE = "operator"

_OF_KIND: Mapping[str, Callable[[Document, Index], Iterator[Finding]]] = {
    "Certificate.cert-manager.io": cert_manager.certificate,
    "ExternalSecret.external-secrets.io": external_secrets.external_secret,
    "HTTPRoute.gateway.networking.k8s.io": gateway.http_route,
    "PodMonitor.monitoring.coreos.com": prometheus.pod_monitor,
    "PrometheusRule.monitoring.coreos.com": prometheus.prometheus_rule,
    "ScaledObject.keda.sh": keda.scaled_object,
    "ServiceMonitor.monitoring.coreos.com": prometheus.service_monitor,
}


def admitted(index: Index) -> Iterator[Problem]:
    """Operators take the objects of their kinds."""
    for kind, rule in _OF_KIND.items():
        for document in index.of_kind(kind):
            for field, message in rule(document, index):
                yield Problem(RULE, identity(document), field, message)


RULES = (admitted,)

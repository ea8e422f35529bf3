"""Who judges the objects of each kind of an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from constructs_st2.checks.index import Index
from constructs_st2.checks.operators import cert_manager, external_secrets, gateway, keda, prometheus
from constructs_st2.checks.operators.findings import Finding
from constructs_st2.kube.documents import Document

KINDS: Mapping[str, Callable[[Document, Index], Iterator[Finding]]] = {
    "Certificate.cert-manager.io": cert_manager.certificate,
    "ExternalSecret.external-secrets.io": external_secrets.external_secret,
    "HTTPRoute.gateway.networking.k8s.io": gateway.http_route,
    "PodMonitor.monitoring.coreos.com": prometheus.pod_monitor,
    "PrometheusRule.monitoring.coreos.com": prometheus.prometheus_rule,
    "ScaledObject.keda.sh": keda.scaled_object,
    "ServiceMonitor.monitoring.coreos.com": prometheus.service_monitor,
}

"""What operators refuse of their kinds: sound objects pass, and each change to one is told at its field."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
from support import Synth, each_of

from constructs_st2.checks import check
from constructs_st2.construct.build import UnsoundObjects
from constructs_st2.kube.documents import Document, identity


def custom(api_version: str, kind: str, spec: Document) -> Document:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "n"}, "spec": spec}


WORK = {"type": "mongodb", "metricType": "AverageValue", "metadata": {"query": "{}"}}
CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}
ALERT = {
    "alert": "A",
    "expr": 'sum(rate(x{a="}"}[5m])) > 1',
    "for": "5m",
    "labels": {"a": "b"},
    "annotations": {"c": "d"},
}
SOUND: dict[str, Document] = {
    "ScaledObject": custom(
        "keda.sh/v1alpha1",
        "ScaledObject",
        {
            "scaleTargetRef": {"name": "other"},
            "minReplicaCount": 1,
            "maxReplicaCount": 5,
            "fallback": {"failureThreshold": 3, "replicas": 2},
            "triggers": [{**WORK, "name": "a"}, {**CPU, "name": "b"}],
        },
    ),
    "Certificate": custom(
        "cert-manager.io/v1",
        "Certificate",
        {
            "secretName": "s",
            "issuerRef": {"name": "ca", "kind": "ClusterIssuer"},
            "dnsNames": ["a.b"],
            "ipAddresses": ["10.0.0.1", "fd00::1"],
            "emailAddresses": ["a@example.org"],
            "duration": "2160h",
            "renewBefore": "360h0m0s",
            "usages": ["server auth"],
            "privateKey": {"algorithm": "ECDSA", "size": 256},
        },
    ),
    "ExternalSecret": custom(
        "external-secrets.io/v1",
        "ExternalSecret",
        {
            "refreshInterval": "1h",
            "secretStoreRef": {"name": "store"},
            "target": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
            "data": [{"secretKey": "a", "remoteRef": {"key": "x"}}, {"secretKey": "b", "remoteRef": {"key": "x"}}],
            "dataFrom": [{"extract": {"key": "x"}}],
        },
    ),
    "PodMonitor": custom(
        "monitoring.coreos.com/v1",
        "PodMonitor",
        {
            "selector": {},
            "podMetricsEndpoints": [
                {
                    "interval": "30s",
                    "scrapeTimeout": "10s",
                    "relabelings": [{"targetLabel": "a", "sourceLabels": ["b"]}, {"action": "LabelDrop", "regex": "x"}],
                }
            ],
        },
    ),
    "PrometheusRule": custom(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        {"groups": [{"name": "g", "interval": "1m", "rules": [ALERT, {"record": "a:b", "expr": "1 # it's ("}]}]},
    ),
    "HTTPRoute": custom(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        {
            "parentRefs": [{"name": "g", "sectionName": "a"}, {"name": "g", "sectionName": "b"}],
            "hostnames": ["a.example.org"],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/a/b"}}],
                    "backendRefs": [{"name": "s", "port": 80}],
                    "timeouts": {"request": "10s", "backendRequest": "10s"},
                }
            ],
        },
    ),
}
RULE = ("groups", 0, "rules", 0)
ENDPOINT = ("podMetricsEndpoints", 0)
ROUTE = ("rules", 0)
REFUSED: Sequence[tuple[str, tuple[str | int, ...], Any, str]] = [
    ("ScaledObject", ("minReplicaCount",), 6, "spec.minReplicaCount"),
    ("ScaledObject", ("maxReplicaCount",), 0, "spec.minReplicaCount"),
    ("ScaledObject", ("idleReplicaCount",), 1, "spec.idleReplicaCount"),
    ("ScaledObject", ("fallback", "replicas"), -1, "spec.fallback.replicas"),
    ("ScaledObject", ("triggers",), [{"type": "mongodb", "metadata": {}}], "spec.fallback"),
    ("ScaledObject", ("triggers", 1, "name"), "a", "spec.triggers[1].name"),
    ("ScaledObject", ("triggers", 1, "metricType"), "Value", "spec.triggers[1].metricType"),
    ("ScaledObject", ("triggers", 0, "metricType"), "Average", "spec.triggers[0].metricType"),
    ("ScaledObject", ("triggers", 1, "useCachedMetrics"), True, "spec.triggers[1].useCachedMetrics"),
    ("ScaledObject", ("advanced",), {"horizontalPodAutoscalerConfig": {"name": "a" * 64}}, "spec.advanced."),
    ("Certificate", ("issuerRef", "name"), "", "spec.issuerRef.name"),
    ("Certificate", ("issuerRef", "kind"), "VaultIssuer", "spec.issuerRef.kind"),
    ("Certificate", ("commonName",), "a" * 65, "spec.commonName"),
    ("Certificate", ("ipAddresses", 1), "10.0.0", "spec.ipAddresses[1]"),
    ("Certificate", ("emailAddresses", 0), "A <a@b>", "spec.emailAddresses[0]"),
    ("Certificate", ("duration",), "30m", "spec.duration"),
    ("Certificate", ("duration",), "90d", "spec.duration"),
    ("Certificate", ("renewBefore",), "1m", "spec.renewBefore"),
    ("Certificate", ("renewBefore",), "2160h", "spec.renewBefore"),
    ("Certificate", ("renewBeforePercentage",), 50, "spec.renewBeforePercentage"),
    ("Certificate", ("usages", 0), "server", "spec.usages[0]"),
    ("Certificate", ("privateKey", "size"), 2048, "spec.privateKey.size"),
    ("Certificate", ("privateKey", "algorithm"), "DSA", "spec.privateKey.algorithm"),
    ("Certificate", ("signatureAlgorithm",), "SHA256WithRSA", "spec.signatureAlgorithm"),
    ("Certificate", ("revisionHistoryLimit",), 0, "spec.revisionHistoryLimit"),
    ("ExternalSecret", ("data", 1, "secretKey"), "a", "spec.data[1].secretKey"),
    (
        "ExternalSecret",
        ("target",),
        {"deletionPolicy": "Delete", "creationPolicy": "Merge"},
        "spec.target.deletionPolicy",
    ),
    (
        "ExternalSecret",
        ("target",),
        {"deletionPolicy": "Merge", "creationPolicy": "None"},
        "spec.target.deletionPolicy",
    ),
    ("ExternalSecret", ("dataFrom", 0), {"extract": {"key": "x"}, "find": {"path": "y"}}, "spec.dataFrom[0]"),
    ("ExternalSecret", ("dataFrom", 0), {"rewrite": []}, "spec.dataFrom[0]"),
    ("ExternalSecret", ("dataFrom", 0), {"sourceRef": {}}, "spec.dataFrom[0].sourceRef"),
    ("ExternalSecret", ("refreshInterval",), "1d", "spec.refreshInterval"),
    ("ExternalSecret", ("secretStoreRef",), None, "spec.data[0]"),
    ("PodMonitor", (*ENDPOINT, "scrapeTimeout"), "1m", "spec.podMetricsEndpoints[0].scrapeTimeout"),
    ("PodMonitor", (*ENDPOINT, "interval"), "1.5m", "spec.podMetricsEndpoints[0].interval"),
    ("PodMonitor", (*ENDPOINT, "relabelings", 0), {"action": "x"}, "spec.podMetricsEndpoints[0].relabelings[0].action"),
    ("PodMonitor", (*ENDPOINT, "relabelings", 0), {}, "spec.podMetricsEndpoints[0].relabelings[0].targetLabel"),
    ("PrometheusRule", (*RULE, "expr"), "sum(x", "spec.groups[0].rules[0].expr"),
    ("PrometheusRule", (*RULE, "expr"), "x{a='b}", "spec.groups[0].rules[0].expr"),
    ("PrometheusRule", (*RULE, "expr"), "x) > 1", "spec.groups[0].rules[0].expr"),
    ("PrometheusRule", (*RULE, "expr"), "x[5m}", "spec.groups[0].rules[0].expr"),
    ("PrometheusRule", (*RULE, "expr"), " ", "spec.groups[0].rules[0].expr"),
    ("PrometheusRule", (*RULE, "for"), "five", "spec.groups[0].rules[0].for"),
    ("PrometheusRule", (*RULE, "record"), "a", "spec.groups[0].rules[0]"),
    ("PrometheusRule", (*RULE, "labels"), {"a-b": "c"}, "spec.groups[0].rules[0].labels[a-b]"),
    ("PrometheusRule", ("groups", 0, "rules", 1, "record"), "a-b", "spec.groups[0].rules[1].record"),
    ("PrometheusRule", ("groups", 0, "rules", 1, "for"), "1m", "spec.groups[0].rules[1].for"),
    ("PrometheusRule", ("groups",), [{"name": "g"}, {"name": "g"}], "spec.groups[1].name"),
    ("HTTPRoute", ("parentRefs", 1, "sectionName"), "a", "spec.parentRefs[1]"),
    ("HTTPRoute", ("hostnames", 0), "10.0.0.1", "spec.hostnames[0]"),
    ("HTTPRoute", (*ROUTE, "matches", 0, "path", "value"), "/a//b", "spec.rules[0].matches[0].path.value"),
    ("HTTPRoute", (*ROUTE, "matches", 0, "path", "value"), "/a/..", "spec.rules[0].matches[0].path.value"),
    ("HTTPRoute", (*ROUTE, "matches", 0, "path", "value"), "/a b", "spec.rules[0].matches[0].path.value"),
    ("HTTPRoute", (*ROUTE, "backendRefs", 0), {"name": "s"}, "spec.rules[0].backendRefs[0].port"),
    ("HTTPRoute", (*ROUTE, "filters"), [{"type": "RequestRedirect"}], "spec.rules[0].backendRefs"),
    ("HTTPRoute", (*ROUTE, "timeouts", "backendRequest"), "1m", "spec.rules[0].timeouts.backendRequest"),
]


def found(document: Document) -> list[str]:
    return [problem.field for problem in check([document]) if problem.rule == "operator"]


@pytest.mark.parametrize("kind", SOUND)
def test_sound_objects_pass(kind: str) -> None:
    assert found(SOUND[kind]) == []


@each_of(
    ("kind", "path", "value", "field"),
    REFUSED,
)
def test_each_rule(kind: str, path: tuple[str | int, ...], value: Any, field: str) -> None:
    document = copy.deepcopy(SOUND[kind])
    place: Any = document["spec"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert any(each.startswith(field) for each in found(document)), found(document)


def test_scalers_by_cpu_need_requests_and_never_share_a_workload(synth: Synth) -> None:
    target = {"name": "st2-st2api"}
    mine = custom(
        "keda.sh/v1alpha1", "ScaledObject", {"scaleTargetRef": target, "minReplicaCount": 1, "triggers": [CPU]}
    )
    wave = {"argocd.argoproj.io/sync-wave": "20"}
    mine["metadata"] = {"name": "x", "namespace": "stackstorm", "annotations": wave}
    synth({"extraObjects": [mine]})
    with pytest.raises(UnsoundObjects) as caught:
        synth({"extraObjects": [mine], "st2api": {"autoscaling": {"enabled": True}}})
    told = [(each.object, each.field) for each in caught.value.found]
    assert (identity(mine), "spec.scaleTargetRef.name") in told
    spec = mine["spec"]
    wrong = {**mine, "spec": {**spec, "triggers": [{**CPU, "metadata": {"value": "80", "containerName": "b"}}]}}
    with pytest.raises(UnsoundObjects, match="has no such container"):
        synth({"extraObjects": [wrong]})
    with pytest.raises(UnsoundObjects, match="must be at least 1"):
        synth({"extraObjects": [{**mine, "spec": {**spec, "minReplicaCount": 0}}]})

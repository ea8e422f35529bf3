"""What works, but lowers security or will surprise: each warning, and that the default cluster has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import MakeCluster, Objects, Synth

from constructs_st2.checks.warnings import WARNINGS, warnings
from constructs_st2.construct.plans import compose
from constructs_st2.kube.custom import BINDINGS
from constructs_st2.kube.documents import Document
from constructs_st2.parts.tiers import documents_of

HOST_PATH = {"name": "x", "mount": {"mountPath": "/x"}, "volume": {"hostPath": {"path": "/x"}}}
HELM: Document = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "x"},
    "data": {"a": "b\nc={{ .Values.c }}"},
}
SPOKEN: Document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}, "status": {"phase": "Active"}}
GATED: Document = {"sources": [{"clusterTrustBundle": {"name": "a", "path": "b"}}]}
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "dropped",
        {"st2api": {"extra_volumes": [{"name": "x", "mount": {"mountPath": "/x"}, "volume": {"projected": GATED}}]}},
        "Deployment/st2-st2api: spec.template.spec.volumes[x].projected.sources[0].clusterTrustBundle",
        "is dropped in silence by Kubernetes 1.36",
    ),
    ("dropped", {"extraObjects": [SPOKEN]}, "Namespace/x: status", "drops"),
    ("helm-template", {"extraObjects": [HELM]}, "ConfigMap/x: data.a line 2", "{{ .Values.c }} is not rendered here"),
    (
        "not-everywhere",
        {"extraObjects": [{"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "x"}}]},
        "ServiceCIDR/x: kind",
        "came after Kubernetes 1.30: an older cluster refuses the object",
    ),
    (
        "pod-security-level",
        {"st2api": {"extra_volumes": [HOST_PATH]}},
        "Deployment/st2-st2api: spec.template.spec.volumes[x].hostPath",
        "is why the namespace stackstorm can only be privileged (HostPath Volumes): "
        "spec.template.spec.volumes[x].hostPath",
    ),
    (
        "pod-security-level",
        {"st2actionrunner": {"sudo": True}},
        "Deployment/st2-st2actionrunner: spec.template.spec",
        "is why the namespace stackstorm can only be baseline",
    ),
    (
        "idle-capability",
        {"st2actionrunner": {"securityContext": {"capabilities": {"add": ["NET_RAW"]}}}},
        "Deployment/st2-st2actionrunner: spec.template.spec.containers[st2actionrunner].securityContext.capabilities",
        "adds NET_RAW, which gains nothing: the user 1000 is not root",
    ),
    (
        "namespace-level",
        {"namespace": {"podSecurity": "none"}},
        "Namespace/stackstorm: metadata.labels[pod-security.kubernetes.io/enforce]",
        "is not set",
    ),
    (
        "namespace-level",
        {"namespace": {"podSecurity": "baseline"}},
        "Namespace/stackstorm: metadata.labels[pod-security.kubernetes.io/enforce]",
        "is baseline, lower than the pods of this release need",
    ),
    (
        "no-login",
        {"st2": {"config": {"auth": {"enable": False}}}},
        "ConfigMap/st2-st2-config: data[st2.user.conf]",
        "whoever reaches the API or the web UI may do anything",
    ),
    ("plain-http", {"st2web": {"tls": {"enabled": False}}}, "Service/st2-st2web: spec.type", "is NodePort"),
    ("plain-http", {"st2api": {"service": {"type": "LoadBalancer"}}}, "Service/st2-st2api", "is LoadBalancer"),
    (
        "plain-http",
        {
            "st2web": {"tls": {"enabled": False}, "service": {"type": "ClusterIP", "hostname": "a.b"}},
            "ingress": {"enabled": True},
        },
        "Ingress/st2-st2web-ingress: spec.tls",
        "is empty",
    ),
    (
        "custom-kind",
        {"monitoring": {"enabled": True, "podMonitors": {"enabled": True}}},
        "PodMonitor/",
        "PodMonitor of monitoring.coreos.com is no kind of Kubernetes",
    ),
    (
        "secret-to-make",
        {"st2": {"existingAuthSecret": "mine"}},
        "Deployment/",
        'the Secret "mine" must be made by you in the namespace stackstorm',
    ),
    (
        "secret-to-make",
        {"st2api": {"envFromSecrets": ["mine"]}},
        "Deployment/st2-st2api",
        'the Secret "mine" must be made by you',
    ),
    (
        "plain-secrets",
        {"secrets": {"mode": "plain", "seed": "only for a test"}},
        "Secret/",
        "is in clear text",
    ),
    (
        "namespace-unknown",
        {"extraObjects": [{"apiVersion": "example.org/v1", "kind": "Db", "metadata": {"name": "x"}}]},
        "Db/x: metadata.namespace",
        "kubectl then takes that of its context",
    ),
    (
        "node-port-range",
        {"st2web": {"service": {"type": "NodePort", "nodePort": 8443}}},
        "Service/st2-st2web: spec.ports[https].nodePort",
        "is 8443; clusters give 30000 to 32767",
    ),
    (
        "unknown-capability",
        {"st2api": {"securityContext": {"capabilities": {"drop": ["ALL", "CAP_NET_RAW"]}}}},
        "Deployment/st2-st2api: spec.template.spec.containers[st2api].securityContext.capabilities.drop[1]",
        '"CAP_NET_RAW" is no capability of Linux: the container would not start; did you mean NET_RAW?',
    ),
    (
        "unpinned-image",
        {"image": {"digests": {"docker.io/library/busybox:1.37": f"sha256:{'0' * 64}"}}},
        "Job/st2-secrets-bootstrap-",
        '"stackstorm/st2actionrunner:3.9" has no digest, as other images have, and ',
    ),
    (
        "snippet",
        {
            "st2web": {"tls": {"enabled": False}, "service": {"hostname": "a.b"}},
            "ingress": {"enabled": True, "annotations": {"nginx.ingress.kubernetes.io/server-snippet": "x"}},
        },
        "Ingress/st2-st2web-ingress: metadata.annotations[nginx.ingress.kubernetes.io/server-snippet]",
        "is written into the controller",
    ),
]


@pytest.mark.parametrize(("rule", "values", "where", "message"), CASES)
def test_each_warning(synth: Synth, rule: str, values: dict[str, Any], where: str, message: str) -> None:
    found = [str(problem) for problem in warnings(synth(values)) if problem.rule == rule]
    assert any(text.startswith(where) and message in text for text in found), found


def test_every_warning_has_a_test_and_is_documented() -> None:
    documented = Path(__file__).parents[2].joinpath("docs/explanation/security.md").read_text()
    assert {rule for rule, *_ in CASES} == set(WARNINGS)
    assert [name for name in WARNINGS if f"`{name}`" not in documented] == []


@pytest.mark.parametrize("values", [{}, {"profile": "dev"}, {"networkPolicy": {"enabled": True}}])
def test_what_is_recommended_has_none(synth: Synth, values: dict[str, Any]) -> None:
    assert warnings(synth(values)) == []


def test_kinds_that_are_defined_here_are_no_surprise(synth: Synth) -> None:
    definition: Document = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "dbs.example.org"},
        "spec": {
            "group": "example.org",
            "names": {"kind": "Db", "plural": "dbs"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
            ],
        },
    }
    made = {"apiVersion": "example.org/v1", "kind": "Db", "metadata": {"name": "x"}}
    told = {problem.rule for problem in warnings(synth({"extraObjects": [made]}))}
    assert told == {"custom-kind", "namespace-unknown"}
    for scope, namespace in (("Namespaced", "stackstorm"), ("Cluster", None)):
        definition["spec"]["scope"] = scope
        objects = synth({"extraObjects": [made, definition]})
        assert warnings(objects) == []
        assert objects.named("Db", "x")["metadata"].get("namespace") == namespace


@pytest.mark.parametrize("kind", BINDINGS)
def test_objects_of_known_kinds_go_to_the_namespace_of_the_release(cluster: MakeCluster, kind: str) -> None:
    mine = {"apiVersion": BINDINGS[kind].api_version, "kind": kind, "metadata": {"name": "x"}, "spec": {}}
    objects = Objects(documents_of(compose(cluster({"extraObjects": [mine]}))))
    assert objects.named(kind, "x")["metadata"]["namespace"] == "stackstorm"

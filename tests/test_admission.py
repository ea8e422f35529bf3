"""The rules by which operators admit objects of their kinds, as far as they can concern ours.

They are those of the webhooks of cert-manager (pkg/apis/certmanager/validation), of External Secrets Operator
(externalsecret_validator.go) and of the Prometheus Operator (pkg/admission, pkg/operator/rules.go), and the rules in
the definitions of the Gateway API. KEDA's are in operations/autoscaling/test_admission.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from support import MakeCluster, Synth

from constructs_st2.errors import InvalidValues
from constructs_st2.kube.documents import Document, identity

MINUTE = 60
HOUR = 60 * MINUTE
ISSUER = {"issuerRef": {"name": "ca"}}
PROMETHEUS: dict[str, Any] = {
    "enabled": True,
    **{part: {"enabled": True} for part in ("rules", "podMonitors", "dashboards")},
}
ELSEWHERE: dict[str, Any] = {
    "mongodb": {"enabled": False, "external": {"uri": "mongodb://db.example.org/"}},
    "rabbitmq": {"enabled": False, "external": {"urls": ["amqp://mq.example.org/st2"]}},
    "coordination": {"backend": "external", "external": {"url": "redis://r.example.org:6379"}},
}
CLUSTERS: Mapping[str, dict[str, Any]] = {
    "all kinds": {
        "secrets": {"mode": "external-secrets"},
        "monitoring": PROMETHEUS,
        "tls": {"internal": {"enabled": True, "certManager": {"enabled": True, **ISSUER}}},
        "st2web": {"tls": {"certManager": {**ISSUER, "dnsNames": ["st2.example.org"]}}},
        "backup": {"enabled": True, "destination": {"claim": {"create": {}}}},
        "executionWatch": {"enabled": True},
    },
    "with etcd": {
        "coordination": {"backend": "etcd"},
        "secrets": {"mode": "external-secrets"},
        "monitoring": PROMETHEUS,
        "tls": {"internal": {"enabled": True, "certManager": {"enabled": True, **ISSUER}}},
    },
    "behind a gateway": {
        "st2web": {"tls": {"enabled": False}},
        "gateway": {"enabled": True, "parentRefs": [{"name": "web"}], "hostnames": ["st2.example.org"]},
    },
    "without any secret to the backends": {**ELSEWHERE, "secrets": {"mode": "external-secrets"}},
}


def seconds(duration: str) -> float:
    units = {"h": HOUR, "m": MINUTE, "s": 1, "ms": 0.001}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|h|m|s)", duration))


def of_certificate(spec: Document) -> Iterator[str]:
    if not spec.get("secretName") or not spec["issuerRef"].get("name"):
        yield "secretName and issuerRef.name are required"
    if not any(spec.get(name) for name in ("commonName", "dnsNames", "ipAddresses", "uris", "emailAddresses")):
        yield "at least one name is required"
    if len(spec.get("commonName", "")) > 64:
        yield "commonName is too long"
    if seconds(spec["duration"]) < HOUR:
        yield "duration is less than an hour"
    if not 5 * MINUTE <= seconds(spec["renewBefore"]) < seconds(spec["duration"]):
        yield "renewBefore is not between five minutes and duration"
    if spec["privateKey"]["algorithm"] == "ECDSA" and spec["privateKey"]["size"] not in (256, 384, 521):
        yield "privateKey.size"


def of_external_secret(spec: Document) -> Iterator[str]:
    target = spec["target"]
    if target["deletionPolicy"] == "Delete" and target["creationPolicy"] != "Owner":
        yield "deletionPolicy Delete needs creationPolicy Owner"
    if not spec.get("data") and not spec.get("dataFrom"):
        yield "either data or dataFrom should be specified"
    for source in spec.get("dataFrom", []):
        if len({"find", "extract", "sourceRef"} & source.keys()) != 1:
            yield "extract, find, or generatorRef cannot be set at the same time"
    keys = [each["secretKey"] for each in spec.get("data", [])]
    if len(keys) != len(set(keys)):
        yield "duplicate secretKey found"


def of_pod_monitor(spec: Document) -> Iterator[str]:
    for endpoint in spec["podMetricsEndpoints"]:
        if not re.fullmatch(r"(\d+(ms|s|m|h|d|w|y))+", endpoint["interval"]):
            yield "interval"
        for relabeling in endpoint.get("relabelings", []):
            if relabeling.get("action", "replace") == "replace" and not relabeling.get("targetLabel"):
                yield "relabelings: replace needs targetLabel"
    if not spec["selector"]:
        yield "selector"


def of_prometheus_rule(spec: Document) -> Iterator[str]:
    names = [group["name"] for group in spec["groups"]]
    if len(names) != len(set(names)):
        yield "groups must have different names"
    for rule in (rule for group in spec["groups"] for rule in group["rules"]):
        for name in (*rule.get("labels", {}), *rule.get("annotations", {})):
            if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) or name == "__name__":
                yield f"{rule['alert']}: {name}"
        for text in (*rule.get("labels", {}).values(), *rule.get("annotations", {}).values()):
            if text.count("{{") != text.count("}}"):
                yield f"{rule['alert']}: template"
        if "{{" in rule["expr"] or not rule["expr"].strip():
            yield f"{rule['alert']}: expr"
        if not re.fullmatch(r"\d+(ms|s|m|h|d|w|y)", rule["for"]):
            yield f"{rule['alert']}: for"


def of_http_route(spec: Document) -> Iterator[str]:
    for rule in spec["rules"]:
        for path in (match["path"] for match in rule["matches"]):
            value = path["value"]
            if not value.startswith("/") or any(bad in value for bad in ("//", "/./", "/../", "%2f", "#")):
                yield f"path {value}"
        timeouts = rule.get("timeouts", {})
        if seconds(timeouts.get("backendRequest", "0s")) > seconds(timeouts.get("request", "0s")) > 0:
            yield "timeouts.backendRequest is longer than request"
    if len(spec["rules"]) > 16 or any(len(rule["matches"]) > 64 for rule in spec["rules"]):
        yield "too many rules or matches"


RULES: Mapping[str, Callable[[Document], Iterator[str]]] = {
    "Certificate": of_certificate,
    "ExternalSecret": of_external_secret,
    "PodMonitor": of_pod_monitor,
    "PrometheusRule": of_prometheus_rule,
    "HTTPRoute": of_http_route,
}


@pytest.mark.parametrize("values", CLUSTERS.values(), ids=CLUSTERS)
def test_operators_admit_what_we_write(synth: Synth, values: dict[str, Any]) -> None:
    objects = [document for document in synth(values) if document["kind"] in RULES]
    refused = {identity(each): list(RULES[each["kind"]](each["spec"])) for each in objects}
    assert objects
    assert {name: why for name, why in refused.items() if why} == {}


def test_every_kind_is_looked_at(synth: Synth) -> None:
    made = {document["kind"] for values in CLUSTERS.values() for document in synth(values)}
    assert made >= RULES.keys()


@pytest.mark.parametrize("of", ["st2web", "internal"])
def test_a_certificate_that_would_be_renewed_before_it_begins_is_refused(cluster: MakeCluster, of: str) -> None:
    short = {**ISSUER, "duration": "100h", "renewBefore": "100h"}
    values: Any = {
        "st2web": {"st2web": {"tls": {"certManager": {**short, "dnsNames": ["st2.example.org"]}}}},
        "internal": {"tls": {"internal": {"enabled": True, "certManager": {"enabled": True, **short}}}},
    }[of]
    with pytest.raises((InvalidValues, Exception), match="renewBefore"):
        cluster(values)


def test_settings_without_a_secret_are_no_external_secret(synth: Synth) -> None:
    objects = synth(CLUSTERS["without any secret to the backends"])
    conf = objects.named("Secret", "st2-st2-secrets-conf")["stringData"]["st2.secrets.conf"]
    assert "host = mongodb://db.example.org/" in conf

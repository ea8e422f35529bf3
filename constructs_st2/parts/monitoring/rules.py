"""The PrometheusRule with the alerts."""

from __future__ import annotations

from collections.abc import Iterable

from constructs_st2.facts.cluster import Cluster
from constructs_st2.kube.custom import custom_object
from constructs_st2.kube.documents import Document
from constructs_st2.parts.alerts import Alert
from constructs_st2.parts.monitoring.alerts import alerts
from constructs_st2.parts.optional import PartHooks, parts_of
from constructs_st2.parts.queries import Facts

COMPONENT = "monitoring"


def prometheus_rule(cluster: Cluster) -> Document:
    """The alerts that can fire in a cluster, without those that the user does not want."""
    release, settings = cluster.release, cluster.values.monitoring.rules
    return custom_object(
        "PrometheusRule",
        {
            "name": release.named(COMPONENT),
            "namespace": release.namespace,
            # A Prometheus often selects by the label `release`, which here is the user's to say.
            "labels": {**release.labels(COMPONENT, "operations"), **settings.labels},
        },
        {"groups": groups(Facts.of(cluster), parts_of(cluster.values))},
    )


def groups(facts: Facts, parts: Iterable[PartHooks]) -> list[Document]:
    """The groups of a file of rules."""
    made = {
        name: [
            _rule(alert, facts) for alert in group if alert.concerns(facts) and alert.name not in facts.rules.disabled
        ]
        for name, group in alerts(parts).items()
    }
    release = facts.release
    return [
        # The groups of two releases must not have the same names in one Prometheus that reads files.
        {"name": f"{release.namespace}-{release.name}-{name}", "rules": rules}
        for name, rules in made.items()
        if rules
    ]


def _rule(alert: Alert, facts: Facts) -> Document:
    release = facts.release
    return {
        "alert": alert.name,
        "expr": alert.expr(facts),
        "for": f"{alert.minutes}m",
        # Results that are sums have no labels left.
        "labels": {"severity": alert.severity, "namespace": release.namespace, "release": release.name},
        "annotations": {
            "summary": f"{alert.summary} ({release.namespace}/{release.name})",
            "description": alert.description,
            "runbook_url": f"{facts.rules.runbook}#{alert.name.lower()}",
        },
    }

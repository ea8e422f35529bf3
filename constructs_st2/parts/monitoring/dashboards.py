"""Dashboards for Grafana, as the ConfigMaps that its sidecar collects.

Format: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.components import STATSD_EXPORTER
from constructs_st2.kube.builders import config_map
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.monitoring.rules import COMPONENT
from constructs_st2.parts.queries import Facts

_WIDTH = 24
"""Columns of Grafana's grid."""
_PANELS_IN_A_ROW = 3
_HEIGHT = 8
_DATASOURCE: Document = {"type": "prometheus", "uid": "${datasource}"}
_RATE = "$__rate_interval"


@dataclass(frozen=True)
class Panel:
    """One diagram.

    ``queries`` are legends and queries; the legend may name labels as Grafana has it. ``unit`` is one of Grafana's.
    """

    title: str
    queries: Mapping[str, str]
    unit: Literal["short", "s", "ops", "bytes", "percentunit"] = "short"
    stacked: bool = False


@dataclass(frozen=True)
class Section:
    """A row of diagrams under a heading, for clusters that have the source of its metrics."""

    title: str
    source: str
    panels: Callable[[Facts], Sequence[Panel]]


@dataclass(frozen=True)
class Dashboard:
    """One dashboard. ``name`` is part of the names of its objects."""

    name: str
    title: str
    sections: tuple[Section, ...]


def _rate(metric: str, *by: str) -> str:
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"sum{grouping} (rate({metric}[{_RATE}]))"


def _quantile(share: float, buckets: str, *by: str) -> str:
    return f"histogram_quantile({share}, {_rate(buckets, *by, 'le')})"


def _durations(buckets: str, *by: str) -> dict[str, str]:
    """The median, and what only one in twenty exceeds, for each value of some labels."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return {
        f"{legend} {name}".strip(): _quantile(share, buckets, *by) for name, share in (("50 %", 0.5), ("95 %", 0.95))
    }


def _executions(f: Facts) -> list[Panel]:
    started = f.statsd("st2_runner_dispatches_total", status="running")
    ended = f.statsd("st2_runner_dispatch_seconds_count", status="running")
    entered = f.statsd("st2_executions_total", status="~requested|scheduled|delayed|running")
    results = f.statsd("st2_executions_total", status="~succeeded|failed|timeout|abandoned|canceled")
    runs = f.statsd("st2_action_run_seconds_count")
    return [
        Panel("Executions that ended, by status", {"{{status}}": _rate(results, "status")}, "ops", stacked=True),
        Panel("Executions on their way, by status", {"{{status}}": _rate(entered, "status")}, "ops"),
        # What a runner had at work when it was killed stays in the difference, until the exporter starts anew.
        Panel("Executions at work in runners", {"at work": f"sum({started}) - sum({ended})"}),
        Panel("Time of executions", _durations(f.statsd("st2_runner_dispatch_seconds_bucket", status="running")), "s"),
        Panel("Most frequent actions", {"{{action}}": f"topk(10, {_rate(runs, 'action')})"}, "ops"),
        Panel(
            "Slowest actions",
            {"{{action}}": "topk(10, " + _quantile(0.95, f.statsd("st2_action_run_seconds_bucket"), "action") + ")"},
            "s",
        ),
    ]


def _engines(f: Facts) -> list[Panel]:
    handled = {
        "scheduler": "st2_scheduler_handled_total",
        "workflow engine": "st2_workflow_engine_handled_total",
        "rules engine": "st2_rules_engine_handled_total",
        "notifier": "st2_notifier_steps_total",
    }
    handling = {
        "scheduler": "st2_scheduler_handle_seconds_bucket",
        "workflow engine": "st2_workflow_engine_handle_seconds_bucket",
        "rules engine": "st2_rules_engine_handle_seconds_bucket",
        "notifier": "st2_notifier_step_seconds_bucket",
    }
    return [
        Panel("What engines handle", {name: _rate(f.statsd(metric)) for name, metric in handled.items()}, "ops"),
        Panel(
            "Time of handling, 95 %",
            {name: _quantile(0.95, f.statsd(metric)) for name, metric in handling.items()},
            "s",
        ),
        Panel(
            "Time to publish a message",
            _durations(f.statsd("st2_amqp_publish_seconds_bucket"), "operation"),
            "s",
        ),
        Panel("Triggers", {"{{trigger}}": f"topk(10, {_rate(f.statsd('st2_triggers_total'), 'trigger')})"}, "ops"),
        Panel(
            "Rules that match", {"{{rule}}": f"topk(10, {_rate(f.statsd('st2_rule_matches_total'), 'rule')})"}, "ops"
        ),
        Panel(
            "Time to write an execution down, 95 %",
            {"{{step}}": _quantile(0.95, f.statsd("st2_execution_update_seconds_bucket"), "step")},
            "s",
        ),
    ]


def _apis(f: Facts) -> list[Panel]:
    responses = f.statsd("st2_http_responses_total")
    by_resource = f.statsd("st2_http_requests_by_resource_total")
    return [
        Panel("Answers, by status code", {"{{server}} {{code}}": _rate(responses, "server", "code")}, "ops"),
        Panel(
            "Time of requests",
            _durations(f.statsd("st2_http_request_seconds_bucket", server="~api|auth"), "server"),
            "s",
        ),
        Panel("Requests, by resource", {"{{resource}}": f"topk(10, {_rate(by_resource, 'resource')})"}, "ops"),
        Panel("Open event streams", {"connections": f"sum({f.statsd('st2_stream_connections')})"}),
    ]


def _pods(f: Facts) -> list[Panel]:
    restarts = f"increase({f.pods('kube_pod_container_status_restarts_total')}[1h])"
    cpu = f.pods("container_cpu_usage_seconds_total", container="~.+")
    memory = f.pods("container_memory_working_set_bytes", container="~.+")
    return [
        Panel("Restarts within an hour", {"{{pod}}": f"sum by (pod) ({restarts}) > 0"}),
        Panel("CPU", {"{{pod}}": _rate(cpu, "pod")}),
        Panel("Memory", {"{{pod}}": f"sum by (pod) ({memory})"}, "bytes"),
    ]


def _queues(f: Facts) -> list[Panel]:
    return [
        Panel(
            "Messages that wait",
            {"{{queue}}": f"sum by (queue) ({f.queues('rabbitmq_detailed_queue_messages_ready')})"},
        ),
        Panel("Consumers", {"{{queue}}": f"sum by (queue) ({f.queues('rabbitmq_detailed_queue_consumers')})"}),
    ]


def _mongodb(f: Facts) -> list[Panel]:
    return [
        Panel(
            "State of members (1 primary, 2 secondary)", {"{{pod}}": f"max by (pod) ({f.mongodb('mongodb_myState')})"}
        ),
        Panel(
            "Operations",
            {"{{legacy_op_type}}": _rate(f.mongodb("mongodb_ss_opcounters"), "legacy_op_type")},
            "ops",
        ),
        Panel("Connections", {"{{pod}}": f"max by (pod) ({f.mongodb('mongodb_ss_connections', conn_type='current')})"}),
        Panel("Delay behind the primary", {"{{member_idx}}": f.replication_delay()}, "s"),
    ]


def _rabbitmq(f: Facts) -> list[Panel]:
    received = f.rabbitmq("rabbitmq_global_messages_received_total")
    delivered = f.rabbitmq("rabbitmq_global_messages_delivered_total")
    return [
        Panel("Connections", {"{{pod}}": f"max by (pod) ({f.rabbitmq('rabbitmq_connections')})"}),
        Panel("Messages", {"received": _rate(received), "delivered": _rate(delivered)}, "ops"),
        Panel("Memory", {"{{pod}}": f"max by (pod) ({f.rabbitmq('rabbitmq_process_resident_memory_bytes')})"}, "bytes"),
        Panel(
            "Free disk space",
            {"{{pod}}": f"max by (pod) ({f.rabbitmq('rabbitmq_disk_space_available_bytes')})"},
            "bytes",
        ),
    ]


def _redis(f: Facts) -> list[Panel]:
    return [
        Panel("Masters", {"masters": f"count({f.redis('redis_instance_info', role='master')})"}),
        Panel("Commands", {"{{pod}}": _rate(f.redis("redis_commands_processed_total"), "pod")}, "ops"),
        Panel("Memory", {"{{pod}}": f"max by (pod) ({f.redis('redis_memory_used_bytes')})"}, "bytes"),
    ]


def _etcd(f: Facts) -> list[Panel]:
    return [
        Panel("Members that see a leader", {"members": f"sum({f.etcd('etcd_server_has_leader')})"}),
        Panel(
            "Time to write to the disk", _durations(f.etcd("etcd_disk_wal_fsync_duration_seconds_bucket"), "pod"), "s"
        ),
        Panel(
            "Size of the database", {"{{pod}}": f"max by (pod) ({f.etcd('etcd_mvcc_db_total_size_in_bytes')})"}, "bytes"
        ),
    ]


def _volumes(f: Facts) -> list[Panel]:
    used, capacity = f.volumes("kubelet_volume_stats_used_bytes"), f.volumes("kubelet_volume_stats_capacity_bytes")
    share = f"max by (persistentvolumeclaim) ({used} / {capacity})"
    return [Panel("Used part of volumes", {"{{persistentvolumeclaim}}": share}, "percentunit")]


DASHBOARDS = (
    Dashboard(
        "overview",
        "StackStorm",
        (
            Section("Executions", STATSD_EXPORTER, _executions),
            Section("Queues", "rabbitmq", _queues),
            Section("Engines and rules", STATSD_EXPORTER, _engines),
            Section("APIs", STATSD_EXPORTER, _apis),
            Section("Pods", "kubernetes", _pods),
        ),
    ),
    Dashboard(
        "data",
        "StackStorm: MongoDB, RabbitMQ and coordination",
        (
            Section("MongoDB", "mongodb", _mongodb),
            Section("RabbitMQ", "rabbitmq", _rabbitmq),
            Section("Redis", "redis", _redis),
            Section("etcd", "etcd", _etcd),
            Section("Volumes", "kubernetes", _volumes),
        ),
    ),
)


def config_maps(cluster: Cluster) -> list[Document]:
    """A ConfigMap for each dashboard."""
    facts = Facts.of(cluster)
    return [_config_map(dashboard, cluster, facts) for dashboard in DASHBOARDS]


def _config_map(dashboard: Dashboard, cluster: Cluster, facts: Facts) -> Document:
    release, settings = cluster.release, cluster.values.monitoring.dashboards
    component = f"{COMPONENT}-{dashboard.name}"
    metadata = {
        "name": release.named(component),
        "namespace": release.namespace,
        "labels": {**settings.labels, **release.labels(component, "operations")},
    }
    if settings.annotations:
        metadata["annotations"] = dict(settings.annotations)
    # The sidecar writes the files of all namespaces into one folder.
    file = f"{release.namespace}-{release.named(component)}.json"
    return config_map(metadata, {file: json.dumps(model(dashboard, facts), indent=1) + "\n"})


def model(dashboard: Dashboard, facts: Facts) -> Document:
    """A dashboard as Grafana reads it."""
    release = facts.release
    return {
        "uid": fingerprint([release.namespace, release.name, dashboard.name]),
        "title": f"{dashboard.title} ({release.namespace}/{release.name})",
        "tags": ["stackstorm"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "panels": list(_laid_out(dashboard, facts)),
    }


def _laid_out(dashboard: Dashboard, facts: Facts) -> Iterable[Document]:
    number, top = 0, 0
    for section in dashboard.sections:
        if section.source not in facts.kinds:
            continue
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": section.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": top, "w": _WIDTH, "h": 1},
            "panels": [],
        }
        top += 1
        panels = section.panels(facts)
        width = _WIDTH // _PANELS_IN_A_ROW
        for position, panel in enumerate(panels):
            row, column = divmod(position, _PANELS_IN_A_ROW)
            number += 1
            place = {"x": column * width, "y": top + row * _HEIGHT, "w": width, "h": _HEIGHT}
            yield _panel(panel, number, place)
        top += -(-len(panels) // _PANELS_IN_A_ROW) * _HEIGHT


def _panel(panel: Panel, number: int, place: Document) -> Document:
    stacking = {"mode": "normal"} if panel.stacked else {"mode": "none"}
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "custom": {"stacking": stacking, "fillOpacity": 20 if panel.stacked else 0, "showPoints": "never"},
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _DATASOURCE, "expr": expr, "legendFormat": legend}
            for index, (legend, expr) in enumerate(panel.queries.items())
        ],
    }

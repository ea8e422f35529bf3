"""How StackStorm's metrics reach Prometheus: what st2 sends, and what the exporter makes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from operations.monitoring.statsd_exporter import StatsdExporter

from constructs_st2.parts.jobs.scripts.watch_executions import METRICS
from constructs_st2.parts.monitoring.keys import KEYS
from constructs_st2.parts.monitoring.mapping import mapping

METRIC_NAME = re.compile(r"[a-z_][a-z0-9_]*")
NOT_IN_GO = re.compile(r"\(\?[^:]|\\[1-9]")
"""Lookarounds, names of groups and back references."""

WHAT_ST2_SENDS = [
    ("action.executions.requested:1|c", "st2_executions_total{status=requested}"),
    ("action.executions.timeout:1|c", "st2_executions_total{status=timeout}"),
    ("action.executions.process.running:1|c", "st2_runner_dispatches_total{status=running}"),
    ("action.executions.process.running:200.00000000|ms", "st2_runner_dispatch_seconds_count{status=running}"),
    ("action.core.local.executions:1|c", "st2_action_runs_total{action=core.local}"),
    ("action.mine.with.dots.executions:200.00000000|ms", "st2_action_run_seconds_count{action=mine.with.dots}"),
    ("action.executions.update_status:1.00000000|ms", "st2_execution_update_seconds_count{step=update_status}"),
    (
        "action.executions.calculate_result_size:1.00000000|ms",
        "st2_execution_update_seconds_count{step=calculate_result_size}",
    ),
    ("scheduler.handle_execution:1|c", "st2_scheduler_handled_total"),
    ("scheduler.handle_execution:1.00000000|ms", "st2_scheduler_handle_seconds_count"),
    ("orquesta.workflow.executions:1|c", "st2_workflow_engine_handled_total{kind=workflow}"),
    ("orquesta.action.executions:1.00000000|ms", "st2_workflow_engine_handle_seconds_count{kind=action}"),
    ("notifier.action.executions:1|c", "st2_notifier_steps_total{step=action.executions}"),
    ("notifier.notify_trigger.dispatch:1|c", "st2_notifier_steps_total{step=notify_trigger.dispatch}"),
    ("notifier.transform_data:1.00000000|ms", "st2_notifier_step_seconds_count{step=transform_data}"),
    ("rule.core.mine.matched:1|c", "st2_rule_matches_total{rule=core.mine}"),
    ("rule.processed:1|c", "st2_rules_engine_handled_total"),
    ("rule.processed:1.00000000|ms", "st2_rules_engine_handle_seconds_count"),
    ("trigger.core.st2.webhook.processed:1|c", "st2_triggers_total{trigger=core.st2.webhook}"),
    ("api.request.total:1|c", "st2_http_requests_total{server=api}"),
    ("auth.request:1.00000000|ms", "st2_http_request_seconds_count{server=auth}"),
    ("api.request.method.GET:1|c", "st2_http_requests_by_method_total{method=GET,server=api}"),
    ("stream.request.path._v1_stream:1|c", "st2_http_requests_by_resource_total{resource=stream,server=stream}"),
    ("api.request.path._v1_rules_views:1|c", "st2_http_requests_by_resource_total{resource=rules,server=api}"),
    ("api.request.path._actions_core.local:1|c", "st2_http_requests_by_resource_total{resource=actions,server=api}"),
    ("auth.response.status.201:1|c", "st2_http_responses_total{code=201,server=auth}"),
    ("stream.connections:+1|g", "st2_stream_connections"),
    ("amqp.publish.state:1.00000000|ms", "st2_amqp_publish_seconds_count{operation=state}"),
    (
        "amqp.pool_publisher.publish_with_retries.st2.execution:1.00000000|ms",
        "st2_amqp_exchange_publish_seconds_count{exchange=st2.execution}",
    ),
    ("st2.register.actions:1.00000000|ms", "st2_content_registration_seconds_count{content=actions}"),
]
"""A line for each place in st2 3.8.1 and 3.9.0 that sends a metric, behind its `st2.`, and a series that counts it."""

TOLD_ALREADY = [
    "action.executions:1|c",
    "action.executions:200.00000000|ms",
    "rule.matched:1|c",
    "trigger.core.st2.webhook.processed:1.00000000|ms",
    "api.request:1|c",
]
"""What other metrics tell as well."""


@pytest.fixture
def exporter() -> StatsdExporter:
    return StatsdExporter(mapping(None, []))


@pytest.mark.parametrize(("line", "series"), WHAT_ST2_SENDS)
def test_what_st2_sends_becomes_a_metric(exporter: StatsdExporter, line: str, series: str) -> None:
    exporter.send(f"st2.{line}")
    assert exporter.metrics[series] == 1
    assert not exporter.events


def test_no_metric_has_two_kinds(exporter: StatsdExporter) -> None:
    exporter.send(*(f"st2.{line}" for line, _ in WHAT_ST2_SENDS))
    assert exporter.events["conflict"] == 0


@pytest.mark.parametrize("line", TOLD_ALREADY)
def test_what_other_metrics_tell_is_dropped(exporter: StatsdExporter, line: str) -> None:
    exporter.send(f"st2.{line}")
    assert not exporter.metrics
    assert exporter.events == {"dropped": 1}


def test_every_rule_is_for_something_that_st2_sends() -> None:
    lines = [*(line for line, _ in WHAT_ST2_SENDS), *TOLD_ALREADY, *FROM_OUTSIDE]
    kinds = {"c": "counter", "g": "gauge", "ms": "observer"}
    sent = [(line.partition(":")[0], kinds[line.rpartition("|")[2]]) for line in lines]
    unused = [
        key.key
        for key in KEYS
        if not any(kind == key.kind and re.fullmatch(key.pattern, name) is not None for name, kind in sent)
    ]
    assert unused == []


def test_durations_are_in_seconds(exporter: StatsdExporter) -> None:
    # python-statsd sends milliseconds with eight decimals.
    exporter.send("st2.action.core.local.executions:1500.00000000|ms")
    assert exporter.metrics["st2_action_run_seconds_sum{action=core.local}"] == 1.5


def test_leaving_a_status_takes_nothing_back(exporter: StatsdExporter) -> None:
    exporter.send("st2.action.executions.requested:1|c", "st2.action.executions.requested:-1|c")
    assert exporter.metrics == {"st2_executions_total{status=requested}": 1}


def test_streams_are_counted_up_and_down(exporter: StatsdExporter) -> None:
    exporter.send(*["st2.stream.connections:+1|g"] * 3, "st2.stream.connections:-1|g")
    assert exporter.metrics == {"st2_stream_connections": 2}


FROM_OUTSIDE = {
    "api.request.path._v1_nothing_of_ours:1|c": "st2_http_requests_by_resource_total{resource=other,server=api}",
    "api.request.path._:1|c": "st2_http_requests_by_resource_total{resource=other,server=api}",
    "api.request.method.BREW:1|c": "st2_http_requests_by_method_total{method=other,server=api}",
}


@pytest.mark.parametrize(("line", "series"), FROM_OUTSIDE.items())
def test_requests_cannot_make_series_of_their_own(exporter: StatsdExporter, line: str, series: str) -> None:
    exporter.send(f"st2.{line}")
    assert exporter.metrics == {series: 1}


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        # Items of the datastore may be called so.
        ("_v1_keys_a:b", 1),
        ("_v1_keys_a:1", 1),
        ("_v1_keys_:", 1),
        ("_v1_rules:1:2:3", 1),
        ("_v1_rules", 0),
    ],
)
def test_a_colon_in_a_path_loses_one_count_and_makes_no_series(exporter: StatsdExporter, path: str, lost: int) -> None:
    # As RequestInstrumentationMiddleware of st2common counts a request.
    lines = ("request.total:1|c", "request.method.PUT:1|c", f"request.path.{path}:1|c", "response.status.200:1|c")
    exporter.send(*(f"st2.api.{line}" for line in lines))
    others = {
        "st2_http_requests_total{server=api}",
        "st2_http_requests_by_method_total{method=PUT,server=api}",
        "st2_http_responses_total{code=200,server=api}",
    }
    by_resource = {"st2_http_requests_by_resource_total{resource=rules,server=api}"} if not lost else set()
    assert exporter.metrics == dict.fromkeys(others | by_resource, 1.0)
    assert exporter.events["invalid_extended_aggregate_type"] == lost


@pytest.mark.parametrize("name", ["trigger.mine.a:b.processed", "action.mine.a:b.executions", "rule.mine.a:b.matched"])
@pytest.mark.parametrize("value", ["1|c", "1.00000000|ms"])
def test_a_colon_in_a_reference_makes_no_series(exporter: StatsdExporter, name: str, value: str) -> None:
    exporter.send(f"st2.{name}:{value}")
    assert exporter.metrics == {}


def test_our_own_numbers_do_not_follow_the_prefix_of_st2() -> None:
    exporter = StatsdExporter(mapping("blue", []))
    exporter.send(f"{METRICS}.orphaned.runner_gone:3|g", f"{METRICS}.orphaned.else:3|g", f"{METRICS}.looked_at:17|g")
    assert exporter.metrics == {
        "st2_executions_orphaned{reason=runner_gone}": 3,
        "st2_executions_looked_at_timestamp_seconds": 17,
    }
    assert exporter.events == {"dropped": 1}


@pytest.mark.parametrize("line", ["st2.unknown.thing:1|c", "elsewhere:1|c", "st2.api.response.status.999:1|c"])
def test_unknown_names_are_dropped(exporter: StatsdExporter, line: str) -> None:
    exporter.send(line)
    assert not exporter.metrics
    assert exporter.events == {"dropped": 1}


def test_a_prefix_is_expected_where_st2_puts_it() -> None:
    exporter = StatsdExporter(mapping("blue.cluster", []))
    exporter.send("st2.blue.cluster.rule.processed:1|c", "st2.blueXcluster.rule.processed:1|c")
    assert exporter.metrics == {"st2_rules_engine_handled_total": 1}
    assert exporter.events == {"dropped": 1}


def test_mappings_of_the_user_come_first() -> None:
    own: dict[str, Any] = {"match": "^mine\\.(.+)$", "match_type": "regex", "name": "mine", "labels": {"what": "$1"}}
    exporter = StatsdExporter(mapping(None, [own]))
    exporter.send("mine.a:1|c", "st2.rule.processed:1|c")
    assert exporter.metrics == {"mine{what=a}": 1, "st2_rules_engine_handled_total": 1}


def test_the_exporter_can_read_the_configuration() -> None:
    rules = yaml.safe_load(mapping(None, []))["mappings"]
    for rule in rules:
        assert METRIC_NAME.fullmatch(rule["name"]), rule
        assert not NOT_IN_GO.search(rule["match"]), rule
        assert all(METRIC_NAME.fullmatch(label) for label in rule.get("labels", {})), rule
        assert rule.get("help", "x").strip(), rule
        if rule.get("match_metric_type") == "observer" and rule.get("action") != "drop":
            buckets = rule["histogram_options"]["buckets"]
            assert buckets == sorted(set(buckets)), rule


def test_counters_and_durations_are_named_as_prometheus_has_it() -> None:
    for key in KEYS:
        if key.name and key.kind == "counter":
            assert key.name.endswith("_total"), key
        if key.name and key.kind == "observer":
            assert key.name.endswith("_seconds"), key

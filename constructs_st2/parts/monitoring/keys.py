"""The metrics that StackStorm sends, and what Prometheus calls them; and those of our own program beside it.

StackStorm has no list of its own; this one is of st2 3.8.1 and 3.9.0, which send the same. Each entry names the file
of st2 that sends it.

st2 does not escape what it makes names of. Where that has a colon, as the path of an item `a:b` of the datastore, the
line has two. statsd_exporter takes what follows the first one for values of DogStatsD, which counters cannot have, and
drops the line (`invalid_extended_aggregate_type`, pkg/line/line.go): such requests are missing in
st2_http_requests_by_resource_total and nowhere else. Of a duration it keeps the name before the first colon, which no
mapping knows. Line breaks and `|`, which would make other lines, are escaped in paths (webob/request.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from constructs_st2.parts.jobs.scripts.watch_executions import REASONS

Kind = Literal["counter", "observer", "gauge"]
"""The exporter's words; a timer of StatsD is an observer."""

_STATUSES = (
    "requested",
    "scheduled",
    "delayed",
    "running",
    "succeeded",
    "failed",
    "timeout",
    "abandoned",
    "canceling",
    "canceled",
    "pending",
    "pausing",
    "paused",
    "resuming",
)
"""``LIVEACTION_STATUSES`` in st2common/constants/action.py."""

_RESOURCES = (
    "actionalias",
    "actions",
    "aliasexecution",
    "apikeys",
    "config_schemas",
    "configs",
    "executions",
    "inquiries",
    "keys",
    "packs",
    "policies",
    "policytypes",
    "rbac",
    "ruleenforcements",
    "rules",
    "ruletypes",
    "runnertypes",
    "sensortypes",
    "service_registry",
    "sso",
    "stream",
    "timers",
    "tokens",
    "traces",
    "triggerinstances",
    "triggers",
    "triggertypes",
    "user",
    "webhooks",
    "workflows",
)
"""The first parts of the paths in st2common/openapi.yaml."""


def _any_of(words: Sequence[str]) -> str:
    return f"({'|'.join(map(re.escape, words))})"


PLACEHOLDERS: Mapping[str, str] = {
    "action": "(.+)",
    "content": "([a-z]+)",
    "exchange": "(.+)",
    "kind": _any_of(("workflow", "action")),
    "method": _any_of(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")),
    "operation": _any_of(("create", "update", "delete", "state")),
    "reason": _any_of(tuple(REASONS)),
    # nginx hands on "/v1/…", and the APIs also answer without it. Slashes were replaced by underscores.
    "resource": f"_(?:v1_)?{_any_of(_RESOURCES)}(?:_.*)?",
    "rule": "(.+)",
    "server": _any_of(("api", "auth", "stream")),
    "code": "([1-5][0-9][0-9])",
    "status": _any_of(_STATUSES),
    "step": "([a-z_.]+)",
    "trigger": "(.+)",
}
"""What a placeholder of a key stands for: a regular expression with one group, which is the value of the label.

Whatever people outside choose, such as paths and methods of requests, is one of a few values: each other value would
be a time series of its own, and anybody could fill the memory of Prometheus.
"""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")

QUICK = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0)
"""Bounds in seconds of what should take less than one."""
LONG = (0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Bounds in seconds of what actions do."""


@dataclass(frozen=True)
class Key:
    """One key, or several of one form, that StackStorm sends.

    ``key`` is what follows the prefix, in which ``{label}`` stands for the value of a label and ``*`` for anything.
    ``name`` is the metric of Prometheus; without one, the key is dropped, and ``help`` says why. ``buckets`` are upper
    bounds of durations in seconds, ``fixed`` are labels that do not follow from the key. ``source`` is the file of st2.
    """

    key: str
    kind: Kind
    name: str | None
    help: str
    source: str
    buckets: tuple[float, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)

    @property
    def pattern(self) -> str:
        """A regular expression for the key, in the syntax that Go and Python share."""
        parts = _PLACEHOLDER.split(self.key)
        return "".join(
            PLACEHOLDERS[part] if position % 2 else re.escape(part).replace(r"\*", ".*")
            for position, part in enumerate(parts)
        )

    @property
    def labels(self) -> dict[str, str]:
        """The labels, each with the group of the pattern that is its value, or with the value itself."""
        names = _PLACEHOLDER.findall(self.key)
        return {**{name: f"${number}" for number, name in enumerate(names, start=1)}, **self.fixed}

    @property
    def series(self) -> tuple[str, ...]:
        """The names that queries may use."""
        if self.name is None:
            return ()
        if self.kind == "observer":
            return tuple(f"{self.name}_{suffix}" for suffix in ("bucket", "sum", "count"))
        return (self.name,)


_RUNNER = "st2actions/st2actions/container/base.py"
_NOTIFIER = "st2actions/st2actions/notifier/notifier.py"
_SCHEDULER = "st2actions/st2actions/scheduler/handler.py"
_WORKFLOWS = "st2actions/st2actions/workflows/workflows.py"
_RULES = "st2reactor/st2reactor/rules/worker.py"
_MATCHER = "st2reactor/st2reactor/rules/engine.py"
_REQUESTS = "st2common/st2common/middleware/instrumentation.py"
_PUBLISHERS = "st2common/st2common/transport/publishers.py"
_BOOTSTRAP = "st2common/st2common/content/bootstrap.py"


def _counted_and_timed(
    key: str, counted: str, timed: str, help_text: str, source: str, buckets: tuple[float, ...]
) -> tuple[Key, Key]:
    """A key that StackStorm sends twice: it counts what begins, and measures the time of what has ended."""
    return (
        Key(key, "counter", f"{counted}_total", f"{help_text}: begun", source),
        Key(key, "observer", f"{timed}_seconds", f"{help_text}: time in seconds", source, buckets),
    )


KEYS: tuple[Key, ...] = (
    # st2 takes one from the status that an execution leaves as well. The exporter does not take a counter back, so
    # that this counts entries.
    Key(
        "action.executions.{status}",
        "counter",
        "st2_executions_total",
        "Executions that entered a status",
        "st2common/st2common/util/action_db.py",
    ),
    *_counted_and_timed(
        "action.executions.process.{status}",
        "st2_runner_dispatches",
        "st2_runner_dispatch",
        "Executions that runners worked on, by their status then",
        _RUNNER,
        LONG,
    ),
    *_counted_and_timed(
        "action.{action}.executions",
        "st2_action_runs",
        "st2_action_run",
        "Runs of an action",
        _RUNNER,
        LONG,
    ),
    Key("action.executions", "counter", None, "counts every run twice", _RUNNER),
    Key("action.executions", "observer", None, "measures every run twice", _RUNNER),
    Key(
        "action.executions.{step}",
        "observer",
        "st2_execution_update_seconds",
        "Steps of writing down an execution: time in seconds",
        _RUNNER,
        QUICK,
    ),
    *_counted_and_timed(
        "scheduler.handle_execution",
        "st2_scheduler_handled",
        "st2_scheduler_handle",
        "Executions that schedulers handled",
        _SCHEDULER,
        QUICK,
    ),
    *_counted_and_timed(
        "orquesta.{kind}.executions",
        "st2_workflow_engine_handled",
        "st2_workflow_engine_handle",
        "Changes of workflows and of their actions that workflow engines handled",
        _WORKFLOWS,
        QUICK,
    ),
    *_counted_and_timed(
        "notifier.{step}",
        "st2_notifier_steps",
        "st2_notifier_step",
        "Steps of the notifier after the end of an execution",
        _NOTIFIER,
        QUICK,
    ),
    Key("rule.matched", "counter", None, "is the sum of st2_rule_matches_total", _MATCHER),
    Key("rule.{rule}.matched", "counter", "st2_rule_matches_total", "Triggers that matched a rule", _MATCHER),
    *_counted_and_timed(
        "rule.processed",
        "st2_rules_engine_handled",
        "st2_rules_engine_handle",
        "Triggers that rules engines handled",
        _RULES,
        QUICK,
    ),
    Key("trigger.{trigger}.processed", "counter", "st2_triggers_total", "Triggers that came, by their type", _RULES),
    Key("trigger.{trigger}.processed", "observer", None, "is the same as st2_rules_engine_handle_seconds", _RULES),
    Key("{server}.request.total", "counter", "st2_http_requests_total", "Requests to an API", _REQUESTS),
    Key("{server}.request", "counter", None, "is the same as st2_http_requests_total", _REQUESTS),
    Key(
        "{server}.request",
        "observer",
        "st2_http_request_seconds",
        "Requests to an API: time in seconds",
        _REQUESTS,
        QUICK,
    ),
    Key(
        "{server}.request.method.{method}",
        "counter",
        "st2_http_requests_by_method_total",
        "Requests to an API, by their method",
        _REQUESTS,
    ),
    Key(
        "{server}.request.method.*",
        "counter",
        "st2_http_requests_by_method_total",
        "Requests to an API, by their method",
        _REQUESTS,
        fixed={"method": "other"},
    ),
    Key(
        "{server}.request.path.{resource}",
        "counter",
        "st2_http_requests_by_resource_total",
        "Requests to an API, by the first part of their path",
        _REQUESTS,
    ),
    Key(
        "{server}.request.path.*",
        "counter",
        "st2_http_requests_by_resource_total",
        "Requests to an API, by the first part of their path",
        _REQUESTS,
        fixed={"resource": "other"},
    ),
    Key(
        "{server}.response.status.{code}",
        "counter",
        "st2_http_responses_total",
        "Answers of an API, by their status code",
        _REQUESTS,
    ),
    Key("stream.connections", "gauge", "st2_stream_connections", "Open connections to event streams", _REQUESTS),
    Key(
        "amqp.publish.{operation}",
        "observer",
        "st2_amqp_publish_seconds",
        "Messages published to RabbitMQ, by what they tell: time in seconds",
        _PUBLISHERS,
        QUICK,
    ),
    Key(
        "amqp.pool_publisher.publish_with_retries.{exchange}",
        "observer",
        "st2_amqp_exchange_publish_seconds",
        "Messages published to RabbitMQ, by their exchange: time in seconds",
        _PUBLISHERS,
        QUICK,
    ),
    Key(
        "st2.register.{content}",
        "observer",
        "st2_content_registration_seconds",
        "Registration of content of packs: time in seconds",
        _BOOTSTRAP,
        LONG,
    ),
)
"""In the order in which they are looked through: the first one that fits counts."""

_WATCH = "constructs_st2/parts/jobs/scripts/watch_executions.py"
OWN_KEYS: tuple[Key, ...] = (
    Key(
        "orphaned.{reason}",
        "gauge",
        "st2_executions_orphaned",
        "Executions that nobody works on any more, by what tells so",
        _WATCH,
    ),
    Key(
        "looked_at",
        "gauge",
        "st2_executions_looked_at_timestamp_seconds",
        "When they were last looked for, in seconds since 1970",
        _WATCH,
    ),
)
"""What our program sends, behind its own METRICS and not behind the prefix of st2."""

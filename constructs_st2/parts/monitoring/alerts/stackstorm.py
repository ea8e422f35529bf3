"""Alerts on StackStorm's own numbers. Names of metrics: `keys.py`"""

from __future__ import annotations

from constructs_st2.facts.components import STATSD_EXPORTER
from constructs_st2.parts.alerts import Alert
from constructs_st2.parts.queries import Facts


def _entered(facts: Facts, window: str, statuses: str) -> str:
    """How many executions entered one of some statuses within a time."""
    return f"sum(increase({facts.statsd('st2_executions_total', status=f'~{statuses}')}[{window}]))"


def _share(part: str, whole: str, limit: float, least: int) -> str:
    """More than a share, where the whole is large enough to tell."""
    return f"{part} / {whole} > {limit} and {whole} > {least}"


STACKSTORM: tuple[Alert, ...] = (
    Alert(
        "StackStormMetricsMissing",
        STATSD_EXPORTER,
        "warning",
        10,
        lambda f: f"absent({f.statsd('up')} == 1)",
        "StackStorm's own metrics are missing",
        "Prometheus has not read statsd-exporter for 10 minutes. Alerts about executions cannot fire.",
    ),
    Alert(
        "StackStormExecutionsNotScheduled",
        STATSD_EXPORTER,
        "critical",
        5,
        lambda f: f"{_entered(f, '10m', 'requested')} > 0 unless {_entered(f, '10m', 'scheduled|delayed')} > 0",
        "No execution is scheduled",
        "Executions were requested in the last 10 minutes, and none was scheduled.",
    ),
    Alert(
        "StackStormExecutionsNotStarted",
        STATSD_EXPORTER,
        "critical",
        5,
        lambda f: f"{_entered(f, '10m', 'scheduled')} > 0 unless {_entered(f, '10m', 'running')} > 0",
        "No execution is started",
        "Executions were scheduled in the last 10 minutes, and no runner has started one.",
    ),
    Alert(
        "StackStormExecutionBacklogGrowing",
        STATSD_EXPORTER,
        "warning",
        15,
        lambda f: (
            f"1 - {_entered(f, '30m', 'scheduled')} / {_entered(f, '30m', 'requested')} > 0.2 "
            f"and {_entered(f, '30m', 'requested')} > 20"
        ),
        "Executions are requested faster than they are scheduled",
        "In the last 30 minutes, {{ $value | humanizePercentage }} of the executions that were requested were not "
        "scheduled.",
    ),
    Alert(
        "StackStormExecutionsFailing",
        STATSD_EXPORTER,
        "warning",
        15,
        lambda f: _share(
            _entered(f, "15m", "failed|timeout|abandoned"),
            _entered(f, "15m", "succeeded|failed|timeout|abandoned|canceled"),
            0.5,
            10,
        ),
        "Most executions fail",
        "In the last 15 minutes, {{ $value | humanizePercentage }} of the executions that ended did not succeed.",
    ),
    Alert(
        "StackStormExecutionsAbandoned",
        STATSD_EXPORTER,
        "warning",
        0,
        lambda f: f"{_entered(f, '15m', 'abandoned')} > 0",
        "Executions were abandoned",
        "Runners stopped before {{ $value | humanize }} executions had ended.",
    ),
    Alert(
        "StackStormApiErrors",
        STATSD_EXPORTER,
        "warning",
        10,
        lambda f: _share(
            f"sum by (server) (rate({f.statsd('st2_http_responses_total', code='~5..')}[10m]))",
            f"sum by (server) (rate({f.statsd('st2_http_responses_total')}[10m]))",
            0.05,
            0,
        ),
        "An API answers with errors",
        "{{ $value | humanizePercentage }} of the answers of st2{{ $labels.server }} are errors of the server.",
    ),
)

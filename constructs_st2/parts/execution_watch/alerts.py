"""Alerts on executions that nobody works on."""

from __future__ import annotations

from constructs_st2.facts.components import EXECUTION_WATCH
from constructs_st2.parts.alerts import MINUTE, Alert

_LOOKED_AT = "st2_executions_looked_at_timestamp_seconds"
_LOOKS_MISSED = 4

ALERTS: tuple[Alert, ...] = (
    Alert(
        "StackStormExecutionsOrphaned",
        EXECUTION_WATCH,
        "warning",
        5,
        lambda f: f"max by (reason) ({f.statsd('st2_executions_orphaned')}) > 0",
        "Nobody works on some executions",
        "{{ $value }} executions have not ended, and nobody works on them: {{ $labels.reason }}.",
    ),
    Alert(
        "StackStormExecutionsUnwatched",
        EXECUTION_WATCH,
        "warning",
        5,
        # Without a sample, as after a restart of the exporter, there is no time to compare with.
        lambda f: (
            f"time() - max({f.statsd(_LOOKED_AT)}) > {max(_LOOKS_MISSED * f.look_seconds, 5 * MINUTE)} "
            f"or absent({f.statsd(_LOOKED_AT)})"
        ),
        "Nobody looks for executions that are stuck",
        "Executions that nobody works on have not been looked for. StackStormExecutionsOrphaned cannot fire.",
    ),
)

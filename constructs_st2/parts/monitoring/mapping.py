"""The configuration of statsd_exporter: which name of StatsD becomes which metric.

Its format: https://github.com/prometheus/statsd_exporter/tree/v0.28.0#metric-mapping-and-configuration
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from constructs_st2.kube.documents import Document
from constructs_st2.kube.yaml_text import DUMPER
from constructs_st2.parts.jobs.scripts.watch_executions import METRICS
from constructs_st2.parts.monitoring.keys import KEYS, OWN_KEYS, Key

_FIRST = "st2"
"""What every key of StackStorm begins with, whatever the prefix (``get_full_key_name`` in
st2common/st2common/metrics/utils.py)."""

_DROPPED = "dropped"
"""The exporter wants a name also where there is no metric."""


def mapping(prefix: str | None, further: Sequence[Document]) -> str:
    """The text of the configuration.

    Args:
        prefix: the option ``prefix`` of the section ``metrics`` of st2.conf.
        further: the user's own mappings. They come first, so that they can also change ours.
    """
    begins = ".".join([_FIRST, *([prefix] if prefix else [])])
    rules = [
        *further,
        *(_rule(begins, key) for key in KEYS),
        *(_rule(METRICS, key) for key in OWN_KEYS),
        _everything_else(),
    ]
    text: str = yaml.dump({"mappings": rules}, Dumper=DUMPER, sort_keys=False, width=120)
    return text


def _rule(begins: str, key: Key) -> Document:
    rule: dict[str, Any] = {
        "match": f"^{re.escape(begins)}\\.{key.pattern}$",
        "match_type": "regex",
        # The kinds of one key must be told apart: a metric has only one kind.
        "match_metric_type": key.kind,
        "name": key.name or _DROPPED,
    }
    if key.name is None:
        return {**rule, "action": "drop"}
    rule["help"] = key.help
    if key.labels:
        rule["labels"] = key.labels
    if key.buckets:
        rule["observer_type"] = "histogram"
        rule["histogram_options"] = {"buckets": list(key.buckets)}
    return rule


def _everything_else() -> Document:
    """Whoever reaches the port could make any number of metrics."""
    return {"match": ".*", "match_type": "regex", "action": "drop", "name": _DROPPED}

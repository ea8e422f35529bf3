"""What statsd_exporter does with lines and a configuration, as far as ours goes: regular expressions, kinds, drops.

After pkg/line/line.go, pkg/mapper/mapper.go and pkg/exporter/exporter.go of v0.28.0:
https://github.com/prometheus/statsd_exporter
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import Any, cast

import yaml

KINDS = {"c": "counter", "g": "gauge", "ms": "observer"}


class StatsdExporter:
    """The metrics that come of lines."""

    def __init__(self, mapping: str) -> None:
        self._rules = _rules(mapping)
        self._kinds: dict[str, str] = {}
        self.metrics: dict[str, float] = {}
        self.events: Counter[str] = Counter()

    def send(self, *lines: str) -> None:
        """Take lines of StatsD: ``name:value|kind``, or with several values, as DogStatsD has it."""
        for line in lines:
            name, _, rest = line.partition(":")
            values, _, letter = rest.partition("|")
            if ":" in values and KINDS[letter] != "observer":
                self.events["invalid_extended_aggregate_type"] += 1
                continue
            for value in values.split(":"):
                try:
                    float(value)
                except ValueError:
                    self.events["malformed_value"] += 1
                else:
                    self._take(name, value, KINDS[letter])

    def _take(self, name: str, value: str, kind: str) -> None:
        rule = self._rule(name, kind)
        if rule is None:
            self.events["unmapped"] += 1
            return
        if rule.get("action") == "drop":
            self.events["dropped"] += 1
            return
        if self._kinds.setdefault(rule["name"], kind) != kind:
            self.events["conflict"] += 1
            return
        found = re.search(rule["match"], name)
        assert found is not None
        labels = {label: found.expand(text.replace("$", "\\")) for label, text in rule.get("labels", {}).items()}
        self._record(rule["name"], labels, value, kind)

    def _rule(self, name: str, kind: str) -> dict[str, Any] | None:
        for rule in self._rules:
            assert rule["match_type"] == "regex", "this model knows no other rules"
            if re.search(rule["match"], name) and rule.get("match_metric_type") in (None, kind):
                return rule
        return None

    def _record(self, name: str, labels: dict[str, str], value: str, kind: str) -> None:
        amount = float(value)
        if kind == "counter" and amount < 0:
            self.events["negative"] += 1
        elif kind == "gauge" and value[0] not in "+-":
            self.metrics[_series(name, labels)] = amount
        elif kind == "observer":
            # Timers are in milliseconds.
            self._add(_series(f"{name}_sum", labels), amount / 1000)
            self._add(_series(f"{name}_count", labels), 1)
        else:
            self._add(_series(name, labels), amount)

    def _add(self, series: str, amount: float) -> None:
        self.metrics[series] = self.metrics.get(series, 0) + amount


@cache
def _rules(mapping: str) -> list[dict[str, Any]]:
    """The rules of a configuration, which is a long text."""
    return cast(list[dict[str, Any]], yaml.safe_load(mapping)["mappings"])


def _series(name: str, labels: dict[str, str]) -> str:
    shown = ",".join(f"{label}={labels[label]}" for label in sorted(labels))
    return f"{name}{{{shown}}}" if shown else name

"""Prometheus Operator: rulefmt.Parse of rules, and what its selector of monitors rejects (resource_selector.go).

Queries are looked at for what is cheap to see: that there is one, and that quotes and brackets are closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from constructs_st2.checks.data import mapping, mappings
from constructs_st2.checks.index import Index
from constructs_st2.checks.operators.findings import Finding, number, prometheus_seconds_of, repeated
from constructs_st2.kube.documents import Document
from constructs_st2.kube.yaml_text import yaml_text

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TARGET = re.compile(r"(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+[\w${}]*")
_ACTIONS = (
    *("replace", "lowercase", "uppercase", "keep", "drop", "keepequal", "dropequal", "hashmod"),
    *("labelmap", "labeldrop", "labelkeep"),
)
_NEED_TARGET = ("replace", "lowercase", "uppercase", "keepequal", "dropequal", "hashmod")
_LARGEST = 512 * 1024
_OPEN = {")": "(", "]": "[", "}": "{"}


def prometheus_rule(document: Document, _: Index) -> Iterator[Finding]:
    """What the operator refuses of a PrometheusRule."""
    groups = mappings(mapping(document.get("spec")).get("groups"))
    names = [(f"spec.groups[{position}].name", str(group.get("name"))) for position, group in enumerate(groups)]
    yield from repeated(names, "another group has this name")
    if len(yaml_text([mapping(document.get("spec"))]).encode()) > _LARGEST:
        yield "spec", f"has more than {_LARGEST} bytes: split it"
    for position, group in enumerate(groups):
        field = f"spec.groups[{position}]"
        if not group.get("name"):
            yield f"{field}.name", "must be said"
        yield from _durations(group, field, "interval", "query_offset")
        for number_, rule in enumerate(mappings(group.get("rules"))):
            yield from _rule(rule, f"{field}.rules[{number_}]")


def _rule(rule: Document, field: str) -> Iterator[Finding]:
    """RuleNode.Validate."""
    record, alert = rule.get("record"), rule.get("alert")
    if bool(record) == bool(alert):
        yield field, "must have either alert or record"
    if record:
        if not _METRIC.fullmatch(str(record)):
            yield f"{field}.record", f'"{record}" is no name of a metric'
        for key in ("annotations", "for", "keep_firing_for"):
            if rule.get(key):
                yield f"{field}.{key}", "is for alerts only"
    for key in mapping(rule.get("labels")):
        if not _LABEL.fullmatch(str(key)) or key == "__name__":
            yield f"{field}.labels[{key}]", "is no name of a label"
    for key in mapping(rule.get("annotations")):
        if not _LABEL.fullmatch(str(key)):
            yield f"{field}.annotations[{key}]", "is no name of an annotation"
    yield from _durations(rule, field, "for", "keep_firing_for")
    if problem := query_problem(rule.get("expr")):
        yield f"{field}.expr", problem


def query_problem(query: object) -> str | None:
    """What is wrong with a query, as far as its quotes and brackets tell; None if nothing is."""
    if isinstance(query, int) and not isinstance(query, bool):
        return None
    if not isinstance(query, str) or not query.strip():
        return "must be a query"
    quote, opened, skip = "", [""], False
    for character in _without_comments(query):
        if skip:
            skip = False
        elif quote:
            # Nothing is escaped between backticks.
            skip = character == "\\" and quote != "`"
            quote = "" if character == quote else quote
        elif character in "\"'`":
            quote = character
        elif character in "([{":
            opened.append(character)
        elif character in _OPEN and opened.pop() != _OPEN[character]:
            return f'is no query: "{character}" closes nothing'
    if quote:
        return f"is no query: a text begins with {quote} and does not end"
    return f'is no query: "{opened[-1]}" is not closed' if opened[-1:] != [""] else None


_COMMENT = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|#[^\n]*""")


def _without_comments(query: str) -> str:
    return _COMMENT.sub(lambda match: match[1] or "", query)


def pod_monitor(document: Document, _: Index) -> Iterator[Finding]:
    """What the operator refuses of a PodMonitor."""
    yield from _endpoints(document, "podMetricsEndpoints")


def service_monitor(document: Document, _: Index) -> Iterator[Finding]:
    """What the operator refuses of a ServiceMonitor."""
    yield from _endpoints(document, "endpoints")


def _endpoints(document: Document, key: str) -> Iterator[Finding]:
    for position, endpoint in enumerate(mappings(mapping(document.get("spec")).get(key))):
        field = f"spec.{key}[{position}]"
        yield from _durations(endpoint, field, "interval", "scrapeTimeout")
        interval, timeout = (prometheus_seconds_of(endpoint.get(name)) for name in ("interval", "scrapeTimeout"))
        if interval and timeout and timeout > interval:
            yield f"{field}.scrapeTimeout", "is longer than the interval"
        for name in ("relabelings", "metricRelabelings"):
            for number_, rule in enumerate(mappings(endpoint.get(name))):
                yield from _relabeling(rule, f"{field}.{name}[{number_}]")


def _relabeling(rule: Document, field: str) -> Iterator[Finding]:
    """validateRelabelConfig."""
    action = str(rule.get("action") or "replace").lower()
    if action not in _ACTIONS:
        yield f"{field}.action", f"must be one of {', '.join(_ACTIONS)}"
        return
    target = rule.get("targetLabel")
    if action in _NEED_TARGET and not target:
        yield f"{field}.targetLabel", f"must be said for the action {action}"
    if target and action != "labelmap" and not _TARGET.fullmatch(str(target)):
        yield f"{field}.targetLabel", f'"{target}" is no name of a label'
    if action == "hashmod" and not number(rule.get("modulus")):
        yield f"{field}.modulus", "must be at least 1 for the action hashmod"
    if action in ("labeldrop", "labelkeep") and (rule.get("sourceLabels") or target):
        yield field, f"the action {action} has a regex and nothing else"


def _durations(document: Document, field: str, *keys: str) -> Iterator[Finding]:
    for key in keys:
        given = document.get(key)
        if given not in (None, "") and prometheus_seconds_of(given) is None:
            yield f"{field}.{key}", f'"{given}" is no duration, such as 30s or 1h30m'

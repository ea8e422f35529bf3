"""Gateway API: the rules in CEL of HTTPRoute (config/crd/standard/gateway.networking.k8s.io_httproutes.yaml, v1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from constructs_st2.checks.data import at, mapping, mappings, scalar, strings
from constructs_st2.checks.index import Index
from constructs_st2.checks.operators.findings import Finding, repeated, seconds_of
from constructs_st2.kube.documents import Document

_PATH = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")
_FORBIDDEN = ("//", "/./", "/../", "%2f", "%2F", "#")
_ENDS = ("/..", "/.")
_MOST_MATCHES = 128
_PARENT = ("group", "kind", "namespace", "name", "sectionName", "port")
"""What tells a parent from others."""
_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_ONCE = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite")


def http_route(document: Document, _: Index) -> Iterator[Finding]:
    """What the API server refuses of an HTTPRoute by the rules of its definition."""
    spec = mapping(document.get("spec"))
    rules = mappings(spec.get("rules"))
    parents = mappings(spec.get("parentRefs"))
    places = [tuple(str(each.get(key)) for key in _PARENT) for each in parents]
    yield from repeated(
        ((f"spec.parentRefs[{position}]", place) for position, place in enumerate(places)),
        "another reference has the same parent; give each a sectionName",
    )
    for position, host in enumerate(strings(spec.get("hostnames"))):
        if _ADDRESS.fullmatch(host):
            yield f"spec.hostnames[{position}]", "is an address; must be a name"
    if sum(max(1, len(mappings(rule.get("matches")))) for rule in rules) > _MOST_MATCHES:
        yield "spec.rules", f"have more than {_MOST_MATCHES} matches together"
    for position, rule in enumerate(rules):
        yield from _rule(rule, f"spec.rules[{position}]")


def _rule(rule: Document, field: str) -> Iterator[Finding]:
    filters = [str(each.get("type")) for each in mappings(rule.get("filters"))]
    backends = mappings(rule.get("backendRefs"))
    for position, match in enumerate(mappings(rule.get("matches"))):
        yield from _path(mapping(match.get("path")), f"{field}.matches[{position}].path")
    for kind in _ONCE:
        if filters.count(kind) > 1:
            yield f"{field}.filters", f"have {kind} more than once"
    if "RequestRedirect" in filters and backends:
        yield f"{field}.backendRefs", "cannot stand beside a filter RequestRedirect"
    if "RequestRedirect" in filters and "URLRewrite" in filters:
        yield f"{field}.filters", "cannot have both RequestRedirect and URLRewrite"
    for position, backend in enumerate(backends):
        is_service = backend.get("group") in (None, "") and backend.get("kind") in (None, "Service")
        if is_service and scalar(backend.get("port")) is None:
            yield f"{field}.backendRefs[{position}].port", "must be said of a Service"
    request, backend_request = (seconds_of(at(rule, "timeouts", key)) for key in ("request", "backendRequest"))
    if request and backend_request and backend_request > request:
        yield f"{field}.timeouts.backendRequest", "is longer than timeouts.request"


def _path(path: Document, field: str) -> Iterator[Finding]:
    kind, value = path.get("type") or "PathPrefix", path.get("value")
    if kind not in ("Exact", "PathPrefix") or not isinstance(value, str):
        return
    found = next((part for part in _FORBIDDEN if part in value), None)
    found = found or next((end for end in _ENDS if value.endswith(end)), None)
    if not value.startswith("/"):
        yield f"{field}.value", 'must begin with "/"'
    elif found:
        yield f"{field}.value", f'must not have "{found}"'
    elif not _PATH.fullmatch(value):
        yield f"{field}.value", "has characters that no path of a URL has"

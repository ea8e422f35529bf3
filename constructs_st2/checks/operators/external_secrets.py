"""External Secrets Operator: validateExternalSecret of apis/externalsecrets/v1/externalsecret_validator.go."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.data import at, mapping, mappings
from constructs_st2.checks.index import Index
from constructs_st2.checks.operators.findings import Finding, repeated, seconds_of
from constructs_st2.kube.documents import Document


def external_secret(document: Document, _: Index) -> Iterator[Finding]:
    """What the operator refuses of an ExternalSecret."""
    spec = mapping(document.get("spec"))
    data, sources = mappings(spec.get("data")), mappings(spec.get("dataFrom"))
    if not data and not sources:
        yield "spec", "takes nothing from a store: must have data or dataFrom"
    deletion, creation = at(spec, "target", "deletionPolicy"), at(spec, "target", "creationPolicy")
    if deletion == "Delete" and creation in ("Merge", "None"):
        yield "spec.target.deletionPolicy", f"Delete needs creationPolicy: Owner, not {creation}"
    if deletion == "Merge" and creation == "None":
        yield "spec.target.deletionPolicy", "Merge has no Secret to merge with, as creationPolicy is None"
    for position, source in enumerate(sources):
        yield from _source(source, f"spec.dataFrom[{position}]")
    # Retain is the default.
    if deletion in (None, "", "Retain"):
        keys = [(f"spec.data[{position}].secretKey", str(each.get("secretKey"))) for position, each in enumerate(data)]
        yield from repeated(keys, "another entry gives this key")
    refresh = spec.get("refreshInterval")
    if refresh is not None and seconds_of(refresh) is None:
        yield "spec.refreshInterval", f'"{refresh}" is no duration, such as 1h'
    if not spec.get("secretStoreRef"):
        for position, each in enumerate(data):
            if not at(each, "sourceRef", "storeRef"):
                yield f"spec.data[{position}]", "names no store, and secretStoreRef does not, either"


def _source(source: Document, field: str) -> Iterator[Finding]:
    reference = source.get("sourceRef")
    generator = at(source, "sourceRef", "generatorRef")
    ways = [name for name in ("extract", "find") if source.get(name) is not None]
    if generator:
        ways.append("generatorRef")
    if len(ways) > 1:
        yield field, f"must have only one of {', '.join(ways)}"
    if not ways and reference is None:
        yield field, "must have extract, find or sourceRef"
    if reference is not None and not generator and not at(source, "sourceRef", "storeRef"):
        yield f"{field}.sourceRef", "must have generatorRef or storeRef"

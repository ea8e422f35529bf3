"""The fields and types that the checks know of each kind are those that the API server decodes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from api.others import OTHERS
from api.rich import BASE, CLAIM, LABELS, SMALL
from kubernetes_types import kinds
from servers.kube_apiserver import ApiServer, Refused

from constructs_st2.checks.api.described import dropped, table, undescribed
from constructs_st2.kube.documents import Document, identity

Path = tuple[str | int, ...]

WRONG: tuple[Any, ...] = (5, 1.5, 2**33, "x", True, ["x"], {"x": "y"}, [{"x": "y"}])
"""Values of which each type refuses most."""

_OF_DECODING = ("strict decoding error", "cannot unmarshal", "unable to decode", "unable to parse", "failed to convert")
_OF_DECODING_AS_WELL = (
    "error decoding",
    "quantities must match",
    "illegal base64",
    "cannot parse",
    "cannot be handled",
)


def test_the_server_takes_what_is_right(api_server: ApiServer) -> None:
    assert [refusal for document in OTHERS if (refusal := refused(api_server, document))] == []


def test_the_server_decodes_what_is_described(api_server: ApiServer) -> None:
    """What is misspelled or of the wrong type is found, and nothing else is."""
    missed, invented = [], []
    for path, document in typed_wrongly():
        found = [problem for problem in undescribed(document) if problem.message != "is required"]
        refusal = refused(api_server, document)
        if found and not refusal:
            invented.append((identity(document), path, found))
        if not found and any(text in refusal for text in (*_OF_DECODING, *_OF_DECODING_AS_WELL)):
            missed.append((identity(document), path, refusal))
    assert invented == []
    assert missed == []


def test_the_server_asks_for_what_is_required(api_server: ApiServer) -> None:
    found = [(path, document) for path, document in lacking() if not refused(api_server, document)]
    assert [(identity(document), path) for path, document in found] == []


def test_the_table_is_what_the_server_says_of_itself(api_server: ApiServer) -> None:
    version = api_server.request("GET", "/version")[1]
    if f"{version['major']}.{version['minor']}" != table().newest:
        return
    status, document = api_server.request("GET", "/openapi/v2")
    assert status == 200
    served = kinds.table(document, document, ("", ""))
    known = {"kinds": table().kinds, "types": table().types}
    differ = [
        kind
        for kind, entry in known["kinds"].items()
        if _shape(known, entry["type"]) != _shape(served, served["kinds"][kind]["type"])
    ]
    assert differ == []


def test_the_server_drops_what_is_gated(api_server: ApiServer) -> None:
    """Of each field that the table marks so, in an object that has it, the server's answer has nothing."""
    named = {f"{kind}.{name}" for kind, entry in table().types.items() for name in entry.get("gated", ())}
    assert named == kinds.GATED
    for document, path in GATED:
        assert [problem.field for problem in dropped(document)], path
        kept: Any = api_server.create(document, dry_run=True)
        for step in path[:-1]:
            kept = kept[step]
        assert path[-1] not in kept


def _object(api_version: str, kind: str, **spec: Any) -> Document:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "default"}, "spec": spec}


def _pod(**spec: Any) -> Document:
    return _object("v1", "Pod", **{**SMALL["spec"], **spec})


def _projected(**source: Document) -> Document:
    return _pod(volumes=[{"name": "a", "projected": {"sources": [source]}}])


_SOURCE = ("spec", "volumes", 0, "projected", "sources", 0)
_LEASE = ("coordination.k8s.io/v1", "Lease")
_STOPPED = {"name": "a", "image": "b", "lifecycle": {"stopSignal": "SIGINT"}}
_ELSEWHERE = {"apiGroup": "a.b", "kind": "C", "name": "d", "namespace": "e"}
_FAST = {"rollingUpdate": {"maxUnavailable": 2}}
_WORKLOAD: Document = {"selector": {"matchLabels": LABELS}, "template": SMALL}
GATED: tuple[tuple[Document, Path], ...] = (
    (_pod(schedulingGroup={"podGroupName": "a"}), ("spec", "schedulingGroup")),
    (_pod(os={"name": "linux"}, containers=[_STOPPED]), ("spec", "containers", 0, "lifecycle")),
    (_projected(clusterTrustBundle={"name": "a", "path": "b"}), (*_SOURCE, "clusterTrustBundle")),
    (
        _projected(podCertificate={"signerName": "a.b/c", "keyType": "ED25519", "keyPath": "d"}),
        (*_SOURCE, "podCertificate"),
    ),
    (_object(*_LEASE, holderIdentity="a", preferredHolder="b"), ("spec", "preferredHolder")),
    (_object(*_LEASE, holderIdentity="a", strategy="OldestEmulationVersion"), ("spec", "strategy")),
    (
        _object("apps/v1", "StatefulSet", updateStrategy=_FAST, **_WORKLOAD),
        ("spec", "updateStrategy", "rollingUpdate", "maxUnavailable"),
    ),
    (
        _object("v1", "PersistentVolumeClaim", **{**CLAIM, "dataSourceRef": _ELSEWHERE}),
        ("spec", "dataSourceRef"),
    ),
    (
        _object("storage.k8s.io/v1", "CSIDriver", preventPodSchedulingIfMissing=True),
        ("spec", "preventPodSchedulingIfMissing"),
    ),
)
"""Objects with a field that the server drops, and what is not there afterwards."""


def refused(server: ApiServer, document: Document) -> str:
    """Why the server does not take an object; nothing where it does."""
    try:
        server.create(document, dry_run=True)
    except Refused as refusal:
        return str(refusal)
    return ""


def places() -> Iterator[tuple[Document, Document, str, Path]]:
    """The first of each type in the objects: its object, itself, its type and the way to it."""
    seen: set[str] = set()
    for document in (*BASE, *OTHERS):
        root = table().kinds[f"{document['apiVersion']} {document['kind']}"]["type"]
        for node, kind, path in _nodes(document, root, ()):
            if kind not in seen and path != ("metadata",):
                seen.add(kind)
                yield document, node, kind, path


def _nodes(value: Any, kind: str, path: Path) -> Iterator[tuple[Document, str, Path]]:
    if kind.endswith("[]"):
        for position, item in enumerate(value):
            yield from _nodes(item, kind[:-2], (*path, position))
    elif kind.endswith("{}"):
        for key, item in value.items():
            yield from _nodes(item, kind[:-2], (*path, key))
    elif kind in table().types:
        yield value, kind, path
        for name, item in value.items():
            yield from _nodes(item, table().types[kind]["fields"][name], (*path, name))


def typed_wrongly() -> Iterator[tuple[Path, Document]]:
    """Objects with a field that is misspelled, or has a value that hardly any type has."""
    for document, node, _, path in places():
        for name in node:
            if not path and name in ("apiVersion", "kind", "metadata"):
                continue
            yield (*path, name), _changed(document, path, name, f"{name}x", node[name])
            for value in WRONG:
                yield (*path, name), _changed(document, path, name, name, value)


def lacking() -> Iterator[tuple[Path, Document]]:
    """Objects without a field that is required."""
    for document, node, kind, path in places():
        for name in table().types[kind].get("required", ()):
            if name in node:
                yield (*path, name), _changed(document, path, name, name, None)


def _changed(document: Document, path: Path, name: str, new: str, value: Any) -> Document:
    """A document that shares with the given one what is not on the way to the change."""
    changed = copy.copy(document)
    node: Any = changed
    for step in path:
        node[step] = copy.copy(node[step])
        node = node[step]
    del node[name]
    if value is not None:
        node[new] = value
    return changed


def _shape(kinds: Any, kind: str) -> list[Any]:
    """What a type is made of, whatever the parts are called, each part once."""
    seen: dict[str, int] = {}
    shape: list[Any] = []

    def number(name: str) -> str:
        inner = name.rstrip("[]{}")
        if inner not in kinds["types"]:
            return name
        if inner not in seen:
            seen[inner] = len(seen)
            entry = kinds["types"][inner]
            fields = {field: number(each) for field, each in sorted(entry["fields"].items())}
            shape.append((fields, entry.get("required")))
        return f"{seen[inner]}{name[len(inner) :]}"

    number(kind)
    return shape

"""Objects of kinds that are not part of Kubernetes, checked by the typed bindings in the folder imports/.

The bindings are made from definitions that have exactly the fields which are written here, so that a wrong name or type
is found before the cluster sees it. They are loaded only by clusters that have such objects, and only in an app: they
need Node.js.
"""

from __future__ import annotations

import importlib.util
import typing
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from constructs_st2 import node
from constructs_st2.errors import UserError
from constructs_st2.kube.builders import SYNC_OPTIONS
from constructs_st2.kube.documents import Document, identity

_SKIP_DRY_RUN = "SkipDryRunOnMissingResource=true"
"""Argo CD otherwise refuses a kind whose definition comes in the same sync."""


class _Binding(NamedTuple):
    """A kind, and where `cdk8s import` puts it. It spells abbreviations in its own way: HttpRoute."""

    api_version: str
    module: str
    name: str


BINDINGS: Mapping[str, _Binding] = {
    "Certificate": _Binding("cert-manager.io/v1", "io.cert_manager", "Certificate"),
    "ExternalSecret": _Binding("external-secrets.io/v1", "io.external_secrets", "ExternalSecret"),
    "HTTPRoute": _Binding("gateway.networking.k8s.io/v1", "io.k8s.networking.gateway", "HttpRoute"),
    "PodMonitor": _Binding("monitoring.coreos.com/v1", "com.coreos.monitoring", "PodMonitor"),
    "PrometheusRule": _Binding("monitoring.coreos.com/v1", "com.coreos.monitoring", "PrometheusRule"),
    "ScaledObject": _Binding("keda.sh/v1alpha1", "sh.keda", "ScaledObject"),
    "TriggerAuthentication": _Binding("keda.sh/v1alpha1", "sh.keda", "TriggerAuthentication"),
}

_HOMES = ("constructs_st2.imports", "imports")
"""The package of the bindings: in a wheel it is below this one, because every cdk8s app has a folder called imports."""


def custom_object(kind: str, metadata: Document, spec: Document) -> Document:
    """An object of a custom kind. In an app, where Node.js runs, it is checked by the bindings.

    Args:
        kind: one of those in `BINDINGS`.
        metadata: its metadata; the annotation that Argo CD needs for custom kinds is added.
        spec: its specification, as it is written: keys keep their order.

    Raises:
        UserError: the specification does not fit the definition of the kind.
    """
    metadata = {**metadata, "annotations": _with_sync_option(metadata.get("annotations", {}))}
    document = {"apiVersion": BINDINGS[kind].api_version, "kind": kind, "metadata": metadata, "spec": spec}
    if node.runs():
        verify(document)
    return document


def verify(document: Document) -> None:
    """Check an object by the bindings.

    Raises:
        UserError: it does not fit the definition of its kind.
    """
    binding = BINDINGS[document["kind"]]
    module = bindings(binding.module)
    try:
        typed = _typed(getattr(module, f"{binding.name}Spec"), document["spec"], "spec")
    except _Misfit as misfit:
        raise UserError(f"{identity(document)}: {misfit}") from None
    made = getattr(module, binding.name).manifest(metadata=document["metadata"], spec=typed)
    if document != made:
        raise UserError(f"{identity(document)}: cdk8s makes something else of it: {made}")


def bindings(module: str) -> ModuleType:
    """The bindings of an API group."""
    home = next(home for home in _HOMES if importlib.util.find_spec(home))
    return importlib.import_module(f"{home}.{module}")


class _Misfit(Exception):
    """Data that has not the shape of the definition."""


def _with_sync_option(annotations: Mapping[str, str]) -> dict[str, str]:
    given = annotations.get(SYNC_OPTIONS)
    options = [*(given.split(",") if given else []), _SKIP_DRY_RUN]
    return {**annotations, SYNC_OPTIONS: ",".join(dict.fromkeys(options))}


def _typed(expected: Any, value: Any, field: str) -> Any:
    """A value in the types of the bindings: mappings become the classes that stand for them."""
    if isinstance(value, Mapping) and (struct := _struct_in(expected)):
        return _struct(struct, value, field)
    if isinstance(value, list):
        return [_typed(_item_of(expected), item, f"{field}[{index}]") for index, item in enumerate(value)]
    return value


def _struct(struct: Any, value: Mapping[str, Any], field: str) -> Any:
    fields = _fields(struct)
    unknown = [key for key in value if key not in fields]
    if unknown:
        raise _Misfit(f"{field}.{unknown[0]}: there is no such field")
    arguments = {fields[key].argument: _typed(fields[key].type, item, f"{field}.{key}") for key, item in value.items()}
    try:
        return struct(**arguments)
    except TypeError as error:
        raise _Misfit(f"{field}: {error}") from None


class _Field(NamedTuple):
    """A field of a class: the name of its argument, and its type."""

    argument: str
    type: Any


@cache
def _fields(struct: Any) -> Mapping[str, _Field]:
    """The fields by their names in Kubernetes."""
    types = typing.get_type_hints(struct.__init__)
    names: Mapping[str, str] = struct.__jsii_name_mapping__
    return {name: _Field(argument, types[argument]) for argument, name in names.items()}


def _struct_in(expected: Any) -> Any:
    """The class that a mapping becomes; None where its keys are free. Types are unions of it and a plain mapping."""
    candidates = (expected, *typing.get_args(expected))
    found = (each for each in candidates if hasattr(each, "__jsii_name_mapping__"))
    return next(found, None)


def _item_of(expected: Any) -> Any:
    """The type of the items of a list, which may be optional."""
    for candidate in (expected, *typing.get_args(expected)):
        origin = typing.get_origin(candidate)
        if isinstance(origin, type) and issubclass(origin, typing.Sequence):
            return typing.get_args(candidate)[0]
    return None

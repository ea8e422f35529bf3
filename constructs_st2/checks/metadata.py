"""Labels, annotations and namespaces."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.checks.api import forms
from constructs_st2.checks.data import annotations_of, any_labels_of, label, mappings, namespace_of, strings
from constructs_st2.checks.index import Index, is_ours
from constructs_st2.checks.problem import Problem
from constructs_st2.kube.documents import Document, identity, is_namespaced
from constructs_st2.kube.well_known import COMPONENT_LABEL, INSTANCE_LABEL, MANAGED_BY_LABEL, NAME_LABEL, PART_OF_LABEL

REQUIRED_LABELS = (
    NAME_LABEL,
    INSTANCE_LABEL,
    COMPONENT_LABEL,
    PART_OF_LABEL,
    MANAGED_BY_LABEL,
    "app",
    "release",
    "support",
    "vendor",
)
"""Labels of every object and pod of ours: the standard ones, and the short ones in StackStorm's documentation."""

TIERS = frozenset({"backend", "frontend"})
"""Components whose pods carry the label ``tier``; `kubectl logs -l tier=backend` must show st2's own services only."""


def namespaces_are_set(index: Index) -> Iterator[Problem]:
    """Every namespaced object says where it lives, and does not depend on the current context of kubectl."""
    for document in index.objects:
        if is_namespaced(document) and not namespace_of(document):
            yield Problem("namespace", identity(document), "metadata.namespace", "is missing; set it")


def labels_are_valid(index: Index) -> Iterator[Problem]:
    """Labels and annotations have valid keys and values."""
    # A hundred objects have few different labels.
    valid: set[tuple[object, object]] = set()
    for owner, prefix, document in _metadata(index):
        labels = any_labels_of(document)
        for key, value in () if _all_in(valid, labels) else labels.items():
            if message := forms.label(key, value):
                yield Problem("label", identity(owner), f"{prefix}metadata.labels[{key}]", message)
            else:
                valid.add((key, value))
        for key, value in annotations_of(document).items():
            message = forms.label_key(str(key).lower())
            if message is None and not isinstance(value, str):
                message = f"is {value!r}; expected a text: put it in quotes"
            if message:
                yield Problem("annotation", identity(owner), f"{prefix}metadata.annotations[{key}]", message)


def _all_in(valid: set[tuple[object, object]], labels: Document) -> bool:
    try:
        return valid.issuperset(labels.items())
    except TypeError:
        # A value is no text, but a list or a mapping.
        return False


def owners_and_finalizers(index: Index) -> Iterator[Problem]:
    """What has to go before an object, and what has to be done then (meta.ValidateObjectMeta)."""
    for document in index.objects:
        metadata = document["metadata"]
        for position, name in enumerate(strings(metadata.get("finalizers"))):
            if message := forms.finalizer(name):
                yield Problem("api", identity(document), f"metadata.finalizers[{position}]", message)
        owners = mappings(metadata.get("ownerReferences"))
        if not owners:
            continue
        for position, owner in enumerate(owners):
            for field in ("apiVersion", "kind", "name", "uid"):
                if not owner.get(field):
                    where = f"metadata.ownerReferences[{position}].{field}"
                    yield Problem("api", identity(document), where, "is required")
        if sum(owner.get("controller") is True for owner in owners) > 1:
            message = "only one can be the controller"
            yield Problem("api", identity(document), "metadata.ownerReferences", message)


def set_by_the_server(index: Index) -> Iterator[Problem]:
    """Objects that were read from a cluster hold what only that cluster knows (rest.BeforeCreate)."""
    for document in index.objects:
        for field in ("managedFields", "resourceVersion", "uid"):
            if document["metadata"].get(field):
                message = (
                    "is given by the cluster: an object that is applied there for the first time is refused with it"
                )
                yield Problem("api", identity(document), f"metadata.{field}", message)


def required_labels(index: Index) -> Iterator[Problem]:
    """Objects of ours and their pods carry all labels by which people find them."""
    for owner, prefix, document in _metadata(index):
        if not is_ours(owner):
            continue
        labels = any_labels_of(document)
        for key in REQUIRED_LABELS:
            if not isinstance(labels.get(key), str):
                where = f"{prefix}metadata.labels[{key}]"
                yield Problem("required-label", identity(owner), where, "is missing; set it")
        component, tier = label(document, COMPONENT_LABEL), label(document, "tier")
        expected = component if component in TIERS else None
        if tier != expected and not (expected is None and tier not in TIERS):
            message = f"is {tier!r}; expected {expected!r}, because the component is {component!r}"
            yield Problem("required-label", identity(owner), f"{prefix}metadata.labels[tier]", message)


def _metadata(index: Index) -> Iterator[tuple[Document, str, Document]]:
    """Every object and pod template: the object, the field where the metadata begin, and what they are of."""
    for document in index.objects:
        yield document, "", document
    for pod in index.pods:
        if pod.prefix:
            yield pod.owner, pod.prefix, pod.document


RULES = (namespaces_are_set, labels_are_valid, owners_and_finalizers, set_by_the_server, required_labels)

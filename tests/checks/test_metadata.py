"""Labels, annotations and namespaces."""

from __future__ import annotations

import pytest
from checks.sound import (
    API,
    CONFIG,
    MONGODB,
    TEMPLATE,
    Change,
    Finding,
    add,
    drop,
    findings_after,
    put,
)
from support import each_of

from constructs_st2.checks.metadata import REQUIRED_LABELS

LABELS = ("metadata", "labels")
ANNOTATIONS = ("metadata", "annotations")


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        pytest.param(
            drop(CONFIG, "metadata", "namespace"), ("namespace", CONFIG, "metadata.namespace"), id="no namespace"
        ),
        pytest.param(
            put(CONFIG, *LABELS, "a b", value="x"), ("label", CONFIG, "metadata.labels[a b]"), id="a key with a blank"
        ),
        pytest.param(
            put(CONFIG, *LABELS, "a" * 64, value="x"),
            ("label", CONFIG, f"metadata.labels[{'a' * 64}]"),
            id="a key too long",
        ),
        pytest.param(
            put(CONFIG, *LABELS, "no_domain/a", value="x"),
            ("label", CONFIG, "metadata.labels[no_domain/a]"),
            id="a prefix that is no domain",
        ),
        pytest.param(
            put(CONFIG, *LABELS, "a", value="x" * 64), ("label", CONFIG, "metadata.labels[a]"), id="a value too long"
        ),
        pytest.param(
            put(CONFIG, *LABELS, "a", value="-x"),
            ("label", CONFIG, "metadata.labels[a]"),
            id="a value with a dash first",
        ),
        pytest.param(put(CONFIG, *LABELS, "a", value=1), ("label", CONFIG, "metadata.labels[a]"), id="a number"),
        pytest.param(
            put(API, *TEMPLATE, *LABELS, "a", value="b c"),
            ("label", API, "spec.template.metadata.labels[a]"),
            id="a label of pods",
        ),
        pytest.param(
            put(CONFIG, *ANNOTATIONS, value={"a": True}),
            ("annotation", CONFIG, "metadata.annotations[a]"),
            id="a truth value",
        ),
        pytest.param(
            put(API, *TEMPLATE, *ANNOTATIONS, value={"a b": "x"}),
            ("annotation", API, "spec.template.metadata.annotations[a b]"),
            id="an annotation of pods",
        ),
        pytest.param(
            drop(API, *LABELS, "tier"),
            ("required-label", API, "metadata.labels[tier]"),
            id="a service without its tier",
        ),
        pytest.param(
            put(MONGODB, *TEMPLATE, *LABELS, "tier", value="backend"),
            ("required-label", MONGODB, "spec.template.metadata.labels[tier]"),
            id="a database among the services",
        ),
    ],
)
def test_wrong_metadata_is_found(change: Change, finding: Finding) -> None:
    assert finding in findings_after(change)


# Without the label that tells whose it is, an object is not ours.
@pytest.mark.parametrize("label", [label for label in REQUIRED_LABELS if not label.endswith("managed-by")])
def test_labels_by_which_people_find_objects_are_required(label: str) -> None:
    found = findings_after(drop(CONFIG, *LABELS, label))
    assert ("required-label", CONFIG, f"metadata.labels[{label}]") in found


@each_of("label", REQUIRED_LABELS)
def test_labels_by_which_people_find_pods_are_required(label: str) -> None:
    found = findings_after(drop(API, *TEMPLATE, *LABELS, label))
    assert ("required-label", API, f"spec.template.metadata.labels[{label}]") in found


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(put(CONFIG, *LABELS, "example.com/a", value=""), id="an empty value"),
        pytest.param(put(CONFIG, *LABELS, "a" * 63, value="x" * 63), id="the longest key and value"),
        pytest.param(
            put(CONFIG, *ANNOTATIONS, value={"Example.com/A": "any text: ü\n"}), id="any text in an annotation"
        ),
        pytest.param(
            add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "y"}}),
            id="a user's object without labels",
        ),
        pytest.param(
            add({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "x"}}),
            id="an object that has no namespace",
        ),
        pytest.param(put(MONGODB, *LABELS, "tier", value="gold"), id="a tier of the user's own"),
    ],
)
def test_right_metadata_is_accepted(change: Change) -> None:
    assert findings_after(change) == []

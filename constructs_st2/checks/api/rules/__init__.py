"""What the API server wants of each type, a rule a line.

A module holds the rules of one kind of thing, and the functions that only they need.

The source is the function in pkg/apis/GROUP/validation/validation.go of Kubernetes v1.36, of the group core where none
is named, of k8s.io/apimachinery/pkg/apis/meta/v1/validation (meta), or of the kubelet in pkg/kubelet/kuberuntime.
"""

from __future__ import annotations

from collections import defaultdict

from constructs_st2.checks.api.rules import (
    access,
    admission,
    clusters,
    containers,
    data,
    networks,
    pods,
    resources,
    volumes,
    workloads,
)
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.structure import REPEATED, ROOTS, STRUCTURE
from constructs_st2.checks.api.walk import LIST, ONE, Known, Type

__all__ = ["COMPILED", "FIELDS", "ROOTS", "WHOLES"]

FIELDS: tuple[Field, ...] = (
    *pods.FIELDS,
    *containers.FIELDS,
    *resources.FIELDS,
    *volumes.FIELDS,
    *networks.FIELDS,
    *workloads.FIELDS,
    *access.FIELDS,
    *data.FIELDS,
    *admission.FIELDS,
    *clusters.FIELDS,
)

WHOLES: tuple[Whole, ...] = (
    *pods.WHOLES,
    *containers.WHOLES,
    *resources.WHOLES,
    *volumes.WHOLES,
    *networks.WHOLES,
    *workloads.WHOLES,
    *access.WHOLES,
    *data.WHOLES,
    *admission.WHOLES,
    *clusters.WHOLES,
)


def _compiled() -> dict[str, Type]:
    """All that is known of each type."""
    types: dict[str, Type] = defaultdict(Type)
    types.update((name, Type(repeats=True)) for name in REPEATED)
    for owner, children in STRUCTURE.items():
        for name, child in children.items():
            many = LIST if child.endswith(LIST) else ONE
            types[owner].fields[name] = Known([], [], types[child.removesuffix(many)], many)
    for field in FIELDS:
        for owner in field.types.split():
            _known(types[owner], field.field).forms.append(field.form)
    for whole in WHOLES:
        judge = whole.judge
        for owner in whole.types.split():
            judges = _known(types[owner], judge.given).judges if judge.given else types[owner].judges
            judges.append(judge.faults)
    return dict(types)


def _known(owner: Type, name: str) -> Known:
    return owner.fields.setdefault(name, Known([], []))


COMPILED = _compiled()
"""The types by their names."""

"""Matching labels against selectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from constructs_st2.checks.data import mapping, mappings, strings
from constructs_st2.kube.documents import Document


class Selector(NamedTuple):
    """Which labels a pod must have."""

    equal: Mapping[str, str]
    expressions: tuple[Document, ...] = ()

    @staticmethod
    def of(selector: object) -> Selector:
        """A LabelSelector, as in a Deployment or a PodDisruptionBudget."""
        fields = mapping(selector)
        return Selector(_texts(fields.get("matchLabels")), tuple(mappings(fields.get("matchExpressions"))))

    @staticmethod
    def of_service(selector: object) -> Selector:
        """The plain labels in the selector of a Service."""
        return Selector(_texts(selector))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return not self.equal and not self.expressions

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all labels that it looks at."""
        return frozenset([*self.equal, *(str(expression.get("key")) for expression in self.expressions)])

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels are as the selector wants them."""
        return self.equal.items() <= labels.items() and all(_holds(e, labels) for e in self.expressions)

    def __str__(self) -> str:
        parts = [f"{key}={value}" for key, value in self.equal.items()]
        parts += [f"{e.get('key')} {e.get('operator')} {strings(e.get('values'))}" for e in self.expressions]
        return ",".join(parts) or "everything"


def _texts(labels: object) -> dict[str, str]:
    return {key: value for key, value in mapping(labels).items() if isinstance(key, str) and isinstance(value, str)}


def _holds(expression: Document, labels: Mapping[str, str]) -> bool:
    value = labels.get(str(expression.get("key")))
    match expression.get("operator"):
        case "In":
            return value in strings(expression.get("values"))
        case "NotIn":
            return value not in strings(expression.get("values"))
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False

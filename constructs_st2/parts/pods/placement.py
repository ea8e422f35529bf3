"""How pods keep apart: in different zones and on different hosts."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import HOST_LABEL, ZONE_LABEL
from constructs_st2.values.model.pods import Pods


def spread_constraints(settings: Pods, selector: Mapping[str, str], *, revision: str | None = None) -> list[Document]:
    """How pods keep apart: as the user says, or else in different zones and on different hosts where that is possible.

    Args:
        settings: what the user says of the pods.
        selector: the labels of the pods.
        revision: the label that tells pods of one revision from those of the one before, where a rollout makes new
            ones beside the old ones, which must not count as neighbours then.
    """
    if settings.topology_spread is not None:
        return [{"labelSelector": {"matchLabels": {**selector}}, **each} for each in settings.topology_spread]
    if settings.least_replicas < 2:
        return []
    of_revision = {"matchLabelKeys": [revision]} if revision else {}
    return [{**spread_over(key, {"matchLabels": {**selector}}), **of_revision} for key in (ZONE_LABEL, HOST_LABEL)]


def spread_over(topology_key: str, label_selector: Document) -> Document:
    """A constraint by which pods with some labels go to different hosts, or zones, where that is possible."""
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": label_selector,
    }


def preferably_apart(label_selector: Document) -> Document:
    """An affinity by which a pod keeps away from hosts that have pods with some labels, where that is possible."""
    term = {"labelSelector": label_selector, "topologyKey": HOST_LABEL}
    preferred = {"weight": 100, "podAffinityTerm": term}
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}

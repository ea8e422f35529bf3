"""The optional parts of a cluster: one entry each, and one folder each beside this file.

All that goes through the parts (the tiers, the table of flows, the checks of values, references) goes through this
list. A part that is off is not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import NamedTuple

from constructs_st2.errors import ValueProblem
from constructs_st2.facts import components as names
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.release import Release
from constructs_st2.kube.documents import Document
from constructs_st2.parts.alerts import Alert
from constructs_st2.parts.flows import Component, Flow, Table
from constructs_st2.values.model import Values


def _none(*_: object) -> tuple[()]:
    return ()


class PartHooks(NamedTuple):
    """What an optional part does; its package offers one as ``PART``.

    ``documents`` are its objects, for which it may ask the table of flows. ``components`` are its pods, and ``flows``
    whom they talk to. ``problems`` is what cannot be honoured about its values. ``services`` are those of others that
    it leads to: name to ports. ``alerts`` are what it lets somebody be told, by group.
    """

    documents: Callable[[Cluster, Table], Iterable[Document]]
    components: Callable[[Cluster], Iterable[Component]] = _none
    flows: Callable[[Cluster], Iterable[Flow]] = _none
    problems: Callable[[Values, Release], Iterable[ValueProblem]] = _none
    services: Callable[[Cluster], Mapping[str, frozenset[int]]] = lambda _: {}
    alerts: Mapping[str, tuple[Alert, ...]] = {}


class OptionalPart(NamedTuple):
    """An optional part, before it is imported.

    Args:
        package: its folder.
        tier: the tier that its objects belong to.
        is_on: whether a cluster has it.
        components: how its pods can be called.
        concerns: whether there is something to check about its values. Default: where it is on.
    """

    package: str
    tier: str
    is_on: Callable[[Values], bool]
    components: tuple[str, ...] = ()
    concerns: Callable[[Values], bool] | None = None

    def load(self) -> PartHooks:
        """What it does."""
        part: PartHooks = import_module(f"{__package__}.{self.package}").PART
        return part


OPTIONAL_PARTS: tuple[OptionalPart, ...] = (
    OptionalPart("internal_tls", "secrets", lambda values: values.tls.internal.cert_manager.enabled),
    OptionalPart("registry", "packs", lambda values: values.docker_registry.enabled, (names.DOCKER_REGISTRY,)),
    OptionalPart(
        "exposure",
        "exposure",
        lambda values: values.ingress.enabled or values.gateway.enabled,
        concerns=lambda values: (
            values.ingress.enabled or values.gateway.enabled or values.st2web.tls.cert_manager is not None
        ),
    ),
    OptionalPart(
        "network_policy",
        "operations",
        lambda values: values.network_policy.enabled,
        concerns=lambda values: bool(values.network_policy.model_fields_set),
    ),
    OptionalPart(
        "autoscaling",
        "operations",
        lambda values: values.has_autoscalers,
        concerns=lambda values: values.has_autoscalers or values.autoscaling.existing_secret is not None,
    ),
    OptionalPart("monitoring", "operations", lambda values: values.monitoring.enabled, (names.STATSD_EXPORTER,)),
    OptionalPart("execution_watch", "operations", lambda values: values.watches_executions, (names.EXECUTION_WATCH,)),
    OptionalPart(
        "backup",
        "backup",
        # Where backups only lie, there are none to make, but some to restore.
        lambda values: values.backup.enabled or values.backup.destination is not None,
        (names.BACKUP, names.RESTORE),
        concerns=lambda values: values.backup.enabled,
    ),
)
"""The parts, in the order of their objects within a tier."""


def parts_of(values: Values, tier: str | None = None) -> Iterator[PartHooks]:
    """The optional parts that a cluster has: all of them, or those of a tier."""
    return (part.load() for part in OPTIONAL_PARTS if tier in (None, part.tier) and part.is_on(values))


def problems(values: Values, release: Release) -> Iterator[ValueProblem]:
    """What cannot be honoured about the values of optional parts."""
    for part in OPTIONAL_PARTS:
        if (part.concerns or part.is_on)(values):
            yield from part.load().problems(values, release)

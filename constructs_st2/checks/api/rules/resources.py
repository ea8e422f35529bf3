"""What containers and pods ask for and may use."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from constructs_st2.checks.api import forms, judges
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mapping, mappings
from constructs_st2.kube.documents import Document
from constructs_st2.kube.quantity import parsed

_OF_CONTAINERS = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE = "hugepages-"


@Judge
def resources(node: Document) -> Faults:
    """What containers ask for exists, and is not more than they may use."""
    requests, limits = mapping(node.get("requests")), mapping(node.get("limits"))
    for kind, amounts in (("requests", requests), ("limits", limits)):
        for name, amount in amounts.items():
            if name in _OF_CONTAINERS:
                message = forms.quantity(amount)
            else:
                message = _resource_name(str(name)) or forms.quantity(amount) or _whole(str(name), amount)
            if message:
                yield (kind, name), message
    for name, request in requests.items():
        limit = limits.get(name)
        if name not in _OF_CONTAINERS and _is_all_or_nothing(str(name)):
            if limit is None:
                yield ("requests", name), "needs a limit of the same amount"
            elif parsed(limit) != parsed(request):
                yield ("requests", name), f"is {request}; must be the limit, {limit}"
        elif limit is not None:
            wanted, most = parsed(request), parsed(limit)
            if wanted is not None and most is not None and wanted > most:
                yield ("requests", name), f"is {request}; must be at most the limit, {limit}"
    names = {*map(str, requests), *map(str, limits)}
    if not names <= _OF_CONTAINERS and any(name.startswith(_HUGE) for name in names) and not names & {"cpu", "memory"}:
        yield (), "has huge pages, which need cpu or memory beside them"


def _is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _is_all_or_nothing(name: str) -> bool:
    """Whether there cannot be more promised than there is."""
    return not _is_native(name) or name.startswith(_HUGE)


def _resource_name(name: str) -> str | None:
    if name in _OF_CONTAINERS:
        return None
    if message := forms.label_key(name):
        return message
    if "/" not in name:
        if name.startswith(_HUGE):
            return None
        return "is no resource of containers; those that are not Kubernetes' own have a domain: example.org/name"
    if not _is_native(name) and (name.startswith("requests.") or forms.label_key(f"requests.{name}")):
        return "is no valid name of a resource"
    return None


def _whole(name: str, amount: Any) -> str | None:
    if name in _OF_CONTAINERS:
        return None
    value = parsed(amount)
    if value is None:
        return None
    if name.startswith(_HUGE):
        size = parsed(name.removeprefix(_HUGE))
        return None if size and value % size == 0 else f"must be a multiple of its size, not {amount}"
    return None if _is_native(name) or value == value.to_integral_value() else f"must be a whole number, not {amount}"


_OF_PODS = frozenset({"cpu", "memory"})


@given("resources")
def resources_of_pod(node: Document) -> Faults:
    """What all containers of a pod may use together is enough for each, and for what they ask for."""
    limits, requests = (mapping(at(node, "resources", kind)) for kind in ("limits", "requests"))
    containers = mappings(node.get("containers"))
    for kind, amounts in (("limits", limits), ("requests", requests)):
        for name in amounts:
            if name not in _OF_PODS and not str(name).startswith(_HUGE):
                yield ("resources", kind, name), f"is no resource of pods, which are {', '.join(sorted(_OF_PODS))}"
    for name in sorted(_OF_PODS & limits.keys()):
        most = parsed(limits[name])
        for position, container in enumerate(containers):
            own = parsed(at(container, "resources", "limits", name))
            if own is not None and most is not None and own > most:
                path = ("containers", position, "resources", "limits", name)
                yield path, f"must be at most the limit of the pod, {limits[name]}"
    for name in sorted(_OF_PODS & requests.keys()):
        asked = [parsed(at(container, "resources", "requests", name)) for container in containers]
        whole, wanted = parsed(requests[name]), sum(amount for amount in asked if amount is not None)
        if whole is not None and wanted > whole:
            yield ("resources", "requests", name), f"is {requests[name]}; must be at least that of all containers"


_OF_QUOTAS = frozenset(
    {
        *(f"{kind}{name}" for kind in ("", "limits.", "requests.") for name in _OF_CONTAINERS),
        *("configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "requests.storage"),
        *("resourcequotas", "secrets", "services", "services.loadbalancers", "services.nodeports"),
    }
)


@given("hard")
def quota(node: Document) -> Faults:
    """What a namespace may have exists."""
    for name, amount in mapping(node.get("hard")).items():
        path = ("hard", str(name))
        if message := forms.label_key(name) or forms.quantity(amount):
            yield path, message
        elif "/" not in name and name not in _OF_QUOTAS and not name.removeprefix("requests.").startswith(_HUGE):
            yield path, "is nothing that a quota counts; what is not Kubernetes' own has a domain: example.org/name"


_OF_RANGES = ("Container", "PersistentVolumeClaim", "Pod")
_ORDER = ("min", "defaultRequest", "default", "max")


@Judge
def limit_range(node: Document) -> Faults:
    """The defaults of a range lie within it, and are there for containers alone."""
    kind = node.get("type")
    if isinstance(kind, str) and kind not in _OF_RANGES and "/" not in kind:
        yield "type", f"must be one of {', '.join(_OF_RANGES)}, not {kind}"
    for bound in (*_ORDER, "maxLimitRequestRatio"):
        for name in mapping(node.get(bound)):
            if "/" not in str(name) and name not in _OF_CONTAINERS | {"storage"} and not str(name).startswith(_HUGE):
                yield (bound, str(name)), "is no resource; what is not Kubernetes' own has a domain: example.org/name"
    if node.get("type") == "Pod":
        for field in ("default", "defaultRequest"):
            if node.get(field):
                yield field, "cannot be used with type: Pod"
        return
    for low, high in combinations(_ORDER, 2):
        for name, least in mapping(node.get(low)).items():
            first, second = parsed(least), parsed(at(node, high, str(name)))
            if first is not None and second is not None and first > second:
                yield (low, str(name)), f"is {least}; must be at most {high}, {node[high][name]}"


FIELDS: tuple[Field, ...] = (
    Field(
        "ResourceQuotaSpec",
        "scopes",
        forms.every(
            forms.one_of(
                "BestEffort",
                "CrossNamespacePodAffinity",
                "NotBestEffort",
                "NotTerminating",
                "PriorityClass",
                "Terminating",
                "VolumeAttributesClass",
            )
        ),
        "validateResourceQuotaScopes",
    ),
)

WHOLES: tuple[Whole, ...] = (
    Whole("PodSpec", resources_of_pod, "validatePodResources"),
    Whole("PodResources", resources, "validateResourceRequirements"),
    Whole("ResourceRequirements", resources, "validateResourceRequirements"),
    Whole("ResourceQuotaSpec", quota, "ValidateResourceQuotaSpec"),
    Whole("LimitRangeItem", judges.required("type"), "ValidateLimitRange"),
    Whole("LimitRangeItem", limit_range, "ValidateLimitRange"),
)

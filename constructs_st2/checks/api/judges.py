"""What looks at several fields of a type together.

Each function yields the field, or the path to it, and what is wrong there. Any field may be of any kind.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from constructs_st2.checks.api import forms
from constructs_st2.checks.api.walk import Below, Judge
from constructs_st2.checks.data import at, mapping, mappings, strings
from constructs_st2.kube.documents import Document
from constructs_st2.kube.quantity import parsed

Faults = Iterator[tuple[Below, str]]


def required(*fields: str) -> Judge:
    """Fields without which there is nothing."""

    def judge(node: Document) -> Faults:
        for field in fields:
            if node.get(field) in (None, "", [], {}):
                yield field, "is required"

    return judge


def not_empty(field: str) -> Judge:
    """A list that has a default, and items where it is given."""

    def judge(node: Document) -> Faults:
        if node.get(field) == []:
            yield field, "must not be empty"

    return judge


def present(*fields: str) -> Judge:
    """Fields that must be there, empty or not."""

    def judge(node: Document) -> Faults:
        for field in fields:
            if node.get(field) is None:
                yield field, "is required"

    return judge


def exactly_one(*fields: str) -> Judge:
    """Fields of which there must be one, and no other."""

    def judge(node: Document) -> Faults:
        found = [field for field in fields if node.get(field) is not None]
        if not found:
            yield (), f"must have one of {', '.join(fields)}"
        for field in found[1:]:
            yield field, f"cannot be used together with {found[0]}; remove one of them"

    return judge


def not_both(first: str, second: str) -> Judge:
    """Two fields that exclude each other."""

    def judge(node: Document) -> Faults:
        if node.get(first) not in (None, "") and node.get(second) not in (None, ""):
            yield second, f"cannot be used together with {first}; remove one of them"

    return judge


def only_with(field: str, other: str, *values: object, default: object = None) -> Judge:
    """A field that is for some values of another one."""
    wanted = " or ".join(map(str, values))

    def judge(node: Document) -> Faults:
        if node.get(field) not in (None, "") and node.get(other, default) not in values:
            yield field, f"can only be used with {other}: {wanted}"

    return judge


def unique(lists: str, *keys: str, defaults: Sequence[Hashable] = ()) -> Judge:
    """A list whose items differ in some fields."""
    filled = (*defaults, *(None for _ in keys))

    def judge(node: Document) -> Faults:
        seen: set[Hashable] = set()
        for position, item in enumerate(mappings(node.get(lists))):
            values = [item.get(key, filled[number]) for number, key in enumerate(keys)]
            if values[0] is None or not all(isinstance(value, Hashable) for value in values):
                continue
            if tuple(values) in seen:
                yield (lists, position, keys[0]), f"{_listed(values)} is there twice"
            seen.add(tuple(values))

    return judge


def _listed(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values if value is not None)


# --- labels and selectors


def requirement(node: Document) -> Faults:
    """An expression of a selector has values where its operator needs some."""
    yield from _values_of(node, ("In", "NotIn"), ("Exists", "DoesNotExist"))


def node_requirement(node: Document) -> Faults:
    """An expression about nodes has values where its operator needs some."""
    if node.get("operator") in ("Gt", "Lt"):
        if len(strings(node.get("values"))) != 1:
            yield "values", f"must be one value with operator {node['operator']}"
    else:
        yield from _values_of(node, ("In", "NotIn"), ("Exists", "DoesNotExist"))


def _values_of(node: Document, several: tuple[str, ...], none: tuple[str, ...]) -> Faults:
    operator = node.get("operator")
    if operator in several and not node.get("values"):
        yield "values", f"is required with operator {operator}"
    if operator in none and node.get("values"):
        yield "values", f"must be empty with operator {operator}"


def field_requirement(node: Document) -> Faults:
    """An expression about fields of nodes names one node."""
    if len(strings(node.get("values"))) != 1:
        yield "values", "must be one value"


def label_keys(*fields: str) -> Judge:
    """Keys of labels whose values a selector takes from the pod itself."""

    def judge(node: Document) -> Faults:
        selector = node.get("labelSelector")
        own = [*mapping(at(node, "labelSelector", "matchLabels"))]
        own += [str(each.get("key")) for each in mappings(at(node, "labelSelector", "matchExpressions"))]
        for field in fields:
            keys = strings(node.get(field))
            if keys and selector is None:
                yield field, "can only be used with a labelSelector"
            for position, key in enumerate(keys):
                if message := forms.label_key(key):
                    yield (field, position), message
        for position, key in enumerate(strings(node.get("matchLabelKeys"))):
            if key in own:
                yield ("matchLabelKeys", position), f"{key} is in labelSelector, too; remove one of them"
            if key in strings(node.get("mismatchLabelKeys")):
                yield ("matchLabelKeys", position), f"{key} is in mismatchLabelKeys, too; remove one of them"

    return judge


# --- pods


def toleration(node: Document) -> Faults:
    """A toleration says one thing."""
    operator = node.get("operator") or "Equal"
    if not node.get("key") and operator != "Exists":
        yield "operator", "must be Exists without a key"
    if node.get("tolerationSeconds") is not None and node.get("effect") != "NoExecute":
        yield "tolerationSeconds", "can only be used with effect: NoExecute"
    if operator == "Exists" and node.get("value"):
        yield "value", "must be empty with operator Exists"
    if operator == "Equal" and (message := forms.label_value(node.get("value") or "")):
        yield "value", message


def dns(node: Document) -> Faults:
    """A pod that is told no name servers by its policy is told some."""
    if node.get("dnsPolicy") == "None" and not at(node, "dnsConfig", "nameservers"):
        yield "dnsPolicy", "None needs dnsConfig.nameservers"


def spread(node: Document) -> Faults:
    """Constraints of one kind are there once."""
    seen: set[Hashable] = set()
    for position, constraint in enumerate(mappings(node.get("topologySpreadConstraints"))):
        kind = str(constraint.get("topologyKey")), str(constraint.get("whenUnsatisfiable"))
        if kind in seen:
            message = f"there is another constraint for {kind[0]} with {kind[1]}; remove one of them"
            yield ("topologySpreadConstraints", position), message
        seen.add(kind)


def host_ports(node: Document) -> Faults:
    """Containers that run together do not want the same port of the node, and have their own in its network."""
    seen: set[Hashable] = set()
    for position, container in enumerate(mappings(node.get("containers"))):
        for number, port in enumerate(mappings(container.get("ports"))):
            own, wanted = port.get("containerPort"), port.get("hostPort")
            path = ("containers", position, "ports", number, "hostPort")
            if node.get("hostNetwork") and wanted and wanted != own:
                yield path, f"must be containerPort, {own}, with hostNetwork"
            if isinstance(wanted, int) and wanted:
                key = (wanted, str(port.get("protocol", "TCP")), str(port.get("hostIP", "")))
                if key in seen:
                    yield path, f"{wanted} is wanted twice in this pod"
                seen.add(key)


DEFAULT_GRACE = 30
"""Seconds that Kubernetes gives a pod to stop that says nothing."""


def sleeps(node: Document) -> Faults:
    """Hooks do not sleep longer than the pod has to stop."""
    given = node.get("terminationGracePeriodSeconds")
    grace = given if isinstance(given, int) else DEFAULT_GRACE
    for kind in ("initContainers", "containers"):
        for position, container in enumerate(mappings(node.get(kind))):
            for name, hook in mapping(container.get("lifecycle")).items():
                seconds = at(mapping(hook), "sleep", "seconds")
                if isinstance(seconds, int) and not 0 <= seconds <= grace:
                    path = (kind, position, "lifecycle", name, "sleep", "seconds")
                    yield path, f"must be between 0 and terminationGracePeriodSeconds, {grace}, not {seconds}"


def host_users(node: Document) -> Faults:
    """What needs user namespaces has them, and what they cannot be used with is not there."""
    if node.get("hostUsers") is False:
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if node.get(field):
                yield field, "cannot be used together with hostUsers: false"
    else:
        for kind in ("initContainers", "containers"):
            for position, container in enumerate(mappings(node.get(kind))):
                if at(container, "securityContext", "procMount") == "Unmasked":
                    yield (kind, position, "securityContext", "procMount"), "Unmasked needs hostUsers: false"


def sysctls_of_host(node: Document) -> Faults:
    """Kernel parameters of a namespace are not set in that of the node."""
    for field, prefixes in (("hostNetwork", ("net.", "net/")), ("hostIPC", ("kernel.shm", "kernel.msg", "fs.mqueue."))):
        for position, sysctl in enumerate(mappings(at(node, "securityContext", "sysctls")) if node.get(field) else ()):
            if str(sysctl.get("name")).startswith(prefixes):
                yield ("securityContext", "sysctls", position, "name"), f"cannot be used together with {field}"


def name_of_host(node: Document) -> Faults:
    """A pod has one name."""
    if node.get("setHostnameAsFQDN") and node.get("hostnameOverride"):
        yield "hostnameOverride", "cannot be used together with setHostnameAsFQDN"


def root(node: Document) -> Faults:
    """Nobody is told to be root and not to be."""
    whole = mapping(node.get("securityContext"))
    for kind in ("initContainers", "containers"):
        for position, container in enumerate(mappings(node.get(kind))):
            own = mapping(container.get("securityContext"))
            if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is True:
                if own.get("runAsUser") == 0:
                    yield (kind, position, "securityContext", "runAsUser"), _ROOT
                elif "runAsUser" not in own and whole.get("runAsUser") == 0:
                    yield ("securityContext", "runAsUser"), _ROOT


_ROOT = "is 0, which is root; with runAsNonRoot: true the container would not be started"

# --- containers


def runs_to_its_end(node: Document) -> Faults:
    """An init container has neither hooks nor probes, unless it runs beside the others."""
    if node.get("restartPolicy") == "Always":
        return
    for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if node.get(field) is not None:
            yield field, "can only be used in an init container with restartPolicy: Always"
    for position, policy in enumerate(mappings(node.get("resizePolicy"))):
        if policy.get("restartPolicy") == "RestartContainer":
            message = "RestartContainer can only be used in an init container with restartPolicy: Always"
            yield ("resizePolicy", position, "restartPolicy"), message


def mount_propagation(node: Document) -> Faults:
    """Only privileged containers let their mounts be seen outside."""
    if at(node, "securityContext", "privileged") is not True:
        for position, mount in enumerate(mappings(node.get("volumeMounts"))):
            if mount.get("mountPropagation") == "Bidirectional":
                yield ("volumeMounts", position, "mountPropagation"), "Bidirectional is for privileged containers"


def recursive_read_only(node: Document) -> Faults:
    """Mounts are read-only at every depth only where they are read-only."""
    if node.get("recursiveReadOnly") in ("Enabled", "IfPossible"):
        if node.get("readOnly") is not True:
            yield "recursiveReadOnly", "can only be used with readOnly: true"
        if node.get("mountPropagation") not in (None, "None"):
            yield "recursiveReadOnly", "cannot be used together with mountPropagation"


def devices(node: Document) -> Faults:
    """A volume is mounted or given as a device, not both."""
    names = {str(mount.get("name")) for mount in mappings(node.get("volumeMounts"))}
    paths = {str(mount.get("mountPath")) for mount in mappings(node.get("volumeMounts"))}
    for position, device in enumerate(mappings(node.get("volumeDevices"))):
        for field, taken in (("name", names), ("devicePath", paths)):
            if device.get(field) in taken:
                yield ("volumeDevices", position, field), f"{device[field]} is in volumeMounts, too"


def source_of_variable(node: Document) -> Faults:
    """A variable has one value."""
    if node.get("valueFrom") is not None and node.get("value"):
        yield "valueFrom", "cannot be used together with value; remove one of them"


_FIELDS_OF_POD = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    }
)
_FIELDS_IN_FILES = frozenset(
    {"metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"}
)
FIELDS_AS_VARIABLES, FIELDS_AS_FILES = _FIELDS_OF_POD, _FIELDS_IN_FILES


def field_path(known: frozenset[str]) -> Judge:
    """A field of a pod that its containers may know."""

    def judge(node: Document) -> Faults:
        path = node.get("fieldPath")
        if not isinstance(path, str) or path in known:
            return
        name, bracket, subscript = path.partition("['")
        if not bracket or not subscript.endswith("']"):
            yield "fieldPath", f"{path} cannot be read; possible are: {', '.join(sorted(known))}"
        elif name not in ("metadata.labels", "metadata.annotations"):
            yield "fieldPath", f"{name} has no keys; metadata.labels and metadata.annotations have"
        elif message := forms.label_key(subscript[:-2].lower() if name == "metadata.annotations" else subscript[:-2]):
            yield "fieldPath", message

    return judge


_RESOURCES = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
_CPU_DIVISORS = ("0", "1", "1m")
_DIVISORS = ("0", "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")


def resource_field(node: Document) -> Faults:
    """A resource of a container that its programs may know, in whole units."""
    resource, divisor = node.get("resource"), str(node.get("divisor", "0"))
    if not isinstance(resource, str):
        return
    if resource not in _RESOURCES and not resource.startswith(("limits.hugepages-", "requests.hugepages-")):
        yield "resource", f"{resource} cannot be read; possible are: {', '.join(_RESOURCES)}"
        return
    possible = _CPU_DIVISORS if resource.endswith(".cpu") else _DIVISORS
    if parsed(divisor) not in [parsed(each) for each in possible]:
        yield "divisor", f"must be one of {', '.join(possible[1:])}, not {divisor}"


# --- resources

_OF_CONTAINERS = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE = "hugepages-"


def resources(node: Document) -> Faults:
    """What containers ask for exists, and is not more than they may use."""
    requests, limits = mapping(node.get("requests")), mapping(node.get("limits"))
    for kind, amounts in (("requests", requests), ("limits", limits)):
        for name, amount in amounts.items():
            if message := _resource_name(str(name)) or forms.quantity(amount) or _whole(str(name), amount):
                yield (kind, name), message
    for name, request in requests.items():
        limit, wanted = limits.get(name), parsed(request)
        if _is_all_or_nothing(str(name)):
            if limit is None:
                yield ("requests", name), "needs a limit of the same amount"
            elif parsed(limit) != wanted:
                yield ("requests", name), f"is {request}; must be the limit, {limit}"
        elif limit is not None:
            most = parsed(limit)
            if wanted is not None and most is not None and wanted > most:
                yield ("requests", name), f"is {request}; must be at most the limit, {limit}"
    names = {*map(str, requests), *map(str, limits)}
    if any(name.startswith(_HUGE) for name in names) and not names & {"cpu", "memory"}:
        yield (), "has huge pages, which need cpu or memory beside them"


def _is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _is_all_or_nothing(name: str) -> bool:
    """Whether there cannot be more promised than there is."""
    return not _is_native(name) or name.startswith(_HUGE)


def _resource_name(name: str) -> str | None:
    if message := forms.label_key(name):
        return message
    if "/" not in name:
        if name in _OF_CONTAINERS or name.startswith(_HUGE):
            return None
        return "is no resource of containers; those that are not Kubernetes' own have a domain: example.org/name"
    if not _is_native(name) and (name.startswith("requests.") or forms.label_key(f"requests.{name}")):
        return "is no valid name of a resource"
    return None


def _whole(name: str, amount: Any) -> str | None:
    value = parsed(amount)
    if value is None:
        return None
    if name.startswith(_HUGE):
        size = parsed(name.removeprefix(_HUGE))
        return None if size and value % size == 0 else f"must be a multiple of its size, not {amount}"
    return None if _is_native(name) or value == value.to_integral_value() else f"must be a whole number, not {amount}"


_OF_PODS = frozenset({"cpu", "memory"})


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


# --- security


def escalation(node: Document) -> Faults:
    """A container that may do everything is not kept from doing more."""
    if node.get("allowPrivilegeEscalation") is False:
        if node.get("privileged") is True:
            yield "allowPrivilegeEscalation", "cannot be false with privileged: true"
        if "CAP_SYS_ADMIN" in strings(at(node, "capabilities", "add")):
            yield "allowPrivilegeEscalation", "cannot be false with the capability CAP_SYS_ADMIN"


def seccomp(node: Document) -> Faults:
    """A profile of the node has a name, and no other has one."""
    profile = node.get("localhostProfile")
    if node.get("type") == "Localhost":
        message = "is required with type: Localhost" if profile is None else forms.descending(profile)
        if message:
            yield "localhostProfile", message
    elif profile is not None:
        yield "localhostProfile", "can only be used with type: Localhost"


def app_armor(node: Document) -> Faults:
    """A profile of the node has a name, and no other has one."""
    profile = node.get("localhostProfile")
    if node.get("type") == "Localhost":
        if not isinstance(profile, str) or not profile.strip():
            yield "localhostProfile", "is required with type: Localhost"
        elif profile != profile.strip() or len(profile) > 4095:
            yield "localhostProfile", "must have no blanks around it, and at most 4095 characters"
    elif profile is not None:
        yield "localhostProfile", "can only be used with type: Localhost"


# --- volumes


def projected_paths(node: Document) -> Faults:
    """No two files of a volume have the same path."""
    seen: set[str] = set()
    for position, source in enumerate(mappings(node.get("sources"))):
        for kind in ("secret", "configMap", "downwardAPI"):
            for number, item in enumerate(mappings(at(source, kind, "items"))):
                path = str(item.get("path"))
                if path in seen:
                    yield ("sources", position, kind, "items", number, "path"), f"{path} is there twice"
                seen.add(path)


def fibre_channel(node: Document) -> Faults:
    """A volume of a storage network has a target, or an identifier."""
    if node.get("wwids") and node.get("targetWWNs"):
        yield "wwids", "cannot be used together with targetWWNs"
    elif not node.get("wwids") and not node.get("targetWWNs"):
        yield (), "must have one of targetWWNs, wwids"
    elif node.get("targetWWNs") and node.get("lun") is None:
        yield "lun", "is required with targetWWNs"


def claim_template(node: Document) -> Faults:
    """A claim that is made for a pod has the pod's name."""
    for field, value in mapping(node.get("metadata")).items():
        if field not in ("annotations", "labels") and value is not None:
            yield ("metadata", field), "cannot be set: claims of pods are named after them"


def data_source(node: Document) -> Faults:
    """What a volume is filled from: another claim, or an object of a kind that is not Kubernetes' own."""
    if not node.get("apiGroup") and node.get("kind") not in (None, "", "PersistentVolumeClaim"):
        yield "kind", f"must be PersistentVolumeClaim without apiGroup, not {node['kind']}"


def data_sources(node: Document) -> Faults:
    """A volume is filled from one source."""
    first, second = node.get("dataSource"), node.get("dataSourceRef")
    if None not in (first, second) and first != second:
        yield "dataSourceRef", "must be dataSource, or left out"


def access_modes(node: Document) -> Faults:
    """A volume that one pod alone may use is used in no other way."""
    modes = strings(node.get("accessModes"))
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        yield "accessModes", "ReadWriteOncePod cannot be used together with others"


def claim(node: Document) -> Faults:
    """A claim asks for some storage."""
    storage = at(node, "resources", "requests", "storage")
    message = "is required" if storage is None else forms.more_than_none(storage)
    if message:
        yield ("resources", "requests", "storage"), message
    limit = parsed(at(node, "resources", "limits", "storage"))
    wanted = parsed(storage)
    if limit is not None and wanted is not None and wanted > limit:
        yield ("resources", "requests", "storage"), f"is {storage}; must be at most the limit, {limit}"


# --- Services


def is_headless(node: Document) -> bool:
    """Whether a Service is only a name."""
    return node.get("clusterIP") == "None"


def service(node: Document) -> Faults:
    """The fields of a Service are for its type."""
    kind = node.get("type") or "ClusterIP"
    if kind == "ExternalName":
        name = node.get("externalName")
        if not name:
            yield "type", "ExternalName needs externalName, the name of a host"
        elif message := forms.external_name(name):
            yield "externalName", message
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if node.get(field):
                yield field, "cannot be used with type: ExternalName"
    elif not node.get("ports") and not is_headless(node):
        yield "ports", "is required"
    if is_headless(node) and kind in ("LoadBalancer", "NodePort"):
        yield "clusterIP", f"cannot be None with type: {kind}"
    if kind not in ("LoadBalancer", "NodePort"):
        if node.get("externalTrafficPolicy") and not node.get("externalIPs"):
            yield "externalTrafficPolicy", "can only be used with type: LoadBalancer or NodePort"
        for position, port in enumerate(mappings(node.get("ports"))):
            if port.get("nodePort") and kind == "ClusterIP":
                yield ("ports", position, "nodePort"), "can only be used with type: LoadBalancer or NodePort"
    if node.get("healthCheckNodePort") and (kind, node.get("externalTrafficPolicy")) != ("LoadBalancer", "Local"):
        yield "healthCheckNodePort", "can only be used with type: LoadBalancer and externalTrafficPolicy: Local"


def session_affinity(node: Document) -> Faults:
    """Clients stay with a pod for some time, a day at most."""
    seconds = at(node, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
    if node.get("sessionAffinity") == "ClientIP" and seconds is not None and (message := forms.of_a_day(seconds)):
        yield ("sessionAffinityConfig", "clientIP", "timeoutSeconds"), message


def cluster_addresses(node: Document) -> Faults:
    """Addresses of a Service within the cluster."""
    first, several = node.get("clusterIP"), strings(node.get("clusterIPs"))
    if several and first != several[0]:
        yield "clusterIPs", "must begin with clusterIP"
    for path, value in ((("clusterIP",), first), *((("clusterIPs", n), value) for n, value in enumerate(several))):
        if value not in (None, "", "None") and (message := forms.address(value)):
            yield path, message
    families = strings(node.get("ipFamilies"))
    if len(families) != len(set(families)):
        yield "ipFamilies", "must not name a family twice"


_RESERVED = (("unspecified", "is_unspecified"), ("loopback", "is_loopback"), ("link-local", "is_link_local"))


def external_addresses(node: Document) -> Faults:
    """Addresses of a Service outside of the cluster can be reached from there."""
    from ipaddress import ip_address

    for position, value in enumerate(strings(node.get("externalIPs"))):
        if message := forms.address(value):
            yield ("externalIPs", position), message
            continue
        for name, is_so in (*_RESERVED, ("multicast", "is_multicast")):
            if getattr(ip_address(value), is_so):
                yield ("externalIPs", position), f"{value} is a {name} address"


# --- Ingress and network policies

_NOT_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_ENDS = ("/..", "/.")


def http_path(node: Document) -> Faults:
    """A path of an Ingress is absolute, and in its shortest form."""
    path, kind = node.get("path"), node.get("pathType")
    if kind is None:
        yield "pathType", "is required"
        return
    if not path and kind == "ImplementationSpecific":
        return
    if not isinstance(path, str) or not path.startswith("/"):
        yield "path", f"must be an absolute path, not {path!r}"
        return
    if kind in ("Exact", "Prefix"):
        for part in _NOT_IN_PATHS:
            if part in path:
                yield "path", f'"{path}" must not contain "{part}"'
        for part in _NOT_AT_ENDS:
            if path.endswith(part):
                yield "path", f'"{path}" must not end in "{part}"'


def ingress(node: Document) -> Faults:
    """An Ingress leads somewhere."""
    if not node.get("rules") and node.get("defaultBackend") is None:
        yield (), "must have one of rules, defaultBackend"


_CLASS = "kubernetes.io/ingress.class"


def ingress_class(node: Document) -> Faults:
    """An Ingress has one class."""
    old, new = at(node, "metadata", "annotations", _CLASS), at(node, "spec", "ingressClassName")
    if None not in (old, new) and old != new:
        yield ("metadata", "annotations", _CLASS), f"must be spec.ingressClassName, {new}, or left out"


def address_block(node: Document) -> Faults:
    """Exceptions lie within the range that they are taken from."""
    from ipaddress import ip_network

    if forms.cidr(node.get("cidr")):
        return
    whole = ip_network(node["cidr"])
    for position, value in enumerate(strings(node.get("except"))):
        if message := forms.cidr(value):
            yield ("except", position), message
            continue
        part = ip_network(value)
        if (
            part.version != whole.version or part.prefixlen <= whole.prefixlen or not whole.supernet_of(part)  # type: ignore[arg-type]
        ):
            yield ("except", position), f"{value} must be a part of {whole}, and not all of it"


def peer(node: Document) -> Faults:
    """A peer is a range of addresses or pods, not both."""
    found = [field for field in ("ipBlock", "namespaceSelector", "podSelector") if node.get(field) is not None]
    if not found:
        yield (), "must have one of ipBlock, namespaceSelector, podSelector"
    elif found[0] == "ipBlock" and len(found) > 1:
        yield "ipBlock", "cannot be used together with a selector; make two entries of it"


def port_range(node: Document) -> Faults:
    """A range of ports has two ends."""
    last, first = node.get("endPort"), node.get("port")
    if last is None:
        return
    if not isinstance(first, int):
        yield "endPort", "can only be used with a port that is a number"
    elif isinstance(last, int) and last < first:
        yield "endPort", f"must be at least port, {first}, not {last}"


# --- workloads and what scales them


def rolling_update(node: Document) -> Faults:
    """A rollout can go on."""
    if node.get("maxUnavailable") in (0, "0%") and node.get("maxSurge") in (0, "0%"):
        yield "maxUnavailable", "cannot be 0 when maxSurge is 0"


def deadline(node: Document) -> Faults:
    """A Deployment is not given up before its pods count as ready."""
    ready, limit = node.get("minReadySeconds") or 0, node.get("progressDeadlineSeconds")
    limit = 600 if limit is None else limit
    if isinstance(ready, int) and isinstance(limit, int) and limit <= ready:
        yield "progressDeadlineSeconds", f"is {limit}; must be more than minReadySeconds, {ready}"


def restart_policy(*policies: str, default: str = "Always") -> Judge:
    """Pods of a workload come back, or not."""

    def judge(node: Document) -> Faults:
        given = at(node, "template", "spec", "restartPolicy") or default
        if given not in policies:
            yield ("template", "spec", "restartPolicy"), f"must be {' or '.join(policies)}, not {given}"

    return judge


def indexed(node: Document) -> Faults:
    """What is said of the indexes of a Job is for one that has some."""
    if node.get("completionMode") == "Indexed":
        if node.get("completions") is None:
            yield "completions", "is required with completionMode: Indexed"
        return
    for field in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
        if node.get(field) is not None:
            yield field, "can only be used with completionMode: Indexed"


def template_without(field: str) -> Judge:
    """A field that pods have, but not those of a workload."""

    def judge(node: Document) -> Faults:
        if at(node, "template", "spec", field):
            yield ("template", "spec", field), "cannot be set for pods of this kind of workload"

    return judge


def failure_policy(node: Document) -> Faults:
    """Pods whose failures are looked at do not start anew by themselves."""
    if node.get("podFailurePolicy") is not None and at(node, "template", "spec", "restartPolicy") != "Never":
        yield ("template", "spec", "restartPolicy"), "must be Never with podFailurePolicy"


def replicas(node: Document) -> Faults:
    """An autoscaler has a range."""
    least, greatest = node.get("minReplicas"), node.get("maxReplicas")
    if isinstance(least, int) and isinstance(greatest, int) and greatest < least:
        yield "maxReplicas", f"is {greatest}; must be at least minReplicas, {least}"


_METRICS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def metric(node: Document) -> Faults:
    """A metric is of one type."""
    expected = _METRICS.get(str(node.get("type")))
    for field in _METRICS.values():
        if (node.get(field) is None) == (field == expected):
            yield field, f"{'is required' if field == expected else 'cannot be used'} with type: {node.get('type')}"


_OF_QUOTAS = frozenset(
    {
        *(f"{kind}{name}" for kind in ("", "limits.", "requests.") for name in _OF_CONTAINERS),
        *("configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "requests.storage"),
        *("resourcequotas", "secrets", "services", "services.loadbalancers", "services.nodeports"),
    }
)


def quota(node: Document) -> Faults:
    """What a namespace may have exists."""
    for name, amount in mapping(node.get("hard")).items():
        path = ("hard", str(name))
        if message := forms.label_key(name) or forms.quantity(amount):
            yield path, message
        elif "/" not in name and name not in _OF_QUOTAS and not name.removeprefix("requests.").startswith(_HUGE):
            yield path, "is nothing that a quota counts; what is not Kubernetes' own has a domain: example.org/name"


_ORDER = ("min", "defaultRequest", "default", "max")


def limit_range(node: Document) -> Faults:
    """The defaults of a range lie within it, and are there for containers alone."""
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


def persistent_volume(node: Document) -> Faults:
    """A volume has room."""
    storage = at(node, "capacity", "storage")
    if message := "is required" if storage is None else forms.more_than_none(storage):
        yield ("capacity", "storage"), message


_FAMILIES = {"IPv4": 4, "IPv6": 6}


def endpoints(node: Document) -> Faults:
    """Endpoints have addresses of the type that is said of all."""
    from ipaddress import ip_address

    kind = str(node.get("addressType"))
    for position, endpoint in enumerate(mappings(node.get("endpoints"))):
        for number, value in enumerate(strings(endpoint.get("addresses"))):
            path = ("endpoints", position, "addresses", number)
            if kind == "FQDN":
                message = forms.dns_subdomain(value)
            else:
                message = forms.address(value)
                if message is None and ip_address(value).version != _FAMILIES.get(kind, 0):
                    message = f"must be an address of {kind}, not {value}"
            if message:
                yield path, message


# --- access


class _SubjectKind(NamedTuple):
    group: str
    namespaced: bool


_SUBJECTS = {
    "Group": _SubjectKind("rbac.authorization.k8s.io", namespaced=False),
    "ServiceAccount": _SubjectKind("", namespaced=True),
    "User": _SubjectKind("rbac.authorization.k8s.io", namespaced=False),
}


def subject(node: Document) -> Faults:
    """Who is meant."""
    known = _SUBJECTS.get(str(node.get("kind")))
    if known is None:
        yield "kind", f"must be one of {', '.join(_SUBJECTS)}, not {node.get('kind')}"
    elif "apiGroup" in node and node["apiGroup"] != known.group:
        yield "apiGroup", f'must be "{known.group}" with kind: {node["kind"]}'
    elif known.namespaced and (message := forms.dns_subdomain(node.get("name"))):
        yield "name", message


def namespaces_of_subjects(node: Document) -> Faults:
    """Accounts that are bound in the whole cluster have a namespace."""
    for position, each in enumerate(mappings(node.get("subjects"))):
        if each.get("kind") == "ServiceAccount" and not each.get("namespace"):
            yield ("subjects", position, "namespace"), "is required in a ClusterRoleBinding"


def policy_rule(node: Document) -> Faults:
    """What is allowed."""
    if not node.get("verbs"):
        yield "verbs", "is required"
    if node.get("nonResourceURLs"):
        for field in ("apiGroups", "resources", "resourceNames"):
            if node.get(field):
                yield field, "cannot be used together with nonResourceURLs"
        return
    for field in ("apiGroups", "resources"):
        if not node.get(field):
            yield field, "is required"


def namespaced_urls(node: Document) -> Faults:
    """Only the whole cluster has paths that are no resources."""
    for position, rule in enumerate(mappings(node.get("rules"))):
        if rule.get("nonResourceURLs"):
            yield ("rules", position, "nonResourceURLs"), "can only be used in a ClusterRole"


# --- data

_TYPED_SECRETS = {
    "kubernetes.io/basic-auth": (),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def typed_secret(node: Document) -> Faults:
    """A Secret of a type of Kubernetes has the keys of that type."""
    keys = {*mapping(node.get("data")), *mapping(node.get("stringData"))}
    kind = str(node.get("type"))
    for key in _TYPED_SECRETS.get(kind, ()):
        if key not in keys:
            yield ("data", key), f"is required with type: {kind}"
    if kind == "kubernetes.io/basic-auth" and not keys & {"username", "password"}:
        yield "data", f"must have username or password with type: {kind}"


def encoded(field: str) -> Judge:
    """Values that are in Base64."""

    def judge(node: Document) -> Faults:
        for key, value in mapping(node.get(field)).items():
            if isinstance(value, str) and (message := forms.base64_text(value)):
                yield (field, key), message

    return judge


def keys_once(*fields: str) -> Judge:
    """Keys that are in one of several fields only."""

    def judge(node: Document) -> Faults:
        for first, second in combinations(fields, 2):
            for key in sorted(mapping(node.get(first)).keys() & mapping(node.get(second)).keys()):
                yield (second, key), f"is in {first}, too; remove one of them"

    return judge


HIGHEST_PRIORITY = 1_000_000_000


def priority(node: Document) -> Faults:
    """Classes of Kubernetes itself come before all others."""
    if str(at(node, "metadata", "name")).startswith("system-"):
        yield ("metadata", "name"), "must not begin with system-, which is for Kubernetes itself"
    value = node.get("value")
    if isinstance(value, int) and value > HIGHEST_PRIORITY:
        yield "value", f"must be at most {HIGHEST_PRIORITY}, not {value}"

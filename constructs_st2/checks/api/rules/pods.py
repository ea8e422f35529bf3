"""Pods: where and how they run."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from constructs_st2.checks.api import forms, judges
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mapping, mappings, strings
from constructs_st2.kube.documents import Document

_EXPRESSIONS = "LabelSelectorRequirement NodeSelectorRequirement PreferredNodeSelectorRequirement"
_OF_NODES = "NodeSelectorRequirement PreferredNodeSelectorRequirement"
_CONTEXTS = "PodSecurityContext SecurityContext"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_HONOR = forms.one_of("Honor", "Ignore")


@Judge
def requirement(node: Document) -> Faults:
    """An expression of a selector has values where its operator needs some."""
    yield from _values_of(node, ("In", "NotIn"), ("Exists", "DoesNotExist"))


@Judge
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


@Judge
def field_requirement(node: Document) -> Faults:
    """An expression about fields of nodes names one node."""
    if len(strings(node.get("values"))) != 1:
        yield "values", "must be one value"


def _containers(pod: Document, having: str | None = None) -> Iterator[tuple[str, int, Document]]:
    """The containers of a pod, or those that have a field, each with the list that it is in and its position there."""
    for kind in ("initContainers", "containers"):
        for position, container in enumerate(mappings(pod.get(kind))):
            if having is None or having in container:
                yield kind, position, container


def label_keys(field: str) -> Judge:
    """Keys of labels whose values a selector takes from the pod itself."""

    @given(field)
    def judge(node: Document) -> Faults:
        keys = strings(node.get(field))
        if keys and node.get("labelSelector") is None:
            yield field, "can only be used with a labelSelector"
        for position, key in enumerate(keys):
            if message := forms.label_key(key):
                yield (field, position), message

    return judge


@given("matchLabelKeys")
def matched_once(node: Document) -> Faults:
    """A selector has one value for a key of a label."""
    own = [*mapping(at(node, "labelSelector", "matchLabels"))]
    own += [str(each.get("key")) for each in mappings(at(node, "labelSelector", "matchExpressions"))]
    for position, key in enumerate(strings(node.get("matchLabelKeys"))):
        if key in own:
            yield ("matchLabelKeys", position), f"{key} is in labelSelector, too; remove one of them"
        if key in strings(node.get("mismatchLabelKeys")):
            yield ("matchLabelKeys", position), f"{key} is in mismatchLabelKeys, too; remove one of them"


@Judge
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


@given("dnsPolicy")
def dns(node: Document) -> Faults:
    """A pod that is told no name servers by its policy is told some."""
    if node.get("dnsPolicy") == "None" and not at(node, "dnsConfig", "nameservers"):
        yield "dnsPolicy", "None needs dnsConfig.nameservers"


@given("topologySpreadConstraints")
def spread(node: Document) -> Faults:
    """Constraints of one kind are there once."""
    seen: set[Hashable] = set()
    for position, constraint in enumerate(mappings(node.get("topologySpreadConstraints"))):
        kind = str(constraint.get("topologyKey")), str(constraint.get("whenUnsatisfiable"))
        if kind in seen:
            message = f"there is another constraint for {kind[0]} with {kind[1]}; remove one of them"
            yield ("topologySpreadConstraints", position), message
        seen.add(kind)


@given("volumes")
def devices(node: Document) -> Faults:
    """Only volumes of claims can be given as devices."""
    wanted = [
        ((field, position, "volumeDevices", number, "name"), str(device.get("name")))
        for field, position, container in _containers(node, "volumeDevices")
        for number, device in enumerate(mappings(container.get("volumeDevices")))
    ]
    if wanted:
        volumes = mappings(node.get("volumes"))
        claims = {
            str(volume.get("name"))
            for volume in volumes
            if volume.get("persistentVolumeClaim") is not None or volume.get("ephemeral") is not None
        }
        others = {str(volume.get("name")) for volume in volumes} - claims
        for path, name in wanted:
            if name in others:
                yield path, f"{name} is no volume of a claim; only those can be given as devices"


@given("containers")
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


@Judge
def sleeps(node: Document) -> Faults:
    """Hooks do not sleep longer than the pod has to stop."""
    seconds_to_stop = node.get("terminationGracePeriodSeconds")
    grace = seconds_to_stop if isinstance(seconds_to_stop, int) else DEFAULT_GRACE
    for kind, position, container in _containers(node, "lifecycle"):
        for name, hook in mapping(container.get("lifecycle")).items():
            seconds = at(mapping(hook), "sleep", "seconds")
            if isinstance(seconds, int) and not 0 <= seconds <= grace:
                path = (kind, position, "lifecycle", name, "sleep", "seconds")
                yield path, f"must be between 0 and terminationGracePeriodSeconds, {grace}, not {seconds}"


@Judge
def host_users(node: Document) -> Faults:
    """What needs user namespaces has them, and what they cannot be used with is not there."""
    if node.get("hostUsers") is False:
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if node.get(field):
                yield field, "cannot be used together with hostUsers: false"
    else:
        for kind, position, container in _containers(node, "securityContext"):
            if mapping(container.get("securityContext")).get("procMount") == "Unmasked":
                yield (kind, position, "securityContext", "procMount"), "Unmasked needs hostUsers: false"


@given("securityContext")
def sysctls_of_host(node: Document) -> Faults:
    """Kernel parameters of a namespace are not set in that of the node."""
    for field, prefixes in (("hostNetwork", ("net.", "net/")), ("hostIPC", ("kernel.shm", "kernel.msg", "fs.mqueue."))):
        for position, sysctl in enumerate(mappings(at(node, "securityContext", "sysctls")) if node.get(field) else ()):
            if str(sysctl.get("name")).startswith(prefixes):
                yield ("securityContext", "sysctls", position, "name"), f"cannot be used together with {field}"


@given("hostnameOverride")
def name_of_host(node: Document) -> Faults:
    """A pod has one name."""
    if node.get("setHostnameAsFQDN") and node.get("hostnameOverride"):
        yield "hostnameOverride", "cannot be used together with setHostnameAsFQDN"


@Judge
def root(node: Document) -> Faults:
    """Nobody is told to be root and not to be."""
    whole = mapping(node.get("securityContext"))
    for kind, position, container in _containers(node):
        own = mapping(container.get("securityContext"))
        if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is True:
            if own.get("runAsUser") == 0:
                yield (kind, position, "securityContext", "runAsUser"), _ROOT
            elif "runAsUser" not in own and whole.get("runAsUser") == 0:
                yield ("securityContext", "runAsUser"), _ROOT


_ROOT = "is 0, which is root; with runAsNonRoot: true the container would not be started"


@given("allowPrivilegeEscalation")
def escalation(node: Document) -> Faults:
    """A container that may do everything is not kept from doing more."""
    if node.get("allowPrivilegeEscalation") is False:
        if node.get("privileged") is True:
            yield "allowPrivilegeEscalation", "cannot be false with privileged: true"
        if "CAP_SYS_ADMIN" in strings(at(node, "capabilities", "add")):
            yield "allowPrivilegeEscalation", "cannot be false with the capability CAP_SYS_ADMIN"


@Judge
def seccomp(node: Document) -> Faults:
    """A profile of the node has a name, and no other has one."""
    profile = node.get("localhostProfile")
    if node.get("type") == "Localhost":
        message = "is required with type: Localhost" if profile is None else forms.descending(profile)
        if message:
            yield "localhostProfile", message
    elif profile is not None:
        yield "localhostProfile", "can only be used with type: Localhost"


@Judge
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


FIELDS: tuple[Field, ...] = (
    Field("PodSpec RuntimeScheduling", "nodeSelector", forms.labels, "ValidatePodSpec"),
    Field("PodSpec", "serviceAccountName", forms.dns_subdomain, "ValidatePodSpec"),
    Field("PodSpec", "priorityClassName", forms.dns_subdomain, "ValidatePodSpec"),
    Field("PodSpec", "runtimeClassName", forms.dns_subdomain, "ValidateRuntimeClassName"),
    Field("PodSpec", "nodeName", forms.dns_subdomain, "ValidatePodSpec"),
    Field("PodSpec", "hostnameOverride", forms.dns_subdomain, "validatePodHostName"),
    Field("PodSpec", "hostname", forms.dns_label, "ValidatePodSpec"),
    Field("PodSpec", "subdomain", forms.dns_label, "ValidatePodSpec"),
    Field("PodSpec", "activeDeadlineSeconds", forms.number(1, 2**31 - 1), "ValidatePodSpec"),
    Field("PodSpec", "restartPolicy", forms.one_of("Always", "OnFailure", "Never"), "validateRestartPolicy"),
    Field("PodSpec", "preemptionPolicy", forms.one_of("PreemptLowerPriority", "Never"), "ValidatePreemptionPolicy"),
    Field(
        "PodSpec",
        "dnsPolicy",
        forms.one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "validateDNSPolicy",
    ),
    Field("PodDNSConfig", "nameservers", forms.at_most(3), "validatePodDNSConfig"),
    Field("PodDNSConfig", "nameservers", forms.every(forms.address), "validatePodDNSConfig"),
    Field("PodDNSConfig", "searches", forms.at_most(32), "validatePodDNSConfig"),
    Field("PodDNSConfig", "searches", forms.characters(2048), "validatePodDNSConfig"),
    Field("PodDNSConfig", "searches", forms.every(forms.search_domain), "validatePodDNSConfig"),
    Field("HostAlias", "ip", forms.address, "ValidateHostAliases"),
    Field("HostAlias", "hostnames", forms.every(forms.dns_subdomain), "ValidateHostAliases"),
    Field("PodReadinessGate", "conditionType", forms.label_key, "validateReadinessGates"),
    Field("PodSchedulingGate", "name", forms.label_key, "validateSchedulingGates"),
    Field("PodOS", "name", forms.one_of("linux", "windows"), "validateOS"),
    Field("PodResourceClaim", "name", forms.dns_label, "validatePodResourceClaims"),
    Field("PodSecurityContext", "fsGroup", forms.identifier, "validatePodSpecSecurityContext"),
    Field("PodSecurityContext", "supplementalGroups", forms.every(forms.identifier), "validatePodSpecSecurityContext"),
    Field(
        "PodSecurityContext",
        "fsGroupChangePolicy",
        forms.one_of("Always", "OnRootMismatch"),
        "validateFSGroupChangePolicy",
    ),
    Field(
        "PodSecurityContext",
        "supplementalGroupsPolicy",
        forms.one_of("Merge", "Strict"),
        "validateSupplementalGroupsPolicy",
    ),
    Field(
        "PodSecurityContext",
        "seLinuxChangePolicy",
        forms.one_of("Recursive"),
        "validateSELinuxChangePolicy",
    ),
    Field(_CONTEXTS, "runAsUser", forms.identifier, "ValidateSecurityContext"),
    Field(_CONTEXTS, "runAsGroup", forms.identifier, "ValidateSecurityContext"),
    Field("SecurityContext", "procMount", forms.one_of("Default", "Unmasked"), "ValidateProcMountType"),
    Field(
        "SeccompProfile",
        "type",
        forms.one_of("Localhost", "RuntimeDefault", "Unconfined"),
        "validateSeccompProfileType",
    ),
    Field(
        "AppArmorProfile",
        "type",
        forms.one_of("Localhost", "RuntimeDefault", "Unconfined"),
        "ValidateAppArmorProfileField",
    ),
    Field("Sysctl", "name", forms.sysctl_name, "validateSysctls"),
    Field("Toleration", "operator", forms.one_of("Equal", "Exists", ""), "ValidateTolerations"),
    Field("Toleration", "key", forms.unless_empty(forms.label_key), "ValidateTolerations"),
    Field(
        "Toleration", "effect", forms.one_of("NoSchedule", "PreferNoSchedule", "NoExecute", ""), "validateTaintEffect"
    ),
    Field("TopologySpreadConstraint", "maxSkew", forms.positive, "validateTopologySpreadConstraints"),
    Field("TopologySpreadConstraint", "minDomains", forms.positive, "validateMinDomains"),
    Field(
        "TopologySpreadConstraint",
        "whenUnsatisfiable",
        forms.one_of("DoNotSchedule", "ScheduleAnyway"),
        "ValidateWhenUnsatisfiable",
    ),
    Field("TopologySpreadConstraint", "nodeAffinityPolicy", _HONOR, "validateNodeInclusionPolicy"),
    Field("TopologySpreadConstraint", "nodeTaintsPolicy", _HONOR, "validateNodeInclusionPolicy"),
    Field("PreferredSchedulingTerm", "weight", forms.number(1, 100), "ValidatePreferredSchedulingTerms"),
    Field("WeightedPodAffinityTerm", "weight", forms.number(1, 100), "validateWeightedPodAffinityTerms"),
    Field("PodAffinityTerm", "topologyKey", forms.label_key, "validatePodAffinityTerm"),
    Field("PodAffinityTerm", "namespaces", forms.every(forms.dns_label), "validatePodAffinityTerm"),
    Field(_EXPRESSIONS, "key", forms.label_key, "ValidateNodeSelectorRequirement"),
    Field("LabelSelectorRequirement", "operator", forms.one_of(*_OPERATORS), "meta.ValidateLabelSelectorRequirement"),
    Field(
        "LabelSelectorRequirement", "values", forms.every(forms.label_value), "meta.ValidateLabelSelectorRequirement"
    ),
    Field("LabelSelector", "matchLabels", forms.labels, "meta.ValidateLabelSelector"),
    Field(_OF_NODES, "operator", forms.one_of(*_OPERATORS, "Gt", "Lt"), "ValidateNodeSelectorRequirement"),
    Field("NodeSelectorRequirement", "values", forms.every(forms.label_value), "ValidateNodeSelectorRequirement"),
    Field(
        "NodeFieldSelectorRequirement", "operator", forms.one_of("In", "NotIn"), "ValidateNodeFieldSelectorRequirement"
    ),
    Field("NodeFieldSelectorRequirement", "key", forms.one_of("metadata.name"), "ValidateNodeFieldSelectorRequirement"),
    Field(
        "NodeFieldSelectorRequirement",
        "values",
        forms.every(forms.dns_subdomain),
        "ValidateNodeFieldSelectorRequirement",
    ),
)

WHOLES: tuple[Whole, ...] = (
    Whole("PodSpec", dns, "validatePodDNSConfig"),
    Whole("PodSpec", spread, "ValidateSpreadConstraintNotRepeat"),
    Whole("PodSpec", devices, "ValidateVolumeDevices"),
    Whole("PodSpec", host_ports, "checkHostPortConflicts"),
    Whole("PodSpec", sleeps, "validateSleepAction"),
    Whole("PodSpec", host_users, "validateHostUsers"),
    Whole("PodSpec", root, "kubelet.verifyRunAsNonRoot"),
    Whole("PodSpec", sysctls_of_host, "ValidateHostSysctl"),
    Whole("PodOS", judges.required("name"), "validateOS"),
    Whole("PodSpec", judges.unique("schedulingGates", "name"), "validateSchedulingGates"),
    Whole("PodSchedulingGate", judges.required("name"), "validateSchedulingGates"),
    Whole(
        "PodResourceClaim",
        judges.exactly_one("resourceClaimName", "resourceClaimTemplateName"),
        "validatePodResourceClaimSource",
    ),
    Whole("PodSpec", name_of_host, "validatePodHostName"),
    Whole("PodSecurityContext", judges.unique("sysctls", "name"), "validateSysctls"),
    Whole("PodDNSConfigOption", judges.required("name"), "validatePodDNSConfig"),
    # The server takes one without a name, which is none.
    Whole("PullSecret", judges.required("name"), "kubelet.getPullSecretsForPod"),
    Whole("LocalObjectReference", judges.required("name"), "validateCSIVolumeSource"),
    # A list that is merged by a key: created it can be, applied on the server's side not.
    Whole("PodSpec", judges.unique("hostAliases", "ip"), "PodSpec.HostAliases +listMapKey=ip"),
    Whole("HostAlias", judges.required("ip"), "ValidateHostAliases"),
    Whole("SecurityContext", escalation, "ValidateSecurityContext"),
    Whole("SeccompProfile", seccomp, "validateSeccompProfileField"),
    Whole("SeccompProfile", judges.required("type"), "validateSeccompProfileType"),
    Whole("AppArmorProfile", app_armor, "ValidateAppArmorProfileField"),
    Whole("AppArmorProfile", judges.required("type"), "ValidateAppArmorProfileField"),
    Whole("Sysctl", judges.required("name"), "validateSysctls"),
    Whole("Toleration", toleration, "ValidateTolerations"),
    Whole(
        "TopologySpreadConstraint",
        judges.required("maxSkew", "topologyKey", "whenUnsatisfiable"),
        "ValidateTopologyKey",
    ),
    Whole(
        "TopologySpreadConstraint",
        judges.only_with("minDomains", "whenUnsatisfiable", "DoNotSchedule"),
        "validateMinDomains",
    ),
    Whole("TopologySpreadConstraint", label_keys("matchLabelKeys"), "ValidateMatchLabelKeysInTopologySpread"),
    Whole("TopologySpreadConstraint", matched_once, "ValidateMatchLabelKeysInTopologySpread"),
    Whole("PodAffinityTerm", label_keys("matchLabelKeys"), "ValidateMatchLabelKeysAndMismatchLabelKeys"),
    Whole("PodAffinityTerm", label_keys("mismatchLabelKeys"), "ValidateMatchLabelKeysAndMismatchLabelKeys"),
    Whole("PodAffinityTerm", matched_once, "ValidateMatchLabelKeysAndMismatchLabelKeys"),
    Whole("PodAffinityTerm", judges.required("topologyKey"), "validatePodAffinityTerm"),
    Whole("PreferredSchedulingTerm", judges.present("weight"), "ValidatePreferredSchedulingTerms"),
    Whole("WeightedPodAffinityTerm", judges.present("weight", "podAffinityTerm"), "validateWeightedPodAffinityTerms"),
    Whole("NodeSelector", judges.required("nodeSelectorTerms"), "ValidateNodeSelector"),
    Whole("LabelSelectorRequirement", requirement, "meta.ValidateLabelSelectorRequirement"),
    Whole(_OF_NODES, node_requirement, "ValidateNodeSelectorRequirement"),
    Whole("NodeFieldSelectorRequirement", field_requirement, "ValidateNodeFieldSelectorRequirement"),
    Whole(
        f"{_EXPRESSIONS} NodeFieldSelectorRequirement",
        judges.required("key", "operator"),
        "ValidateNodeSelectorRequirement",
    ),
)

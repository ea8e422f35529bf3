"""Containers: what they run, their environment, mounts and probes."""

from __future__ import annotations

from constructs_st2.checks.api import forms, judges
from constructs_st2.checks.api.judges import given
from constructs_st2.checks.api.rules.table import Field, Whole
from constructs_st2.checks.api.walk import Faults, Judge
from constructs_st2.checks.data import at, mappings
from constructs_st2.kube.documents import Document
from constructs_st2.kube.quantity import parsed

_BOTH = "Container InitContainer"
_PROBES = "LivenessProbe ReadinessProbe StartupProbe"


@Judge
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


@given("restartPolicyRules")
def restart_rules(node: Document) -> Faults:
    """Rules are exceptions from a policy."""
    if node.get("restartPolicyRules") and node.get("restartPolicy") is None:
        yield "restartPolicy", "is required with restartPolicyRules"


@given("volumeMounts")
def mount_propagation(node: Document) -> Faults:
    """Only privileged containers let their mounts be seen outside."""
    if at(node, "securityContext", "privileged") is not True:
        for position, mount in enumerate(mappings(node.get("volumeMounts"))):
            if mount.get("mountPropagation") == "Bidirectional":
                yield ("volumeMounts", position, "mountPropagation"), "Bidirectional is for privileged containers"


@given("recursiveReadOnly")
def recursive_read_only(node: Document) -> Faults:
    """Mounts are read-only at every depth only where they are read-only."""
    if node.get("recursiveReadOnly") in ("Enabled", "IfPossible"):
        if node.get("readOnly") is not True:
            yield "recursiveReadOnly", "can only be used with readOnly: true"
        if node.get("mountPropagation") not in (None, "None"):
            yield "recursiveReadOnly", "cannot be used together with mountPropagation"


@given("volumeDevices")
def devices(node: Document) -> Faults:
    """A volume is mounted or given as a device, not both."""
    if not node.get("volumeDevices"):
        return
    names = {str(mount.get("name")) for mount in mappings(node.get("volumeMounts"))}
    paths = {str(mount.get("mountPath")) for mount in mappings(node.get("volumeMounts"))}
    for position, device in enumerate(mappings(node.get("volumeDevices"))):
        for field, taken in (("name", names), ("devicePath", paths)):
            if str(device.get(field)) in taken:
                yield ("volumeDevices", position, field), f"{device[field]} is in volumeMounts, too"


@given("valueFrom")
def source_of_variable(node: Document) -> Faults:
    """A variable has one value."""
    if node.get("valueFrom") is not None and node.get("value"):
        yield "valueFrom", "cannot be used together with value; remove one of them"


FIELDS_AS_VARIABLES = frozenset(
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
FIELDS_AS_FILES = frozenset(
    {"metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"}
)


def field_path(known: frozenset[str]) -> Judge:
    """A field of a pod that its containers may know."""

    @given("fieldPath")
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


@given("resource")
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


FIELDS: tuple[Field, ...] = (
    Field(_BOTH, "imagePullPolicy", forms.pull_policy, "validatePullPolicy"),
    Field(_BOTH, "terminationMessagePolicy", forms.one_of("File", "FallbackToLogsOnError"), "validateContainerCommon"),
    Field("ContainerPort", "containerPort", forms.port_number, "validateContainerPorts"),
    Field("ContainerPort", "hostPort", forms.number(0, 65535), "validateContainerPorts"),
    Field("ContainerPort", "protocol", forms.protocol, "validateContainerPorts"),
    Field("ContainerResizePolicy", "resourceName", forms.one_of("cpu", "memory"), "validateResizePolicy"),
    Field(
        "ContainerResizePolicy",
        "restartPolicy",
        forms.one_of("NotRequired", "RestartContainer"),
        "validateResizePolicy",
    ),
    Field("KeySelector", "key", forms.config_key, "validateSecretKeySelector"),
    Field(_BOTH, "restartPolicy", forms.one_of("Always", "Never", "OnFailure"), "validateContainerRestartPolicy"),
    Field("EnvReference", "name", forms.dns_subdomain, "ValidateEnvFrom"),
    Field("EnvFromSource", "prefix", forms.unless_empty(forms.env_name), "ValidateEnvFrom"),
    Field("VolumeMount", "subPath", forms.descending, "ValidateVolumeMounts"),
    Field("VolumeMount", "subPathExpr", forms.descending, "ValidateVolumeMounts"),
    Field(
        "VolumeMount",
        "mountPropagation",
        forms.one_of("None", "HostToContainer", "Bidirectional"),
        "validateMountPropagation",
    ),
    Field(
        "VolumeMount",
        "recursiveReadOnly",
        forms.one_of("Disabled", "IfPossible", "Enabled"),
        "validateMountRecursiveReadOnly",
    ),
    Field("VolumeDevice", "devicePath", forms.no_backsteps, "ValidateVolumeDevices"),
    Field(_PROBES, "initialDelaySeconds", forms.not_negative, "validateProbe"),
    Field(_PROBES, "timeoutSeconds", forms.not_negative, "validateProbe"),
    Field(_PROBES, "periodSeconds", forms.not_negative, "validateProbe"),
    Field(_PROBES, "failureThreshold", forms.not_negative, "validateProbe"),
    Field(_PROBES, "terminationGracePeriodSeconds", forms.positive, "validateProbe"),
    Field("ReadinessProbe", "successThreshold", forms.not_negative, "validateProbe"),
    Field("LivenessProbe StartupProbe", "successThreshold", forms.number(0, 1), "validateLivenessProbe"),
    Field("ReadinessProbe", "terminationGracePeriodSeconds", forms.nothing, "validateReadinessProbe"),
    Field("HTTPGetAction", "port", forms.port, "validateHTTPGetAction"),
    Field("HTTPGetAction", "scheme", forms.one_of("HTTP", "HTTPS"), "validateHTTPGetAction"),
    Field("HTTPHeader", "name", forms.header_name, "validateHTTPGetAction"),
    Field("TCPSocketAction", "port", forms.port, "validateTCPSocketAction"),
    Field("GRPCAction", "port", forms.port_number, "validateGRPCAction"),
)

WHOLES: tuple[Whole, ...] = (
    Whole(_BOTH, judges.required("name", "image"), "validateContainerCommon"),
    Whole(_BOTH, judges.unique("ports", "name"), "validateContainerPorts"),
    Whole(_BOTH, judges.unique("resizePolicy", "resourceName"), "validateResizePolicy"),
    Whole(_BOTH, judges.unique("volumeDevices", "name"), "ValidateVolumeDevices"),
    Whole(_BOTH, judges.unique("volumeDevices", "devicePath"), "ValidateVolumeDevices"),
    Whole(_BOTH, devices, "ValidateVolumeDevices"),
    Whole(_BOTH, restart_rules, "validateContainerRestartPolicy"),
    Whole(_BOTH, mount_propagation, "validateMountPropagation"),
    Whole("InitContainer", runs_to_its_end, "validateInitContainers"),
    Whole("ContainerPort", judges.required("containerPort"), "validateContainerPorts"),
    Whole("EnvVar", source_of_variable, "validateEnvVarValueFrom"),
    Whole(
        "EnvVarSource",
        judges.exactly_one("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"),
        "validateEnvVarValueFrom",
    ),
    Whole("KeySelector", judges.required("name", "key"), "validateSecretKeySelector"),
    Whole("FieldSelectorOfEnv", field_path(FIELDS_AS_VARIABLES), "validateObjectFieldSelector"),
    Whole("FieldSelectorOfFile", field_path(FIELDS_AS_FILES), "validateObjectFieldSelector"),
    Whole("FieldSelectorOfEnv FieldSelectorOfFile", judges.required("fieldPath"), "validateObjectFieldSelector"),
    Whole(
        "ResourceFieldSelector ResourceFieldSelectorOfFile",
        resource_field,
        "validateContainerResourceFieldSelector",
    ),
    Whole("ResourceFieldSelector", judges.required("resource"), "validateContainerResourceFieldSelector"),
    Whole(
        "ResourceFieldSelectorOfFile",
        judges.required("containerName", "resource"),
        "validateContainerResourceFieldSelector",
    ),
    Whole("EnvFromSource", judges.exactly_one("configMapRef", "secretRef"), "ValidateEnvFrom"),
    Whole("EnvReference", judges.required("name"), "ValidateEnvFrom"),
    Whole("VolumeMount", judges.required("name", "mountPath"), "ValidateVolumeMounts"),
    Whole("VolumeMount", judges.not_both("subPath", "subPathExpr"), "ValidateVolumeMounts"),
    Whole("VolumeMount", recursive_read_only, "validateMountRecursiveReadOnly"),
    Whole("VolumeDevice", judges.required("name", "devicePath"), "ValidateVolumeDevices"),
    Whole(_PROBES, judges.exactly_one("exec", "httpGet", "tcpSocket", "grpc"), "validateHandler"),
    Whole("LifecycleHandler", judges.exactly_one("exec", "httpGet", "tcpSocket", "sleep"), "validateHandler"),
    Whole("ExecAction", judges.required("command"), "validateExecAction"),
    Whole("HTTPGetAction TCPSocketAction GRPCAction", judges.required("port"), "ValidatePortNumOrName"),
    Whole("HTTPHeader", judges.required("name"), "validateHTTPGetAction"),
)

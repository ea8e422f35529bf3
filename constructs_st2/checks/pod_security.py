"""The Pod Security Standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/

The rules are those for Linux that every version from Kubernetes 1.27 on agrees to: what an older version forbids is
forbidden here although a newer one allows it, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from constructs_st2.checks.data import annotations_of, at, label, mapping, mappings, name_of, strings
from constructs_st2.checks.index import Index
from constructs_st2.checks.pods import network_actions
from constructs_st2.checks.problem import Problem
from constructs_st2.facts.node_loss import SYSCTLS
from constructs_st2.kube.documents import Document, identity

Level = Literal["restricted", "baseline", "privileged"]

ENFORCE_LABEL = "pod-security.kubernetes.io/enforce"

_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t")
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        # Since Kubernetes 1.29. Before, the kubelet refuses them whatever the level is, unless it was told otherwise.
        *SYSCTLS,
    }
)
_VOLUME_TYPES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        # Since Kubernetes 1.33, the first version on which they can be used: kubernetes/kubernetes#130394.
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_KNOWN_OF_VOLUMES = _VOLUME_TYPES | {"name", "hostPath"}
"""What a volume may have by the level restricted; of paths of the node, baseline speaks."""
_PROFILES = ("RuntimeDefault", "Localhost")
_CONTEXT_OF_BASELINE = frozenset({"appArmorProfile", "seLinuxOptions", "seccompProfile", "windowsOptions"})
"""Fields of the security contexts of pods and containers of which some values are forbidden."""
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


class Violation(NamedTuple):
    """A field of a pod that a level forbids; ``control`` is the standard's name of the rule."""

    control: str
    field: str
    message: str


class _Scope(NamedTuple):
    """A pod or one of its containers: the standard speaks of the security context of both.

    ``among`` is the list of the pod that a container is in.
    """

    spec: Document
    context: Document
    among: str = ""

    @property
    def field(self) -> str:
        """Where it stands. Put together when it is told, which is seldom."""
        return f"spec.{self.among}[{self.spec.get('name')}]" if self.among else "spec"

    def violation(self, control: str, field: str, message: str) -> Violation:
        """What is forbidden of its security context."""
        return Violation(control, f"{self.field}.securityContext.{field}", message)


def violations(pod: Document, level: Literal["baseline", "restricted"]) -> list[Violation]:
    """What a level forbids in a pod (``metadata`` and ``spec``)."""
    spec = mapping(pod.get("spec"))
    whole = _Scope(spec, mapping(spec.get("securityContext")))
    containers = [
        _Scope(container, mapping(container.get("securityContext")), key)
        for key in ("initContainers", "containers", "ephemeralContainers")
        for container in mappings(spec.get(key))
    ]
    found = [*_baseline_of_pod(pod, whole)]
    for scope in (whole, *containers):
        # Most contexts have nothing of it.
        if not _CONTEXT_OF_BASELINE.isdisjoint(scope.context):
            found += _baseline_of_context(scope)
    for container in containers:
        found += _baseline_of_container(container)
    if level == "restricted":
        found += _restricted_of_pod(whole)
        for container in containers:
            found += _restricted_of_container(container, whole)
    return found


def level_of(pods: Iterable[Document]) -> Level:
    """The strictest level that all pods (``metadata`` and ``spec``) meet."""
    pods = list(pods)
    if not any(violations(pod, "restricted") for pod in pods):
        return "restricted"
    if not any(violations(pod, "baseline") for pod in pods):
        return "baseline"
    return "privileged"


def _baseline_of_pod(pod: Document, whole: _Scope) -> Iterator[Violation]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if whole.spec.get(name):
            yield Violation("Host Namespaces", f"spec.{name}", "must not be true")
    for volume in mappings(whole.spec.get("volumes")):
        if "hostPath" in volume:
            field = f"spec.volumes[{volume.get('name')}].hostPath"
            yield Violation("HostPath Volumes", field, "must not be used")
    for position, sysctl in enumerate(mappings(whole.context.get("sysctls"))):
        if sysctl.get("name") not in _SYSCTLS:
            field = f"spec.securityContext.sysctls[{position}]"
            yield Violation("Sysctls", field, f"{sysctl.get('name')} must not be set")
    for key, value in annotations_of(pod).items():
        if str(key).startswith(_APPARMOR_ANNOTATION):
            text = str(value)
            if text not in ("", "runtime/default") and not text.startswith("localhost/"):
                message = f"{text!r} must not be used; expected runtime/default or localhost/…"
                yield Violation("AppArmor", f"metadata.annotations[{key}]", message)


def _baseline_of_context(scope: _Scope) -> Iterator[Violation]:
    for name in sorted(_CONTEXT_OF_BASELINE.intersection(scope.context)):
        given = mapping(scope.context[name])
        match name:
            case "windowsOptions" if given.get("hostProcess"):
                yield scope.violation("HostProcess", f"{name}.hostProcess", "must not be true")
            case "appArmorProfile" if given.get("type") not in (None, *_PROFILES):
                yield scope.violation("AppArmor", f"{name}.type", f"must not be {given['type']}")
            case "seccompProfile" if given.get("type") not in (None, *_PROFILES):
                yield scope.violation("Seccomp", f"{name}.type", f"must not be {given['type']}")
            case "seLinuxOptions":
                if given.get("type", "") not in _SELINUX_TYPES:
                    yield scope.violation("SELinux", f"{name}.type", f"must not be {given['type']}")
                for field in ("user", "role"):
                    if given.get(field):
                        yield scope.violation("SELinux", f"{name}.{field}", "must not be set")


def _baseline_of_container(container: _Scope) -> Iterator[Violation]:
    context = container.context
    if context.get("privileged"):
        yield container.violation("Privileged Containers", "privileged", "must not be true")
    for capability in strings(mapping(context.get("capabilities")).get("add")):
        if capability not in _CAPABILITIES:
            yield container.violation("Capabilities", "capabilities.add", f"must not contain {capability}")
    if context.get("procMount") not in (None, "Default"):
        yield container.violation("/proc Mount Type", "procMount", f"must not be {context['procMount']}")
    for position, port in enumerate(mappings(container.spec["ports"]) if "ports" in container.spec else ()):
        if port.get("hostPort"):
            yield Violation("Host Ports", f"{container.field}.ports[{position}].hostPort", "must not be used")
    for name, action in network_actions(container.spec):
        # From Kubernetes 1.34 on.
        if action.get("host"):
            control = "Host Probes / Lifecycle Hooks"
            yield Violation(control, f"{container.field}.{name}.host", "must not be set")


def _restricted_of_pod(whole: _Scope) -> Iterator[Violation]:
    for volume in mappings(whole.spec.get("volumes")):
        for kind in () if _KNOWN_OF_VOLUMES.issuperset(volume) else sorted(volume.keys() - _KNOWN_OF_VOLUMES):
            field = f"spec.volumes[{volume.get('name')}].{kind}"
            yield Violation(
                "Volume Types", field, f"must not be used; possible are: {', '.join(sorted(_VOLUME_TYPES))}"
            )
    if whole.context.get("runAsNonRoot") is False:
        yield Violation("Running as Non-root", "spec.securityContext.runAsNonRoot", "must not be false")
    if whole.context.get("runAsUser") == 0:
        yield Violation("Running as Non-root user", "spec.securityContext.runAsUser", "must not be 0")


def _restricted_of_container(container: _Scope, whole: _Scope) -> Iterator[Violation]:
    context = container.context
    if context.get("allowPrivilegeEscalation") is not False:
        yield container.violation("Privilege Escalation", "allowPrivilegeEscalation", "must be false")
    if context.get("runAsNonRoot", whole.context.get("runAsNonRoot")) is not True:
        yield container.violation("Running as Non-root", "runAsNonRoot", "must be true, here or for the pod")
    if context.get("runAsUser") == 0:
        yield container.violation("Running as Non-root user", "runAsUser", "must not be 0")
    if at(whole.context, "seccompProfile", "type") is None and at(context, "seccompProfile", "type") is None:
        message = "must be RuntimeDefault or Localhost, here or for the pod"
        yield container.violation("Seccomp", "seccompProfile.type", message)
    capabilities = mapping(context.get("capabilities"))
    if "ALL" not in strings(capabilities.get("drop")):
        yield container.violation("Capabilities", "capabilities.drop", "must contain ALL")
    for capability in strings(capabilities.get("add")):
        if capability in _CAPABILITIES - {"NET_BIND_SERVICE"}:
            yield container.violation("Capabilities", "capabilities.add", f"must not contain {capability}")


def namespaces_admit_their_pods(index: Index) -> Iterator[Problem]:
    """Every pod meets the level that its namespace enforces."""
    levels = {name_of(document): label(document, ENFORCE_LABEL) for document in index.of_kind("Namespace")}
    for document in index.of_kind("Namespace"):
        level = levels[name_of(document)]
        if level not in (None, "restricted", "baseline", "privileged"):
            message = f'"{level}" is no level; expected restricted, baseline or privileged'
            yield Problem("pod-security", identity(document), f"metadata.labels[{ENFORCE_LABEL}]", message)
    for pod in index.pods:
        match levels.get(pod.namespace):
            case "restricted" | "baseline" as level:
                for violation in violations(pod.document, level):
                    message = f'{violation.message}: namespace "{pod.namespace}" enforces {level} ({violation.control})'
                    yield pod.problem("pod-security", violation.field, message)


RULES = (namespaces_admit_their_pods,)

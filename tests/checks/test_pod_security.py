"""Every control of the Pod Security Standards."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from checks.sound import API, API_MAIN, MAIN, POD, add, document, findings_after, problems_after, put
from support import Objects

from constructs_st2.checks.pod_security import level_of, violations
from constructs_st2.kube.documents import Document

RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
FIRST = "spec.containers[main]"
CONTEXT = f"{FIRST}.securityContext"


def pod(context: Document | None = None, main: Document | None = None, **spec: Any) -> Document:
    """A pod that meets "restricted", but for what is given."""
    container = {"name": "main", "image": "x:1", "securityContext": RESTRICTED, **(main or {})}
    whole = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **(context or {})}
    return {"metadata": {}, "spec": {"securityContext": whole, "containers": [container], **spec}}


def main(**context: Any) -> Document:
    """The same, with a security context of its container's own."""
    return pod(main={"securityContext": {**RESTRICTED, **context}})


def found(subject: Document, level: Literal["baseline", "restricted"]) -> list[tuple[str, str]]:
    return [(violation.control, violation.field) for violation in violations(subject, level)]


def annotated(**annotations: str) -> Document:
    return {**pod(), "metadata": {"annotations": annotations}}


APPARMOR = "container.apparmor.security.beta.kubernetes.io/main"


BASELINE = {
    "privileged": (main(privileged=True), "Privileged Containers", f"{CONTEXT}.privileged"),
    "network of the host": (pod(hostNetwork=True), "Host Namespaces", "spec.hostNetwork"),
    "processes of the host": (pod(hostPID=True), "Host Namespaces", "spec.hostPID"),
    "memory of the host": (pod(hostIPC=True), "Host Namespaces", "spec.hostIPC"),
    "folder of the host": (
        pod(volumes=[{"name": "h", "hostPath": {"path": "/"}}]),
        "HostPath Volumes",
        "spec.volumes[h].hostPath",
    ),
    "port of the host": (
        pod(main={"ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}]}),
        "Host Ports",
        f"{FIRST}.ports[1].hostPort",
    ),
    "capability": (
        main(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
        "Capabilities",
        f"{CONTEXT}.capabilities.add",
    ),
    "Windows host process": (
        pod({"windowsOptions": {"hostProcess": True}}),
        "HostProcess",
        "spec.securityContext.windowsOptions.hostProcess",
    ),
    "Windows host process in a container": (
        main(windowsOptions={"hostProcess": True}),
        "HostProcess",
        f"{CONTEXT}.windowsOptions.hostProcess",
    ),
    "AppArmor": (
        pod({"appArmorProfile": {"type": "Unconfined"}}),
        "AppArmor",
        "spec.securityContext.appArmorProfile.type",
    ),
    "AppArmor by annotation": (
        annotated(**{APPARMOR: "unconfined"}),
        "AppArmor",
        f"metadata.annotations[{APPARMOR}]",
    ),
    "SELinux type": (main(seLinuxOptions={"type": "spc_t"}), "SELinux", f"{CONTEXT}.seLinuxOptions.type"),
    "SELinux user": (main(seLinuxOptions={"user": "root"}), "SELinux", f"{CONTEXT}.seLinuxOptions.user"),
    "SELinux role": (main(seLinuxOptions={"role": "x"}), "SELinux", f"{CONTEXT}.seLinuxOptions.role"),
    "mount of /proc": (main(procMount="Unmasked"), "/proc Mount Type", f"{CONTEXT}.procMount"),
    "seccomp of the pod": (
        pod({"seccompProfile": {"type": "Unconfined"}}),
        "Seccomp",
        "spec.securityContext.seccompProfile.type",
    ),
    "seccomp of a container": (
        main(seccompProfile={"type": "Unconfined"}),
        "Seccomp",
        f"{CONTEXT}.seccompProfile.type",
    ),
    "sysctl": (
        pod({"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
        "Sysctls",
        "spec.securityContext.sysctls[0]",
    ),
    "host of a probe": (
        pod(main={"livenessProbe": {"httpGet": {"host": "10.0.0.1", "port": 80}}}),
        "Host Probes / Lifecycle Hooks",
        f"{FIRST}.livenessProbe.httpGet.host",
    ),
    "host of a hook": (
        pod(main={"lifecycle": {"preStop": {"tcpSocket": {"host": "10.0.0.1", "port": 80}}}}),
        "Host Probes / Lifecycle Hooks",
        f"{FIRST}.lifecycle.preStop.tcpSocket.host",
    ),
}

ONLY_RESTRICTED = {
    "kind of volume": (pod(volumes=[{"name": "n", "nfs": {}}]), "Volume Types", "spec.volumes[n].nfs"),
    "privilege escalation": (
        main(allowPrivilegeEscalation=True),
        "Privilege Escalation",
        f"{CONTEXT}.allowPrivilegeEscalation",
    ),
    "privilege escalation by default": (
        pod(main={"securityContext": {"capabilities": {"drop": ["ALL"]}}}),
        "Privilege Escalation",
        f"{CONTEXT}.allowPrivilegeEscalation",
    ),
    "may be root": (pod({"runAsNonRoot": None}), "Running as Non-root", f"{CONTEXT}.runAsNonRoot"),
    "container may be root": (main(runAsNonRoot=False), "Running as Non-root", f"{CONTEXT}.runAsNonRoot"),
    "root": (pod({"runAsUser": 0}), "Running as Non-root user", "spec.securityContext.runAsUser"),
    "container is root": (main(runAsUser=0), "Running as Non-root user", f"{CONTEXT}.runAsUser"),
    "no seccomp": (pod({"seccompProfile": None}), "Seccomp", f"{CONTEXT}.seccompProfile.type"),
    "keeps capabilities": (
        main(capabilities={"drop": ["NET_RAW"]}),
        "Capabilities",
        f"{CONTEXT}.capabilities.drop",
    ),
    "takes a capability back": (
        main(capabilities={"drop": ["ALL"], "add": ["CHOWN"]}),
        "Capabilities",
        f"{CONTEXT}.capabilities.add",
    ),
}


@pytest.mark.parametrize(("subject", "control", "field"), BASELINE.values(), ids=BASELINE)
def test_both_levels_forbid(subject: Document, control: str, field: str) -> None:
    assert (control, field) in found(subject, "baseline")
    assert (control, field) in found(subject, "restricted")
    assert level_of([pod(), subject]) == "privileged"


@pytest.mark.parametrize(("subject", "control", "field"), ONLY_RESTRICTED.values(), ids=ONLY_RESTRICTED)
def test_only_restricted_forbids(subject: Document, control: str, field: str) -> None:
    assert (control, field) in found(subject, "restricted")
    assert found(subject, "baseline") == []
    assert level_of([pod(), subject]) == "baseline"


ALLOWED = {
    "nothing more than must be": pod(),
    "all in the container": {
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "securityContext": {
                        **RESTRICTED,
                        "runAsNonRoot": True,
                        "seccompProfile": {"type": "Localhost", "localhostProfile": "x"},
                    },
                }
            ]
        }
    },
    "binds to low ports": main(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}),
    "safe sysctl": pod({"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}),
    "SELinux of containers": main(seLinuxOptions={"type": "container_t", "level": "s0"}),
    "AppArmor": annotated(**{APPARMOR: "runtime/default"}),
    "AppArmor of the node": annotated(**{APPARMOR: "localhost/st2"}),
    "container less strict than nothing": main(procMount="Default", privileged=False, runAsUser=1000),
    "all kinds of volumes": pod(
        volumes=[
            {"name": str(number), kind: {}}
            for number, kind in enumerate(
                [
                    "configMap",
                    "csi",
                    "downwardAPI",
                    "emptyDir",
                    "ephemeral",
                    "persistentVolumeClaim",
                    "projected",
                    "secret",
                ]
            )
        ]
    ),
    "a probe of the pod itself": pod(main={"livenessProbe": {"httpGet": {"port": 80}}}),
}


@pytest.mark.parametrize("subject", ALLOWED.values(), ids=ALLOWED)
def test_restricted_allows(subject: Document) -> None:
    assert found(subject, "restricted") == []
    assert level_of([subject]) == "restricted"


@pytest.mark.parametrize("kind", ["initContainers", "ephemeralContainers"])
def test_all_containers_are_looked_at(kind: str) -> None:
    subject = pod()
    subject["spec"][kind] = [{"name": "other", "securityContext": {"privileged": True}}]
    assert ("Privileged Containers", f"spec.{kind}[other].securityContext.privileged") in found(subject, "baseline")


def test_a_namespace_admits_what_its_label_says() -> None:
    change = put(API, *MAIN, "securityContext", "allowPrivilegeEscalation", value=True)
    (problem,) = problems_after(change)
    assert str(problem) == (
        f"{API}: {API_MAIN}.securityContext.allowPrivilegeEscalation: must be false: "
        'namespace "stackstorm" enforces restricted (Privilege Escalation) [pod-security]'
    )


@pytest.mark.parametrize(("level", "refused"), [("restricted", True), ("baseline", False), ("privileged", False)])
def test_the_level_of_a_namespace_counts(level: str, refused: bool) -> None:
    namespace = document("Namespace", "other", "other", "operations")
    namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = level
    root = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root", "namespace": "other"}}
    root["spec"] = {"containers": [{"name": "x", "image": "x:1"}]}
    assert any(rule == "pod-security" for rule, _, _ in findings_after(add(namespace, root))) is refused


def test_a_level_that_does_not_exist_is_found() -> None:
    label = "pod-security.kubernetes.io/enforce"
    finding = ("pod-security", "Namespace/stackstorm", f"metadata.labels[{label}]")
    assert findings_after(put("Namespace/stackstorm", "metadata", "labels", label, value="strict")) == [finding]


def test_a_namespace_that_is_not_ours_is_not_judged() -> None:
    change = put(API, *POD, "hostNetwork", value=True)
    assert findings_after(change) == [("pod-security", API, "spec.template.spec.hostNetwork")]
    assert (
        findings_after(
            add(
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "x", "namespace": "y"},
                    "spec": {"containers": [{"name": "x", "image": "x:1"}], "hostNetwork": True},
                }
            )
        )
        == []
    )


def test_every_pod_of_the_default_cluster_is_restricted(default_objects: Objects) -> None:
    templates = default_objects.pod_templates()
    assert len(templates) >= 13
    assert {name: problems for name, pod in templates.items() if (problems := found(pod, "restricted"))} == {}

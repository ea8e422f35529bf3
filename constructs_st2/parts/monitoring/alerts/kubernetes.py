"""Alerts on pods, Jobs, volumes and certificates. Names of metrics: https://github.com/kubernetes/kube-state-metrics/tree/main/docs"""

from __future__ import annotations

from collections.abc import Callable

from constructs_st2.parts.alerts import DAY, Alert
from constructs_st2.parts.queries import Facts, series


def _replicas(f: Facts, compare: Callable[[str, str], str]) -> str:
    """A comparison of the pods that a workload wants with those that it has, for both kinds of workloads."""
    kinds = {
        "deployment": ("kube_deployment_spec_replicas", "kube_deployment_status_replicas_available"),
        "statefulset": ("kube_statefulset_replicas", "kube_statefulset_status_replicas_ready"),
    }
    found = (
        f"label_replace({compare(*(f.kubernetes(metric, **{kind: f'~{f.release.name}-.+'}) for metric in metrics))}, "
        f'"workload", "$1", "{kind}", "(.+)")'
        for kind, metrics in kinds.items()
    )
    return " or ".join(found)


def _free(f: Facts) -> str:
    """The share of each volume that is free."""
    return f"{f.volumes('kubelet_volume_stats_available_bytes')} / {f.volumes('kubelet_volume_stats_capacity_bytes')}"


def _majority_on_one_node(f: Facts) -> str:
    """Nodes by whose loss a backend loses its majority, though it has members elsewhere."""
    together = (
        f"label_replace(count by (node) (max by (pod, node) ({f.members_of(component, 'kube_pod_info', node='~.+')})), "
        f'"workload", "{f.release.named(component)}", "", "") > {(members - 1) // 2}'
        for component, members in f.members.items()
        if members > 1
    )
    return " or ".join(together)


def _certificate_ends(f: Facts) -> str:
    """When certificates end. cert-manager's own monitor leaves the namespace of the certificate in another label."""
    metric = "certmanager_certificate_expiration_timestamp_seconds"
    name = f"~{f.release.name}-.+"
    moved = series(metric, exported_namespace=f.release.namespace, name=name)
    return f"{moved} or {f.kubernetes(metric, name=name)}"


KUBERNETES: tuple[Alert, ...] = (
    Alert(
        "StackStormServiceDown",
        "kubernetes",
        "critical",
        5,
        lambda f: _replicas(f, lambda wanted, has: f"{has} == 0 and {wanted} > 0"),
        "A service has no pods",
        "{{ $labels.workload }} has no pod that is ready.",
    ),
    Alert(
        "StackStormReplicasMissing",
        "kubernetes",
        "warning",
        15,
        lambda f: _replicas(f, lambda wanted, has: f"{wanted} - {has} > 0"),
        "A service has too few pods",
        "{{ $labels.workload }} lacks {{ $value }} pods.",
    ),
    Alert(
        "StackStormPodCrashLooping",
        "kubernetes",
        "warning",
        15,
        lambda f: (
            "max by (pod, container) (max_over_time("
            f"{f.pods('kube_pod_container_status_waiting_reason', reason='CrashLoopBackOff')}[5m])) > 0"
        ),
        "A container ends again and again",
        "The container {{ $labels.container }} of {{ $labels.pod }} ends again and again.",
    ),
    Alert(
        "StackStormPodNotReady",
        "kubernetes",
        "warning",
        15,
        # Pods of Jobs are not ready either when they have succeeded.
        lambda f: (
            f"max by (pod) ({f.pods('kube_pod_status_ready', condition='true')}) == 0 "
            f"and on (pod) max by (pod) ({f.pods('kube_pod_status_phase', phase='~Pending|Running')}) == 1"
        ),
        "A pod is not ready",
        "{{ $labels.pod }} has not been ready for 15 minutes.",
    ),
    Alert(
        "StackStormMajorityOnOneNode",
        "kubernetes",
        "warning",
        15,
        _majority_on_one_node,
        "The loss of one node would stop a backend",
        "{{ $value }} members of {{ $labels.workload }} run on {{ $labels.node }}. Without it, no majority is left.",
        members=2,
    ),
    Alert(
        "StackStormJobFailed",
        "kubernetes",
        "warning",
        0,
        lambda f: (
            "max by (job_name) ("
            f"{f.kubernetes('kube_job_failed', condition='true', job_name=f'~{f.release.name}-.+')}) > 0"
        ),
        "A Job has failed",
        "The Job {{ $labels.job_name }} has failed, and is not tried again.",
    ),
    Alert(
        "StackStormVolumeFilling",
        "kubernetes",
        "warning",
        30,
        lambda f: f"{_free(f)} < 0.2",
        "A volume fills",
        "{{ $value | humanizePercentage }} of the volume {{ $labels.persistentvolumeclaim }} are free.",
    ),
    Alert(
        "StackStormVolumeFull",
        "kubernetes",
        "critical",
        5,
        lambda f: f"{_free(f)} < 0.05",
        "A volume is nearly full",
        "{{ $value | humanizePercentage }} of the volume {{ $labels.persistentvolumeclaim }} are free.",
    ),
    Alert(
        "StackStormCertificateExpiring",
        "kubernetes",
        "warning",
        60,
        lambda f: f"min by (name) ({_certificate_ends(f)}) - time() < {f.rules.certificate_days * DAY}",
        "A certificate ends soon",
        "The certificate {{ $labels.name }} ends in {{ $value | humanizeDuration }}.",
    ),
    Alert(
        "StackStormScrapeFailing",
        "kubernetes",
        "warning",
        10,
        lambda f: f"max by (pod, endpoint) ({f.pods('up')}) == 0",
        "Metrics of a pod cannot be read",
        "Prometheus cannot read the metrics of {{ $labels.pod }}.",
    ),
)

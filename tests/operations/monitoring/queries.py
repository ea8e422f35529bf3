"""What queries of Prometheus are made of, and the metrics that they may use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from constructs_st2.parts.monitoring.keys import KEYS, OWN_KEYS

OF_OTHERS: Mapping[str, str] = {
    # https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
    "kube-state-metrics": """
        kube_cronjob_created
        kube_cronjob_status_last_successful_time
        kube_deployment_spec_replicas
        kube_deployment_status_replicas_available
        kube_job_failed
        kube_pod_container_status_restarts_total
        kube_pod_container_status_waiting_reason
        kube_pod_status_phase
        kube_pod_info
        kube_pod_status_ready
        kube_statefulset_replicas
        kube_statefulset_status_replicas_ready
    """,
    # https://kubernetes.io/docs/reference/instrumentation/metrics/, and cAdvisor within the kubelet
    "kubelet": """
        container_cpu_usage_seconds_total
        container_memory_working_set_bytes
        kubelet_volume_stats_available_bytes
        kubelet_volume_stats_capacity_bytes
        kubelet_volume_stats_used_bytes
    """,
    # https://cert-manager.io/docs/devops-tips/prometheus-metrics/
    "cert-manager": """
        certmanager_certificate_expiration_timestamp_seconds
    """,
    # exporter/replset_status_collector.go and metrics.go of https://github.com/percona/mongodb_exporter, v0.44.0
    "mongodb_exporter": """
        mongodb_members_optimeDate
        mongodb_myState
        mongodb_ss_connections
        mongodb_ss_opcounters
    """,
    # Seen at RabbitMQ 3.10.8; later versions: deps/rabbitmq_prometheus of https://github.com/rabbitmq/rabbitmq-server
    "rabbitmq": """
        erlang_vm_dist_node_state
        rabbitmq_alarms_free_disk_space_watermark
        rabbitmq_alarms_memory_used_watermark
        rabbitmq_build_info
        rabbitmq_connections
        rabbitmq_detailed_queue_consumers
        rabbitmq_detailed_queue_messages_ready
        rabbitmq_disk_space_available_bytes
        rabbitmq_global_messages_delivered_total
        rabbitmq_global_messages_received_total
        rabbitmq_identity_info
        rabbitmq_process_resident_memory_bytes
    """,
    # exporter/exporter.go and info.go of https://github.com/oliver006/redis_exporter, v1.67.0
    "redis_exporter": """
        redis_commands_processed_total
        redis_connected_slaves
        redis_instance_info
        redis_memory_used_bytes
        redis_up
    """,
    # Seen at etcd 3.4; https://etcd.io/docs/v3.5/metrics/
    "etcd": """
        etcd_disk_wal_fsync_duration_seconds_bucket
        etcd_mvcc_db_total_size_in_bytes
        etcd_network_active_peers
        etcd_server_has_leader
        etcd_server_quota_backend_bytes
    """,
    "prometheus": "up",
}

METRICS = {series for key in (*KEYS, *OWN_KEYS) for series in key.series} | {
    name for names in OF_OTHERS.values() for name in names.split()
}

_QUOTED = re.compile(r'"[^"]*"')
_SELECTED = re.compile(r"([A-Za-z_:][\w:]*)\{([^}]*)\}")
_GROUPING = re.compile(r"\b(?:by|on) \([^)]*\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_WORD = re.compile(r"\b[A-Za-z_]\w*")


def selected(query: str) -> list[tuple[str, str]]:
    """The metrics of a query, each with the text of its selector."""
    return _SELECTED.findall(query)


def words(query: str) -> set[str]:
    """All other words of a query but labels."""
    rest = _SELECTED.sub("", query)
    return set(_WORD.findall(_RANGE.sub("", _GROUPING.sub("", _QUOTED.sub("", rest)))))


FUNCTIONS = frozenset(
    {
        *("absent", "count", "increase", "label_replace", "max", "max_over_time", "min", "rate", "sum"),
        *("histogram_quantile", "scalar", "time", "topk", "vector"),
        *("and", "bool", "or", "unless"),
    }
)

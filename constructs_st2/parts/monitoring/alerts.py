"""The alerts: what somebody who is on call wants to be told, and how Prometheus sees it.

Each has a section in docs/runbooks.md. Names of metrics: `keys.py` for StackStorm's, and for the others

* https://github.com/kubernetes/kube-state-metrics/tree/main/docs
* https://github.com/percona/mongodb_exporter/tree/v0.44.0
* https://github.com/rabbitmq/rabbitmq-server/blob/main/deps/rabbitmq_prometheus/metrics.md
* https://github.com/oliver006/redis_exporter/tree/v1.83.0
* https://etcd.io/docs/v3.5/metrics/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from constructs_st2.facts.components import EXECUTION_WATCH
from constructs_st2.parts.monitoring.facts import Facts, series

_DAY = 24 * 60 * 60
_HOUR = 60 * 60
_MINUTE = 60

_LOOKED_AT = "st2_executions_looked_at_timestamp_seconds"
_LOOKS_MISSED = 4

_PRIMARY, _SECONDARY = 1, 2
"""States of members: https://www.mongodb.com/docs/manual/reference/replica-states/"""


@dataclass(frozen=True)
class Alert:
    """One alert.

    ``source`` is what must serve metrics for it; ``minutes`` is how long ``expr`` must have results. It makes no sense
    for a backend with fewer members than ``members``. The texts may use Prometheus' templates.
    """

    name: str
    source: str
    severity: Literal["critical", "warning"]
    minutes: int
    expr: Callable[[Facts], str]
    summary: str
    description: str
    members: int = 1

    def concerns(self, facts: Facts) -> bool:
        """Whether it can ever fire in a cluster."""
        return self.source in facts.kinds and facts.members.get(self.source, self.members) >= self.members


def _majority(members: int) -> int:
    return members // 2 + 1


def _entered(facts: Facts, window: str, statuses: str) -> str:
    """How many executions entered one of some statuses within a time."""
    return f"sum(increase({facts.statsd('st2_executions_total', status=f'~{statuses}')}[{window}]))"


def _share(part: str, whole: str, limit: float, least: int) -> str:
    """More than a share, where the whole is large enough to tell."""
    return f"{part} / {whole} > {limit} and {whole} > {least}"


_STACKSTORM: tuple[Alert, ...] = (
    Alert(
        "StackStormMetricsMissing",
        "statsd-exporter",
        "warning",
        10,
        lambda f: f"absent({f.statsd('up')} == 1)",
        "StackStorm's own metrics are missing",
        "Prometheus has not read statsd-exporter for 10 minutes. Alerts about executions cannot fire.",
    ),
    Alert(
        "StackStormExecutionsNotScheduled",
        "statsd-exporter",
        "critical",
        5,
        lambda f: f"{_entered(f, '10m', 'requested')} > 0 unless {_entered(f, '10m', 'scheduled|delayed')} > 0",
        "No execution is scheduled",
        "Executions were requested in the last 10 minutes, and none was scheduled.",
    ),
    Alert(
        "StackStormExecutionsNotStarted",
        "statsd-exporter",
        "critical",
        5,
        lambda f: f"{_entered(f, '10m', 'scheduled')} > 0 unless {_entered(f, '10m', 'running')} > 0",
        "No execution is started",
        "Executions were scheduled in the last 10 minutes, and no runner has started one.",
    ),
    Alert(
        "StackStormExecutionBacklogGrowing",
        "statsd-exporter",
        "warning",
        15,
        lambda f: (
            f"1 - {_entered(f, '30m', 'scheduled')} / {_entered(f, '30m', 'requested')} > 0.2 "
            f"and {_entered(f, '30m', 'requested')} > 20"
        ),
        "Executions are requested faster than they are scheduled",
        "In the last 30 minutes, {{ $value | humanizePercentage }} of the executions that were requested were not "
        "scheduled.",
    ),
    Alert(
        "StackStormExecutionsFailing",
        "statsd-exporter",
        "warning",
        15,
        lambda f: _share(
            _entered(f, "15m", "failed|timeout|abandoned"),
            _entered(f, "15m", "succeeded|failed|timeout|abandoned|canceled"),
            0.5,
            10,
        ),
        "Most executions fail",
        "In the last 15 minutes, {{ $value | humanizePercentage }} of the executions that ended did not succeed.",
    ),
    Alert(
        "StackStormExecutionsAbandoned",
        "statsd-exporter",
        "warning",
        0,
        lambda f: f"{_entered(f, '15m', 'abandoned')} > 0",
        "Executions were abandoned",
        "Runners stopped before {{ $value | humanize }} executions had ended.",
    ),
    Alert(
        "StackStormExecutionsOrphaned",
        EXECUTION_WATCH,
        "warning",
        5,
        lambda f: f"max by (reason) ({f.statsd('st2_executions_orphaned')}) > 0",
        "Nobody works on some executions",
        "{{ $value }} executions have not ended, and nobody works on them: {{ $labels.reason }}.",
    ),
    Alert(
        "StackStormExecutionsUnwatched",
        EXECUTION_WATCH,
        "warning",
        5,
        # Without a sample, as after a restart of the exporter, there is no time to compare with.
        lambda f: (
            f"time() - max({f.statsd(_LOOKED_AT)}) > {max(_LOOKS_MISSED * f.look_seconds, 5 * _MINUTE)} "
            f"or absent({f.statsd(_LOOKED_AT)})"
        ),
        "Nobody looks for executions that are stuck",
        "Executions that nobody works on have not been looked for. StackStormExecutionsOrphaned cannot fire.",
    ),
    Alert(
        "StackStormApiErrors",
        "statsd-exporter",
        "warning",
        10,
        lambda f: _share(
            f"sum by (server) (rate({f.statsd('st2_http_responses_total', code='~5..')}[10m]))",
            f"sum by (server) (rate({f.statsd('st2_http_responses_total')}[10m]))",
            0.05,
            0,
        ),
        "An API answers with errors",
        "{{ $value | humanizePercentage }} of the answers of st2{{ $labels.server }} are errors of the server.",
    ),
)

_MONGODB: tuple[Alert, ...] = (
    Alert(
        "StackStormMongodbNoPrimary",
        "mongodb",
        "critical",
        2,
        lambda f: f"sum({f.mongodb('mongodb_myState')} == bool {_PRIMARY}) == 0",
        "MongoDB has no primary",
        "No member of MongoDB accepts writes. StackStorm stands still.",
    ),
    Alert(
        "StackStormMongodbMemberDown",
        "mongodb",
        "warning",
        10,
        lambda f: (
            f"sum(({f.mongodb('mongodb_myState')} == bool {_PRIMARY}) "
            f"+ ({f.mongodb('mongodb_myState')} == bool {_SECONDARY})) < {f.members['mongodb']}"
        ),
        "A member of MongoDB is missing",
        "Only {{ $value }} members of MongoDB are primary or secondary.",
        members=2,
    ),
    Alert(
        "StackStormMongodbSetIncomplete",
        "mongodb",
        "warning",
        15,
        # Down or not: what counts is which members it knows.
        lambda f: f"min(count by (pod) ({f.mongodb('mongodb_members_optimeDate')})) < {f.members['mongodb']}",
        "A member of MongoDB belongs to too small a set",
        "A member of MongoDB knows only {{ $value }} members of its set.",
        members=2,
    ),
    Alert(
        "StackStormMongodbReplicationLag",
        "mongodb",
        "warning",
        10,
        # An idle primary writes to its log every ten seconds.
        lambda f: f"{f.replication_delay()} > 60",
        "A member of MongoDB falls behind",
        "{{ $labels.member_idx }} is {{ $value | humanizeDuration }} behind the primary.",
        members=2,
    ),
    Alert(
        "StackStormMongodbConnections",
        "mongodb",
        "warning",
        10,
        lambda f: (
            f"max by (pod) ({f.mongodb('mongodb_ss_connections', conn_type='current')}) "
            f"/ sum by (pod) ({f.mongodb('mongodb_ss_connections', conn_type='~current|available')}) > 0.8"
        ),
        "MongoDB runs out of connections",
        "{{ $labels.pod }} has {{ $value | humanizePercentage }} of the connections that it allows.",
    ),
)

_RABBITMQ: tuple[Alert, ...] = (
    Alert(
        "StackStormRabbitmqNoQuorum",
        "rabbitmq",
        "critical",
        2,
        lambda f: (
            f"(count(count by (pod) ({f.rabbitmq('rabbitmq_build_info')})) or vector(0)) "
            f"< {_majority(f.members['rabbitmq'])}"
        ),
        "RabbitMQ has no majority",
        "Only {{ $value }} nodes of RabbitMQ run. Queues take no messages, and StackStorm stands still.",
    ),
    Alert(
        "StackStormRabbitmqNodeDown",
        "rabbitmq",
        "warning",
        5,
        lambda f: f"count(count by (pod) ({f.rabbitmq('rabbitmq_build_info')})) < {f.members['rabbitmq']}",
        "A node of RabbitMQ is missing",
        "Only {{ $value }} nodes of RabbitMQ run. One more that stops may be one too many.",
        members=2,
    ),
    Alert(
        "StackStormRabbitmqNodeAlone",
        "rabbitmq",
        "critical",
        5,
        lambda f: (
            f"count by (pod) ({f.rabbitmq('rabbitmq_build_info')}) unless on (pod) "
            # 3 is "up": https://github.com/prometheus-erl/prometheus.erl, prometheus_vm_dist_collector
            f"count by (pod) ({f.rabbitmq('erlang_vm_dist_node_state')} == 3) >= {_majority(f.members['rabbitmq']) - 1}"
        ),
        "A node of RabbitMQ sees too few others",
        "{{ $labels.pod }} is not connected to a majority of the nodes, and serves nobody.",
        members=2,
    ),
    Alert(
        "StackStormRabbitmqSeveralClusters",
        "rabbitmq",
        "critical",
        2,
        lambda f: f"count(count by (rabbitmq_cluster_permanent_id) ({f.rabbitmq('rabbitmq_identity_info')})) > 1",
        "RabbitMQ is several clusters",
        "The nodes of RabbitMQ are {{ $value }} clusters, each with messages of its own.",
        members=2,
    ),
    Alert(
        "StackStormRabbitmqMemoryAlarm",
        "rabbitmq",
        "critical",
        2,
        lambda f: f"max by (pod) ({f.rabbitmq('rabbitmq_alarms_memory_used_watermark')}) > 0",
        "RabbitMQ is short of memory",
        "{{ $labels.pod }} uses too much memory. The whole cluster takes no more messages.",
    ),
    Alert(
        "StackStormRabbitmqDiskAlarm",
        "rabbitmq",
        "critical",
        2,
        lambda f: f"max by (pod) ({f.rabbitmq('rabbitmq_alarms_free_disk_space_watermark')}) > 0",
        "RabbitMQ is short of disk space",
        "The volume of {{ $labels.pod }} is nearly full. The whole cluster takes no more messages.",
    ),
    Alert(
        "StackStormQueueWithoutConsumer",
        "rabbitmq",
        "critical",
        5,
        lambda f: f"sum by (queue) ({f.queues('rabbitmq_detailed_queue_consumers')}) == 0",
        "Nobody reads a queue",
        "Nobody reads {{ $labels.queue }}.",
    ),
    Alert(
        "StackStormQueueGrowing",
        "rabbitmq",
        "warning",
        15,
        lambda f: f"sum by (queue) ({f.queues('rabbitmq_detailed_queue_messages_ready')}) > 100",
        "A queue is long",
        "{{ $value }} messages wait in {{ $labels.queue }}.",
    ),
)

_REDIS: tuple[Alert, ...] = (
    Alert(
        "StackStormRedisNoMaster",
        "redis",
        "critical",
        2,
        lambda f: f"count({f.redis('redis_up')}) unless count({f.redis('redis_instance_info', role='master')})",
        "Redis has no master",
        "No member of Redis accepts writes. Services cannot take locks.",
    ),
    Alert(
        "StackStormRedisSeveralMasters",
        "redis",
        "critical",
        2,
        lambda f: f"count({f.redis('redis_instance_info', role='master')}) > 1",
        "Redis has several masters",
        "{{ $value }} members of Redis accept writes. Two services may hold the same lock.",
        members=2,
    ),
    Alert(
        "StackStormRedisReplicasMissing",
        "redis",
        "warning",
        10,
        lambda f: f"max({f.redis('redis_connected_slaves')}) < {f.members['redis'] - 1}",
        "A replica of Redis is missing",
        "The master of Redis has only {{ $value }} replicas.",
        members=2,
    ),
)

_ETCD: tuple[Alert, ...] = (
    Alert(
        "StackStormEtcdNoLeader",
        "etcd",
        "critical",
        2,
        lambda f: f"(max({f.etcd('etcd_server_has_leader')}) or vector(0)) == 0",
        "etcd has no leader",
        "No member of etcd sees a leader. Services cannot take locks.",
    ),
    Alert(
        "StackStormEtcdMemberDown",
        "etcd",
        "warning",
        5,
        lambda f: f"sum({f.etcd('etcd_server_has_leader')}) < {f.members['etcd']}",
        "A member of etcd is missing",
        "Only {{ $value }} members of etcd see a leader.",
        members=2,
    ),
    Alert(
        "StackStormEtcdPeersMissing",
        "etcd",
        "warning",
        10,
        lambda f: f"min(sum by (pod) ({f.etcd('etcd_network_active_peers')})) < {f.members['etcd'] - 1}",
        "A member of etcd has too few peers",
        "A member of etcd is connected to only {{ $value }} others of its cluster.",
        members=2,
    ),
    Alert(
        "StackStormEtcdDatabaseFull",
        "etcd",
        "warning",
        10,
        lambda f: f"{f.etcd('etcd_mvcc_db_total_size_in_bytes')} / {f.etcd('etcd_server_quota_backend_bytes')} > 0.8",
        "The database of etcd is nearly full",
        "{{ $labels.pod }} has {{ $value | humanizePercentage }} of what its database may hold.",
    ),
)


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


def _certificate_ends(f: Facts) -> str:
    """When certificates end. cert-manager's own monitor leaves the namespace of the certificate in another label."""
    metric = "certmanager_certificate_expiration_timestamp_seconds"
    name = f"~{f.release.name}-.+"
    moved = series(metric, exported_namespace=f.release.namespace, name=name)
    return f"{moved} or {f.kubernetes(metric, name=name)}"


def _last_backup(f: Facts) -> str:
    """When the last good backup began; of one that has never succeeded, when its CronJob was made."""
    name = f"~{f.release.named('backup')}.*"
    last = f.kubernetes("kube_cronjob_status_last_successful_time", cronjob=name)
    made = f.kubernetes("kube_cronjob_created", cronjob=name)
    return f"max by (cronjob) ({last} or {made})"


_KUBERNETES: tuple[Alert, ...] = (
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
        "StackStormBackupTooOld",
        "kubernetes",
        "warning",
        15,
        lambda f: f"time() - {_last_backup(f)} > {f.rules.backup_max_age_hours * _HOUR}",
        "The last good backup is too old",
        "The last good backup by {{ $labels.cronjob }} began {{ $value | humanizeDuration }} ago.",
    ),
    Alert(
        "StackStormCertificateExpiring",
        "kubernetes",
        "warning",
        60,
        lambda f: f"min by (name) ({_certificate_ends(f)}) - time() < {f.rules.certificate_days * _DAY}",
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

GROUPS = {
    "stackstorm": _STACKSTORM,
    "mongodb": _MONGODB,
    "rabbitmq": _RABBITMQ,
    "redis": _REDIS,
    "etcd": _ETCD,
    "kubernetes": _KUBERNETES,
}
"""All alerts, by the group in which Prometheus computes them one after the other."""


def names() -> Iterator[str]:
    """The names of all alerts."""
    yield from (alert.name for group in GROUPS.values() for alert in group)

"""Alerts on RabbitMQ. Names of metrics: https://github.com/rabbitmq/rabbitmq-server/blob/main/deps/rabbitmq_prometheus/metrics.md"""

from __future__ import annotations

from constructs_st2.parts.alerts import Alert


def _majority(members: int) -> int:
    return members // 2 + 1


RABBITMQ: tuple[Alert, ...] = (
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

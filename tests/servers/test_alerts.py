"""What makes each alert fire, and what does not, by Prometheus' own tool for testing rules."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from support import MakeCluster, Require

from constructs_st2.kube.documents import Document
from constructs_st2.parts.monitoring.alerts import names
from constructs_st2.parts.monitoring.dashboards import DASHBOARDS, model
from constructs_st2.parts.monitoring.rules import groups
from constructs_st2.parts.optional import parts_of
from constructs_st2.parts.queries import Facts

RULES = {"enabled": True, "backupMaxAgeHours": 1, "certificateDays": 1}
VALUES: Mapping[str, Any] = {
    "monitoring": {"enabled": True, "rules": RULES},
    "backup": {"enabled": True, "destination": {"claim": {"create": {"size": "50Gi"}}}},
}
ETCD: Mapping[str, Any] = {**VALUES, "coordination": {"backend": "etcd"}}

Series = Mapping[str, str]
"""Time series and their values at each minute, as promtool writes them. ``NS`` stands for the namespace."""


@dataclass(frozen=True)
class Case:
    """An alert, the series at which it fires, and such at which it does not; both at a minute.

    ``labels`` are those of the alert besides what every alert has. One that ``misses`` series also fires when there
    are none at all.
    """

    alert: str
    fires: Series
    silent: Series
    labels: Mapping[str, str] = field(default_factory=dict)
    minute: int = 30
    misses: bool = False


def members(metric: str, component: str, *values: object, labels: str = "") -> dict[str, str]:
    """A metric of some members of a backend that stays as it is."""
    return {
        f'{metric}{{NS,pod="st2-{component}-{ordinal}"{labels}}}': f"{value}x200"
        for ordinal, value in enumerate(values)
    }


def statsd(metric: str, values: str, **labels: str) -> dict[str, str]:
    """A metric of StackStorm."""
    matchers = "".join(f',{label}="{value}"' for label, value in labels.items())
    return {f'{metric}{{NS,pod="st2-statsd-exporter-5d9c-x2x"{matchers}}}': values}


def executions(**growth: int) -> dict[str, str]:
    """How many executions enter each status in a minute."""
    made: dict[str, str] = {}
    for status, number in growth.items():
        made |= statsd("st2_executions_total", f"1+{number}x200", status=status)
    return made


def orphaned(**numbers: int) -> dict[str, str]:
    """How many executions nobody works on."""
    made: dict[str, str] = {}
    for reason, number in numbers.items():
        made |= statsd("st2_executions_orphaned", f"{number}x200", reason=reason)
    return made


def looked_at(values: str) -> dict[str, str]:
    """When such executions were last looked for."""
    return statsd("st2_executions_looked_at_timestamp_seconds", values)


def replicas(kind: str, name: str, wanted: int, has: int) -> dict[str, str]:
    """The numbers of pods of a workload."""
    metrics = {
        "deployment": ("kube_deployment_spec_replicas", "kube_deployment_status_replicas_available"),
        "statefulset": ("kube_statefulset_replicas", "kube_statefulset_status_replicas_ready"),
    }[kind]
    numbers = zip(metrics, (wanted, has), strict=True)
    return {f'{metric}{{NS,{kind}="{name}"}}': f"{number}x200" for metric, number in numbers}


def queue(metric: str, name: str, value: int, vhost: str = "st2") -> dict[str, str]:
    """A metric of a queue, as two nodes tell it."""
    series = f'{metric}{{NS,queue="{name}",vhost="{vhost}",pod="st2-rabbitmq-%d"}}'
    return {series % 0: f"{value}x200", series % 1: "0x200"}


def delays(seconds: int) -> dict[str, str]:
    """When members of MongoDB have written last, in milliseconds."""
    metric, primary = "mongodb_members_optimeDate", 1_000_000_000_000
    made: dict[str, str] = {}
    for state, ordinal, at in (("PRIMARY", 0, primary), ("SECONDARY", 1, primary - 1000 * seconds)):
        labels = f',member_idx="st2-mongodb-{ordinal}:27017",member_state="{state}"'
        made |= members(metric, "mongodb", at, at, labels=labels)
    return made


def free(claim: str, share: float) -> dict[str, str]:
    """How much of a volume is free."""
    values = {"available": int(1000 * share), "capacity": 1000}
    return {
        f'kubelet_volume_stats_{name}_bytes{{NS,persistentvolumeclaim="{claim}"}}': f"{value}x200"
        for name, value in values.items()
    }


def waiting(pod: str, values: str) -> dict[str, str]:
    series = f'kube_pod_container_status_waiting_reason{{NS,pod="{pod}",container="main",reason="CrashLoopBackOff"}}'
    return {series: values}


def not_ready(phase: str) -> dict[str, str]:
    return {
        'kube_pod_status_ready{NS,pod="st2-st2api-1",condition="true"}': "0x200",
        f'kube_pod_status_phase{{NS,pod="st2-st2api-1",phase="{phase}"}}': "1x200",
    }


def placed(component: str, *nodes: str) -> dict[str, str]:
    """On which node each member of a backend runs."""
    return {
        f'kube_pod_info{{NS,pod="st2-{component}-{ordinal}",node="{node}"}}': "1x200"
        for ordinal, node in enumerate(nodes)
    }


UP = statsd("up", "1x200", endpoint="metrics")
CRON_JOB = 'kube_cronjob_status_last_successful_time{NS,cronjob="st2-backup"}'
NEW_CRON_JOB = 'kube_cronjob_created{NS,cronjob="st2-backup"}'
CERTIFICATE = 'certmanager_certificate_expiration_timestamp_seconds{NS,name="st2-st2web-tls"}'
EXPORTED_CERTIFICATE = CERTIFICATE.replace("NS", 'exported_namespace="stackstorm",namespace="cert-manager"')
ANSWERS = "st2_http_responses_total"

CASES = [
    Case("StackStormMetricsMissing", {"up{NS}": "1x200"}, UP, misses=True),
    Case(
        "StackStormExecutionsNotScheduled", executions(requested=1, scheduled=0), executions(requested=1, scheduled=1)
    ),
    Case("StackStormExecutionsNotScheduled", executions(requested=1), executions(requested=1, delayed=1)),
    Case("StackStormExecutionsNotScheduled", executions(requested=1), executions(requested=0)),
    Case("StackStormExecutionsNotStarted", executions(scheduled=1, running=0), executions(scheduled=1, running=1)),
    Case(
        "StackStormExecutionBacklogGrowing",
        executions(requested=10, scheduled=5),
        executions(requested=10, scheduled=9),
        minute=90,
    ),
    Case(
        "StackStormExecutionsFailing",
        executions(succeeded=1, failed=1, timeout=1),
        executions(succeeded=3, failed=1, timeout=1),
        minute=60,
    ),
    Case("StackStormExecutionsAbandoned", executions(abandoned=1), executions(abandoned=0)),
    Case(
        "StackStormExecutionsOrphaned",
        orphaned(runner_gone=2, overdue=0),
        orphaned(runner_gone=0, overdue=0),
        labels={"reason": "runner_gone"},
    ),
    # promtool's clock begins at 0: one who looks each minute, and one who last did so at the fourteenth.
    Case("StackStormExecutionsUnwatched", looked_at("0+60x14 840x200"), looked_at("0+60x200"), misses=True),
    Case(
        "StackStormApiErrors",
        {
            **statsd(ANSWERS, "1+10x200", server="api", code="200"),
            **statsd(ANSWERS, "1+1x200", server="api", code="502"),
        },
        {
            **statsd(ANSWERS, "1+99x200", server="api", code="200"),
            **statsd(ANSWERS, "1+1x200", server="api", code="502"),
        },
        {"server": "api"},
    ),
    Case(
        "StackStormMongodbNoPrimary",
        members("mongodb_myState", "mongodb", 2, 2, 8),
        members("mongodb_myState", "mongodb", 2, 1, 8),
    ),
    Case(
        "StackStormMongodbMemberDown",
        members("mongodb_myState", "mongodb", 1, 2, 3),
        members("mongodb_myState", "mongodb", 2, 1, 2),
    ),
    Case(
        "StackStormMongodbMemberDown",
        members("mongodb_myState", "mongodb", 1, 2),
        members("mongodb_myState", "mongodb", 1, 2, 2),
    ),
    Case(
        "StackStormMongodbSetIncomplete",
        {
            **members("mongodb_members_optimeDate", "mongodb", 1, 1, 1, labels=',member_idx="a"'),
            **members("mongodb_members_optimeDate", "mongodb", 1, 1, labels=',member_idx="b"'),
            **members("mongodb_members_optimeDate", "mongodb", 1, 1, labels=',member_idx="c"'),
        },
        {
            **members("mongodb_members_optimeDate", "mongodb", 1, 1, labels=',member_idx="a"'),
            **members("mongodb_members_optimeDate", "mongodb", 1, 1, labels=',member_idx="b"'),
            **members("mongodb_members_optimeDate", "mongodb", 0, 0, labels=',member_idx="c"'),
        },
    ),
    Case("StackStormMongodbReplicationLag", delays(61), delays(10), {"member_idx": "st2-mongodb-1:27017"}),
    Case(
        "StackStormMongodbConnections",
        {
            **members("mongodb_ss_connections", "mongodb", 90, labels=',conn_type="current"'),
            **members("mongodb_ss_connections", "mongodb", 10, labels=',conn_type="available"'),
        },
        {
            **members("mongodb_ss_connections", "mongodb", 70, labels=',conn_type="current"'),
            **members("mongodb_ss_connections", "mongodb", 30, labels=',conn_type="available"'),
            **members("mongodb_ss_connections", "mongodb", 300, labels=',conn_type="totalCreated"'),
        },
        {"pod": "st2-mongodb-0"},
    ),
    Case(
        "StackStormRabbitmqNoQuorum",
        members("rabbitmq_build_info", "rabbitmq", 1),
        members("rabbitmq_build_info", "rabbitmq", 1, 1),
        misses=True,
    ),
    Case(
        "StackStormRabbitmqNodeDown",
        # Both paths of a node tell its version.
        {
            **members("rabbitmq_build_info", "rabbitmq", 1, 1, labels=',endpoint="metrics"'),
            **members("rabbitmq_build_info", "rabbitmq", 1, 1, labels=',endpoint="queues"'),
        },
        members("rabbitmq_build_info", "rabbitmq", 1, 1, 1),
    ),
    Case(
        "StackStormRabbitmqNodeAlone",
        {
            **members("rabbitmq_build_info", "rabbitmq", 1),
            **members("erlang_vm_dist_node_state", "rabbitmq", 1, labels=',peer="rabbit@st2-rabbitmq-1"'),
        },
        {
            **members("rabbitmq_build_info", "rabbitmq", 1),
            **members("erlang_vm_dist_node_state", "rabbitmq", 3, labels=',peer="rabbit@st2-rabbitmq-1"'),
        },
        {"pod": "st2-rabbitmq-0"},
    ),
    Case(
        "StackStormRabbitmqSeveralClusters",
        {
            **members("rabbitmq_identity_info", "rabbitmq", 1, labels=',rabbitmq_cluster_permanent_id="a"'),
            **members("rabbitmq_identity_info", "rabbitmq", 1, 1, labels=',rabbitmq_cluster_permanent_id="b"'),
        },
        members("rabbitmq_identity_info", "rabbitmq", 1, 1, 1, labels=',rabbitmq_cluster_permanent_id="a"'),
    ),
    Case(
        "StackStormRabbitmqMemoryAlarm",
        members("rabbitmq_alarms_memory_used_watermark", "rabbitmq", 1, 0),
        members("rabbitmq_alarms_memory_used_watermark", "rabbitmq", 0, 0),
        {"pod": "st2-rabbitmq-0"},
    ),
    Case(
        "StackStormRabbitmqDiskAlarm",
        members("rabbitmq_alarms_free_disk_space_watermark", "rabbitmq", 1, 0),
        members("rabbitmq_alarms_free_disk_space_watermark", "rabbitmq", 0, 0),
        {"pod": "st2-rabbitmq-0"},
    ),
    Case(
        "StackStormQueueWithoutConsumer",
        queue("rabbitmq_detailed_queue_consumers", "st2.actionrunner.work", 0),
        {
            **queue("rabbitmq_detailed_queue_consumers", "st2.actionrunner.work", 1),
            **queue("rabbitmq_detailed_queue_consumers", "st2.resultstracker.work", 0),
            **queue("rabbitmq_detailed_queue_consumers", "st2.actionrunner.workXreq", 0),
            **queue("rabbitmq_detailed_queue_consumers", "st2.workflow.work", 0, vhost="other"),
        },
        {"queue": "st2.actionrunner.work"},
    ),
    Case(
        "StackStormQueueGrowing",
        queue("rabbitmq_detailed_queue_messages_ready", "st2.workflow.action.update", 101),
        queue("rabbitmq_detailed_queue_messages_ready", "st2.workflow.action.update", 99),
        {"queue": "st2.workflow.action.update"},
    ),
    Case(
        "StackStormRedisNoMaster",
        {
            **members("redis_up", "redis", 1, 1, 0),
            **members("redis_instance_info", "redis", 1, 1, labels=',role="slave"'),
        },
        {
            **members("redis_up", "redis", 1, 1, 0),
            **members("redis_instance_info", "redis", 1, labels=',role="master"'),
        },
    ),
    Case(
        "StackStormRedisSeveralMasters",
        members("redis_instance_info", "redis", 1, 1, labels=',role="master"'),
        members("redis_instance_info", "redis", 1, labels=',role="master"'),
    ),
    Case(
        "StackStormRedisReplicasMissing",
        members("redis_connected_slaves", "redis", 1, 0, 0),
        members("redis_connected_slaves", "redis", 0, 2, 0),
    ),
    Case(
        "StackStormEtcdNoLeader",
        members("etcd_server_has_leader", "etcd", 0, 0, 0),
        members("etcd_server_has_leader", "etcd", 0, 1, 0),
        misses=True,
    ),
    Case(
        "StackStormEtcdMemberDown",
        members("etcd_server_has_leader", "etcd", 1, 1),
        members("etcd_server_has_leader", "etcd", 1, 1, 1),
    ),
    Case(
        "StackStormEtcdPeersMissing",
        {
            **members("etcd_network_active_peers", "etcd", 1, 1, 1, labels=',Remote="a"'),
            **members("etcd_network_active_peers", "etcd", 1, 0, 1, labels=',Remote="b"'),
        },
        {
            **members("etcd_network_active_peers", "etcd", 1, 1, 1, labels=',Remote="a"'),
            **members("etcd_network_active_peers", "etcd", 1, 1, 1, labels=',Remote="b"'),
            **members("etcd_network_active_peers", "etcd", 0, labels=',Remote="gone"'),
        },
    ),
    Case(
        "StackStormEtcdDatabaseFull",
        {
            **members("etcd_mvcc_db_total_size_in_bytes", "etcd", 90),
            **members("etcd_server_quota_backend_bytes", "etcd", 100),
        },
        {
            **members("etcd_mvcc_db_total_size_in_bytes", "etcd", 70),
            **members("etcd_server_quota_backend_bytes", "etcd", 100),
        },
        {"pod": "st2-etcd-0"},
    ),
    Case(
        "StackStormServiceDown",
        replicas("deployment", "st2-st2actionrunner", 5, 0),
        {**replicas("deployment", "st2-st2actionrunner", 5, 1), **replicas("deployment", "st2-st2timersengine", 0, 0)},
        {"workload": "st2-st2actionrunner", "deployment": "st2-st2actionrunner"},
    ),
    Case(
        "StackStormServiceDown",
        replicas("statefulset", "st2-mongodb", 3, 0),
        replicas("statefulset", "st2-mongodb", 3, 1),
        {"workload": "st2-mongodb", "statefulset": "st2-mongodb"},
    ),
    Case(
        "StackStormReplicasMissing",
        replicas("deployment", "st2-st2actionrunner", 5, 4),
        replicas("deployment", "st2-st2actionrunner", 5, 5),
        {"workload": "st2-st2actionrunner", "deployment": "st2-st2actionrunner"},
    ),
    Case(
        "StackStormPodCrashLooping",
        # Between two waits it runs for a short time.
        waiting("st2-st2api-1", "1 1 0 0 " * 50),
        waiting("st2-st2api-1", "1x5 0x195"),
        {"pod": "st2-st2api-1", "container": "main"},
    ),
    Case("StackStormPodNotReady", not_ready("Running"), not_ready("Succeeded"), {"pod": "st2-st2api-1"}),
    Case(
        "StackStormMajorityOnOneNode",
        {**placed("mongodb", "a", "b", "b"), **placed("rabbitmq", "a", "b", "c"), **placed("st2api", "a", "a", "a")},
        # A pod that moves is for a moment on both nodes, and one that is not scheduled on none.
        {**placed("mongodb", "a", "b", "c"), **placed("rabbitmq", "a", "", ""), **placed("redis", "b", "c", "a")},
        {"node": "b", "workload": "st2-mongodb"},
    ),
    Case(
        "StackStormJobFailed",
        {'kube_job_failed{NS,job_name="st2-job-register-content-1",condition="true"}': "1x200"},
        {
            'kube_job_failed{NS,job_name="st2-job-register-content-1",condition="true"}': "0x200",
            'kube_job_failed{NS,job_name="st2-job-register-content-1",condition="false"}': "1x200",
        },
        {"job_name": "st2-job-register-content-1"},
    ),
    Case(
        "StackStormVolumeFilling",
        free("data-st2-mongodb-0", 0.19),
        free("data-st2-mongodb-0", 0.21),
        {"persistentvolumeclaim": "data-st2-mongodb-0"},
        minute=60,
    ),
    Case(
        "StackStormVolumeFull",
        free("st2-packs", 0.04),
        free("st2-packs", 0.06),
        {"persistentvolumeclaim": "st2-packs"},
    ),
    Case("StackStormBackupTooOld", {CRON_JOB: "0x200"}, {CRON_JOB: "3600x200"}, {"cronjob": "st2-backup"}, minute=90),
    Case(
        "StackStormBackupTooOld",
        {NEW_CRON_JOB: "0x200"},
        {NEW_CRON_JOB: "0x200", CRON_JOB: "3600x200"},
        {"cronjob": "st2-backup"},
        minute=90,
    ),
    Case(
        "StackStormCertificateExpiring",
        {CERTIFICATE: "90000x200"},
        {CERTIFICATE: "99000x200"},
        {"name": "st2-st2web-tls"},
        minute=130,
    ),
    Case(
        "StackStormCertificateExpiring",
        {EXPORTED_CERTIFICATE: "90000x200"},
        {EXPORTED_CERTIFICATE.replace('"stackstorm"', '"other"'): "90000x200"},
        {"name": "st2-st2web-tls"},
        minute=130,
    ),
    Case(
        "StackStormScrapeFailing",
        members("up", "mongodb", 1, 0, labels=',endpoint="metrics"'),
        members("up", "mongodb", 1, 1, labels=',endpoint="metrics"'),
        {"pod": "st2-mongodb-1", "endpoint": "metrics"},
    ),
]
IDS = [case.alert for case in CASES]
IN_ONE_NAMESPACE = [
    number for number, case in enumerate(CASES) if not case.misses and EXPORTED_CERTIFICATE not in case.fires
]
Told = Mapping[tuple[str, int], str]

Key = TypeVar("Key")


@dataclass(frozen=True)
class Trial:
    """An alert and series at which it has to be as it is expected."""

    rule: Document
    minute: int
    series: Series
    expected: Sequence[Document]
    namespace: str = "stackstorm"


@pytest.fixture(scope="module")
def rules(cluster: MakeCluster) -> dict[str, Document]:
    """All alerts, by their names."""
    clusters = [cluster(values) for values in (VALUES, ETCD)]
    made = [group for one in clusters for group in groups(Facts.of(one), parts_of(one.values))]
    return {rule["alert"]: rule for group in made for rule in group["rules"]}


@pytest.fixture(scope="module")
def promtool(require: Require) -> str:
    return require("promtool")


@pytest.fixture(scope="module")
def told(promtool: str, rules: dict[str, Document], tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What is unexpected in each trial of each case: nothing, if it is as it should be."""
    trials: dict[tuple[str, int], Trial] = {}
    for number, case in enumerate(CASES):
        # What an alert says is not what is tested here, and would have to be repeated.
        rule = {name: value for name, value in rules[case.alert].items() if name != "annotations"}
        alert: Document = {"exp_labels": {**rule["labels"], **case.labels}}
        trials["fires", number] = Trial(rule, case.minute, case.fires, [alert])
        trials["is silent", number] = Trial(rule, case.minute, case.silent, [])
        trials["is elsewhere", number] = Trial(rule, case.minute, case.fires, [], namespace="another")
    return tried(promtool, tmp_path_factory.mktemp("trials"), trials)


def tried(promtool: str, folder: Path, trials: Mapping[Key, Trial]) -> dict[Key, str]:
    """What promtool says of trials that do not go as expected, and nothing of the others.

    It is run once for all of them, because its start takes longer than a trial.
    """
    files = {key: str(file_of(trial, folder / str(number))) for number, (key, trial) in enumerate(trials.items())}
    done = subprocess.run(
        [promtool, "test", "rules", *files.values()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    results = dict(
        re.findall(r"^Unit Testing:  (\S+)\n(.*?)(?=^Unit Testing:|\Z)", done.stdout, re.DOTALL | re.MULTILINE)
    )
    told = {key: "" if results[file].strip() == "SUCCESS" else results[file] for key, file in files.items()}
    assert any(told.values()) == (done.returncode != 0), done.stdout
    return told


def file_of(trial: Trial, folder: Path) -> Path:
    """A trial as promtool reads it, in a new folder."""
    folder.mkdir()
    written(folder / "rules.yml", {"groups": [{"name": "tested", "rules": [trial.rule]}]})
    namespace = f'namespace="{trial.namespace}"'
    inputs = [{"series": name.replace("NS", namespace), "values": values} for name, values in trial.series.items()]
    check = {"eval_time": f"{trial.minute}m", "alertname": trial.rule["alert"], "exp_alerts": [*trial.expected]}
    test = {"interval": "1m", "input_series": inputs, "alert_rule_test": [check]}
    return written(folder / "tests.yml", {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]})


def written(path: Path, content: object) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


def test_every_alert_has_a_case() -> None:
    assert set(IDS) == set(names())


@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_it_fires(told: Told, number: int) -> None:
    assert told["fires", number] == ""


@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_it_does_not_fire(told: Told, number: int) -> None:
    assert told["is silent", number] == ""


@pytest.mark.parametrize("number", [pytest.param(number, id=CASES[number].alert) for number in IN_ONE_NAMESPACE])
def test_what_happens_in_another_namespace_is_not_told(told: Told, number: int) -> None:
    assert told["is elsewhere", number] == ""


@pytest.mark.parametrize("values", [VALUES, ETCD])
def test_prometheus_accepts_all_rules(
    promtool: str, cluster: MakeCluster, values: Mapping[str, Any], tmp_path: Path
) -> None:
    made = cluster(values)
    path = written(tmp_path / "rules.yml", {"groups": groups(Facts.of(made), parts_of(made.values))})
    done = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", [VALUES, ETCD])
def test_prometheus_understands_the_queries_of_dashboards(
    promtool: str, cluster: MakeCluster, values: Mapping[str, Any], tmp_path: Path
) -> None:
    facts = Facts.of(cluster(values))
    queries = [
        # A variable of Grafana.
        target["expr"].replace("$__rate_interval", "5m")
        for dashboard in DASHBOARDS
        for panel in model(dashboard, facts)["panels"]
        for target in panel.get("targets", ())
    ]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    path = written(tmp_path / "rules.yml", {"groups": [{"name": "dashboards", "rules": rules}]})
    done = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_told_has_numbers_for_people(promtool: str, rules: dict[str, Document], tmp_path: Path) -> None:
    rule = rules["StackStormMongodbReplicationLag"]
    labels = {**rule["labels"], "member_idx": "st2-mongodb-1:27017"}
    description = "st2-mongodb-1:27017 is 1m 30s behind the primary."
    alert = {"exp_labels": labels, "exp_annotations": {**rule["annotations"], "description": description}}
    assert tried(promtool, tmp_path, {"it": Trial(rule, 30, delays(90), [alert])}) == {"it": ""}


def test_what_is_unexpected_is_told_of_the_right_trial(
    promtool: str, rules: dict[str, Document], tmp_path: Path
) -> None:
    trial = Trial(rules["StackStormMongodbReplicationLag"], 30, delays(90), [])
    told = tried(promtool, tmp_path, {"right": replace(trial, series=delays(1)), "wrong": trial})
    assert told["right"] == ""
    assert "alertname: StackStormMongodbReplicationLag" in told["wrong"]

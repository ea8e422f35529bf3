"""Alerts on etcd. Names of metrics: https://etcd.io/docs/v3.5/metrics/"""

from __future__ import annotations

from constructs_st2.parts.alerts import Alert

ETCD: tuple[Alert, ...] = (
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

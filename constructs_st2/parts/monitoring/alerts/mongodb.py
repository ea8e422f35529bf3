"""Alerts on MongoDB. Names of metrics: https://github.com/percona/mongodb_exporter/tree/v0.44.0"""

from __future__ import annotations

from constructs_st2.parts.alerts import Alert

_PRIMARY, _SECONDARY = 1, 2
"""States of members: https://www.mongodb.com/docs/manual/reference/replica-states/"""


MONGODB: tuple[Alert, ...] = (
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

"""How long a backend takes to replace a member that is gone, and how long its clients wait for that.

A client that waits for less fails where it need not: an action is lost because its result could not be written. The
numbers are those of the servers and of st2, with the user's in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.findings import Finding, option_key
from constructs_st2.facts.node_loss import NET_TICKTIME, NET_TICKTIME_SPREAD
from constructs_st2.facts.st2_options import options_for
from constructs_st2.values.model import Values
from constructs_st2.values.model.backends import Options as ServerOptions
from constructs_st2.values.model.images import St2Version

Place: TypeAlias = tuple[str, str]
"""Section and option of st2.conf."""

DATABASE_TIMEOUT: Place = ("database", "connection_timeout")
_RETRIES: Place = ("messaging", "connection_retries")
_RETRY_WAIT: Place = ("messaging", "connection_retry_wait")
_LOCK_TIMEOUT: Place = ("coordination", "lock_timeout")
_WORKFLOW_RETRIES: Place = ("workflow_engine", "retry_stop_max_msec")

# MongoDB: electionTimeoutMillis, after which secondaries look for a new primary, up to 15 % later each at its own time
# (electionTimeoutOffsetLimitFraction). The vote, the catching up, and the news of it are seconds.
_ELECTION_TIMEOUT = 10
_ELECTION_SPREAD = 1.15
_ELECTION = 3.5

# RabbitMQ that runs elsewhere: the default of Erlang.
# https://www.erlang.org/doc/apps/kernel/kernel_app#net_ticktime
_NET_TICKTIME = 60

# Redis: sentinels vote, and make a replica the master. 7.4 s were seen from the loss of the master to the first write,
# with the default of 5 s for down-after-milliseconds.
_PROMOTION = 3

# etcd: what it gives a request itself, 5 s and two elections (ReqTimeout in its server/config/config.go).
_ELECTION_TIMEOUT_ETCD = 1000
_REQUEST = 5

MEMBERSHIP_TIMEOUT = 30
"""Seconds for which tooz keeps a member that it does not hear of, in both drivers. Members and locks are renewed twice
in the time of the shorter one."""

ETCD_PATIENCE = 20
"""Seconds for which the driver of this package tries a request again (``library/st2_etcd.py``)."""

REDIS_PATIENCE = 120
"""The same for commands to Redis (``library/st2_redis.py``)."""

# st2: two rounds over all nodes, 10 s after each, for everything that is published (ClusterRetryContext in
# st2common/transport/connection_retry_wrapper.py). kombu gives a node 5 s to let it in (connect_timeout).
_PUBLISHER_PATIENCE = 20
_CONNECT_TIMEOUT = 5


class Failover(NamedTuple):
    """A replacement, and the most seconds that it takes. ``key`` is where the values say how long, if they can."""

    backend: str
    what: str
    seconds: float
    because: str
    key: str | None = None


class Patience(NamedTuple):
    """A client that waits for it, and for how many seconds; ``options`` of st2.conf say so, if any do."""

    client: str
    seconds: float
    because: str
    options: tuple[Place, ...] = ()


class Race(NamedTuple):
    """A failover, and a client that must outlast it."""

    failover: Failover
    patience: Patience

    @property
    def is_lost(self) -> bool:
        """Whether the client gives up first."""
        return self.patience.seconds <= self.failover.seconds

    @property
    def message(self) -> str:
        """What is wrong with a race that is lost."""
        failover, patience = self.failover, self.patience
        return (
            f"{patience.client} gives up after {seconds(patience.seconds)} s ({patience.because}), but {failover.what} "
            f"can take {failover.backend} {seconds(failover.seconds)} s ({failover.because})"
        )


def lost_races(races: Iterable[Race], lines: Mapping[Place, int]) -> tuple[list[Finding], list[ValueProblem]]:
    """What is wrong with the user's options of st2.conf, and with the user's settings of servers.

    Args:
        races: all of a cluster.
        lines: where the user wrote an option.
    """
    findings, problems = [], []
    for race in races:
        if race.is_lost:
            written = [place for place in race.patience.options if place in lines]
            if written or race.failover.key is None:
                place = (written or race.patience.options)[0]
                findings.append(Finding(lines.get(place), option_key(*place), race.message))
            else:
                problems.append(ValueProblem(race.failover.key, race.message))
    return findings, problems


def seconds(value: float) -> str:
    """A number of seconds as people write it."""
    return f"{value:g}"


def races(values: Values, options: Mapping[Place, str], version: St2Version) -> Iterator[Race]:
    """All failovers of a cluster and who must outlast them.

    Args:
        values: the cluster's values.
        options: the options of st2.conf that are in force.
        version: of st2; what ``options`` do not say is as this version has it.
    """
    st2 = _Numbers(options, version)
    yield from _database(st2)
    yield from _messaging(values, st2)
    match values.coordination_backend:
        case "redis":
            yield from _redis(values, st2)
        case "etcd":
            yield from _etcd(values, st2)


class _Numbers:
    """Options of st2.conf as numbers, by default those of st2."""

    def __init__(self, options: Mapping[Place, str], version: St2Version) -> None:
        self._options = options
        self._defaults = options_for(version)

    def __getitem__(self, place: Place) -> int:
        default: int = self._defaults[place[0]][place[1]].default
        return _number(self._options.get(place), default)


def _number(text: object, default: int) -> int:
    # What is no number is told elsewhere, or is a reference to another option, which is too rare to be followed.
    try:
        return int(str(text))
    except ValueError:
        return default


def _of_server(options: ServerOptions, name: str, default: int) -> int:
    return _number(options.get(name), default)


def _database(st2: _Numbers) -> Iterator[Race]:
    election = Failover(
        "MongoDB",
        "the election of a primary",
        _ELECTION_TIMEOUT * _ELECTION_SPREAD + _ELECTION,
        f"electionTimeoutMillis {_ELECTION_TIMEOUT} s, up to {_ELECTION_SPREAD - 1:.0%} more, {_ELECTION} s to vote",
    )
    milliseconds = st2[DATABASE_TIMEOUT]
    yield Race(
        election,
        Patience("every service", milliseconds / 1000, "[database] connection_timeout", (DATABASE_TIMEOUT,)),
    )


def _messaging(values: Values, st2: _Numbers) -> Iterator[Race]:
    rabbitmq = values.rabbitmq
    own = NET_TICKTIME if rabbitmq.enabled else _NET_TICKTIME
    tick = _of_server(rabbitmq.configuration if rabbitmq.enabled else {}, "net_ticktime", own)
    lost = Failover(
        "RabbitMQ",
        "the removal of a lost node",
        tick * NET_TICKTIME_SPREAD,
        f"net_ticktime {tick} s, up to {NET_TICKTIME_SPREAD - 1:.0%} more",
        "rabbitmq.configuration.net_ticktime",
    )
    retries, wait = st2[_RETRIES], st2[_RETRY_WAIT] / 1000
    yield Race(
        lost,
        Patience(
            "a service that starts",
            retries * wait,
            f"[messaging] connection_retries {retries} x connection_retry_wait {seconds(wait)} s",
            (_RETRIES, _RETRY_WAIT),
        ),
    )
    nodes = max(1, (rabbitmq.replicas - 1) // 2)
    connection = Failover(
        "RabbitMQ",
        "a connection to another node",
        nodes * _CONNECT_TIMEOUT,
        f"connect_timeout of kombu {_CONNECT_TIMEOUT} s, for each node that may be lost",
    )
    fixed = Patience(
        "whoever publishes", _PUBLISHER_PATIENCE, "two rounds over all nodes, 10 s after each; fixed in st2"
    )
    yield Race(connection, fixed)


def _redis(values: Values, st2: _Numbers) -> Iterator[Race]:
    down_after = values.redis.sentinel.down_after_milliseconds / 1000
    master = Failover(
        "Redis",
        "another master",
        down_after + _PROMOTION,
        f"down-after-milliseconds {seconds(down_after)} s, and {_PROMOTION} s to vote and promote",
        "redis.sentinel.downAfterMilliseconds",
    )
    yield Race(master, Patience("every service", REDIS_PATIENCE, "the driver of this package tries again"))
    yield from _coordination(master, st2)


def _etcd(values: Values, st2: _Numbers) -> Iterator[Race]:
    election = _of_server(values.etcd.configuration, "election-timeout", _ELECTION_TIMEOUT_ETCD) / 1000
    leader = Failover(
        "etcd",
        "another leader",
        2 * election + _REQUEST,
        f"election-timeout {seconds(election)} s, twice, and {_REQUEST} s",
        "etcd.configuration.election-timeout",
    )
    yield Race(leader, Patience("every service", ETCD_PATIENCE, "the driver of this package tries again"))
    yield from _coordination(leader, st2)


def _coordination(failover: Failover, st2: _Numbers) -> Iterator[Race]:
    lock = st2[_LOCK_TIMEOUT]
    beat = min(lock, MEMBERSHIP_TIMEOUT) / 2
    yield Race(
        failover,
        Patience(
            "who holds a lock",
            lock - beat,
            f"[coordination] lock_timeout {lock} s, less the {seconds(beat)} s between two renewals",
            (_LOCK_TIMEOUT,),
        ),
    )
    retries = st2[_WORKFLOW_RETRIES] / 1000
    yield Race(
        failover,
        Patience("the workflow engine", retries, "[workflow_engine] retry_stop_max_msec", (_WORKFLOW_RETRIES,)),
    )

"""The tooz driver `st2redis`: tooz's driver for Redis, made fit for StackStorm.

Runs in the virtual environment of the st2 images, not in that of constructs-st2: with Python 3.8 or newer, and tooz
2.8.0 with redis-py 4.1.4 (st2 3.8) or tooz 6.3.0 with redis-py 6.1.1 (st2 3.9). The options of its URL and its keys in
Redis are those of tooz's driver, so that services with either can share a Redis.

st2 takes an error of its coordination for final: an execution fails, or is left where it is. tooz 2.8.0 repeats
nothing, and tooz 6.3.0 repeats a lost connection up to 15 times without a pause. Another master takes seconds.
"""

# mypy: disable-error-code="import-not-found", allow-subclassing-any, allow-untyped-decorators, no-warn-return-any
from __future__ import annotations

import itertools
import logging
import math
import re
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.lock import Lock as RedisPyLock
from redis.lock import LockNotOwnedError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError
from tooz import coordination
from tooz.drivers.redis import RedisDriver, RedisFutureResult, RedisLock

LOG = logging.getLogger(__name__)

_DEFAULTS = {
    "membership_timeout": 30,
    "lock_timeout": 30,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
}
_SENTINEL_TIMEOUT = 2
"""A sentinel answers at once, or another one is asked."""
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0
_FAREWELL = 2.0
"""Seconds for all that a process tells a Redis when it stops. What is left behind expires."""

# What a server says that is not, or not yet, the master, or a master without replicas (min-replicas-to-write).
_REFUSALS = re.compile(r"\b(READONLY|NOREPLICAS|LOADING|MASTERDOWN|TRYAGAIN)\b")


def _passes(error: Exception) -> bool:
    """Whether it may be otherwise in a moment. Where scripts fail, the reason is in the midst of the text."""
    if isinstance(error, (exceptions.AuthenticationError, exceptions.AuthorizationError)):
        return False
    if isinstance(error, (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.WatchError)):
        return True
    return isinstance(error, exceptions.ReadOnlyError) or bool(_REFUSALS.search(str(error)))


class _MasterDiscovery:
    """Asks all sentinels for the master, each time another one first: one may be gone, or not know a new master yet.

    redis-py asks the one that answered last, and loses sentinels when two threads ask at the same time: each swaps the
    members of the list that the other goes through (discover_master in redis/sentinel.py).
    """

    def __init__(self, manager: Any) -> None:
        self._sentinels = tuple(manager.sentinels)
        self._is_usable = manager.check_master_state
        self._turns = itertools.count()

    def __call__(self, name: str) -> tuple[str, int]:
        first = next(self._turns) % len(self._sentinels)
        failures = []
        for sentinel in self._sentinels[first:] + self._sentinels[:first]:
            try:
                state = sentinel.sentinel_masters().get(name)
            except exceptions.RedisError as error:
                failures.append(repr(error))
                continue
            if state and self._is_usable(state, name):
                return state["ip"], state["port"]
        raise MasterNotFoundError(f"no sentinel knows a master {name} that is up {failures or ''}")


def _check_names(pool: Any) -> None:
    """Have a connection by TLS check the name in the certificate: redis-py does so by itself only since version 6."""
    if issubclass(pool.connection_class, redis.SSLConnection) and pool.connection_kwargs.get("ssl_cert_reqs") != "none":
        pool.connection_kwargs["ssl_check_hostname"] = True


Attempt = Callable[[redis.Redis, bool], Any]
"""One try with the client that it is given; the flag says that an earlier one may have been carried out already."""


class Client(redis.Redis):
    """Outlasts the change of a master, which st2 would take for the failure of what it is doing.

    Args:
        pool: the connections of a client of tooz that has not connected yet.
    """

    patience = 120.0
    """Seconds for which a command is tried again: another master takes 8 s, and 90 s when a server of the cluster's DNS
    is lost with the old one, because sentinels that wait for names decide nothing (see Failover)."""

    def __init__(self, pool: Any) -> None:
        super().__init__(connection_pool=pool)
        self.once = redis.Redis(connection_pool=pool)
        """A client that tries nothing again."""
        self.end = math.inf
        """The moment of time.monotonic() from which on nothing is tried any more."""
        # redis-py must not repeat anything unseen: see do_acquire. Its clients of sentinels would, with long pauses.
        no_retries = Retry(NoBackoff(), 0)
        pool.connection_kwargs["retry"] = no_retries
        _check_names(pool)
        manager = getattr(pool, "sentinel_manager", None)
        if manager is not None:
            timeouts = {"socket_timeout": _SENTINEL_TIMEOUT, "socket_connect_timeout": _SENTINEL_TIMEOUT}
            for sentinel in manager.sentinels:
                sentinel.connection_pool.connection_kwargs.update(timeouts, retry=no_retries)
                _check_names(sentinel.connection_pool)
            manager.discover_master = _MasterDiscovery(manager)

    def patiently(self, attempt: Attempt) -> Any:
        """What an attempt returns in the end.

        Raises:
            ToozConnectionError: Redis is away for too long. st2 tries again after that and after nothing else
                (retry_on_connection_errors in st2common/exceptions/workflow.py), and tooz 6.3.0 leaves it alone.
        """
        end = time.monotonic() + self.patience
        pause, is_repeated = _SHORTEST_PAUSE, False
        while True:
            if time.monotonic() >= self.end:
                raise coordination.ToozConnectionError("Redis does not answer, and the process is about to stop")
            begin = time.monotonic()
            try:
                return attempt(self.once, is_repeated)
            except exceptions.RedisError as error:
                if not _passes(error):
                    raise
                now = time.monotonic()
                if now >= min(end, self.end):
                    raise coordination.ToozConnectionError(f"Redis does not answer: {error}") from error
                LOG.debug("Redis does not answer, trying again: %r", error)
                if isinstance(error, exceptions.ResponseError):
                    # It answers, but is not the master: only a new connection asks who is.
                    self.connection_pool.disconnect(inuse_connections=False)
            # A look-up of a name may hold up all green threads; they get as long afterwards.
            time.sleep(min(max(pause, now - begin), _LONGEST_PAUSE))
            pause, is_repeated = 2 * pause, True

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return self.patiently(lambda client, _: client.execute_command(*args, **options))

    def transaction(self, func: Callable[[Any], Any], *watches: Any, **kwargs: Any) -> Any:
        """As in redis-py, which begins again without end and pause when its connection is lost in the midst."""

        def attempt(client: redis.Redis, _: bool) -> Any:
            with client.pipeline() as pipeline:
                pipeline.watch(*watches)
                value = func(pipeline)
                answers = pipeline.execute()
                return value if kwargs.get("value_from_callable") else answers

        return self.patiently(attempt)

    def lock(self, name: str, timeout: float, **options: Any) -> TokenLock:
        return TokenLock(self, name, timeout=timeout, **options)


class TokenLock(RedisPyLock):
    """A key that holds the token of who has the lock. An answer that was lost is no lost lock."""

    def do_acquire(self, token: bytes) -> bool:
        def attempt(client: redis.Redis, is_repeated: bool) -> bool:
            if client.set(self.name, token, nx=True, px=self._lifetime):
                return True
            # An earlier try may have got it; its time has been running since.
            return is_repeated and self._renew(token, client)

        return self.redis.patiently(attempt)

    def do_release(self, expected_token: bytes) -> None:
        def attempt(client: redis.Redis, is_repeated: bool) -> bool:
            released = self.lua_release(keys=[self.name], args=[expected_token], client=client)
            return bool(released) or is_repeated

        if not self.redis.patiently(attempt):
            raise LockNotOwnedError("it has expired")

    def renew(self) -> bool:
        """Whether it is still held, for its whole time again. Tries once."""
        return self._renew(self.local.token, self.redis.once)

    def _renew(self, token: bytes, client: redis.Redis) -> bool:
        return bool(self.lua_reacquire(keys=[self.name], args=[token, self._lifetime], client=client))

    @property
    def _lifetime(self) -> int:
        return int(self.timeout * 1000)


class Lock(RedisLock):
    """As in tooz, but heartbeats do not wait for a release, and notice that the lock is lost."""

    def heartbeat(self) -> bool:
        if not self._exclusive_access.acquire(blocking=False):
            return self.acquired
        try:
            if self.acquired and not self._lock.renew():
                LOG.error("lock %s is lost: no heartbeat reached Redis within its lock_timeout", self.name)
                self._coord._acquired_locks.discard(self)
            return self.acquired
        finally:
            self._exclusive_access.release()


class Driver(RedisDriver):
    """Locks and groups in Redis."""

    SCRIPTS: ClassVar[dict[str, str]] = {
        **RedisDriver.SCRIPTS,
        "join_group": """
if redis.call("exists", KEYS[1]) == 0 then
    return 0
end
redis.call("hset", KEYS[1], ARGV[1], ARGV[2])
return 1
""",
    }

    def __init__(self, member_id: bytes, parsed_url: Any, options: dict[str, Any]) -> None:
        super().__init__(member_id, parsed_url, {**_DEFAULTS, **options})
        self._capabilities: dict[bytes, Any] = {}
        self._membership = threading.Lock()

    @classmethod
    def _make_client(cls, parsed_url: Any, options: dict[str, Any], default_socket_timeout: int) -> Client:
        return Client(super()._make_client(parsed_url, options, default_socket_timeout).connection_pool)

    def stop(self) -> None:
        """As in tooz, but does not wait for a Redis that is away: what is left behind expires."""
        if self._client is not None:
            self._client.end = time.monotonic() + _FAREWELL
        super().stop()

    def heartbeat(self) -> float:
        """As in tooz, but returns when Redis is away: tooz's Heart repeats a beat that fails, also when it should stop.

        It waits for half of the seconds that are returned.
        """
        client = self._client.once
        try:
            for lock in self._acquired_locks.copy():
                lock.heartbeat()
            lifetime = int(self.membership_timeout * 1000)
            client.psetex(self._encode_beat_id(self._member_id), lifetime, self.STILL_ALIVE)
            self._join_again(client)
        except Exception as error:  # redis-py has many ways to say that Redis is away
            LOG.warning("no heartbeat: %r", error)
            return 2
        return min(self.lock_timeout, self.membership_timeout)

    def get_lock(self, name: str | bytes) -> Lock:
        return Lock(self, self._client, name, self.lock_timeout)

    def join_group(self, group_id: bytes, capabilities: Any = b"") -> coordination.CoordinatorResult:
        """As in tooz, but a member that died may come back before it has been struck out.

        A container that is started again in its pod has the name of the one before: get_member_id in
        st2common/services/coordination.py takes the host's name and the process's number. Nor does it fail when the
        answer is lost.
        """

        def join() -> None:
            if group_id in self._joined_groups:
                raise coordination.MemberAlreadyExist(group_id, self._member_id)
            if not self._put_member(group_id, capabilities, self._client):
                raise coordination.GroupNotCreated(group_id)
            with self._membership:
                self._capabilities[group_id] = capabilities
            self._joined_groups.add(group_id)

        return RedisFutureResult(self._submit(join))

    def leave_group(self, group_id: bytes) -> coordination.CoordinatorResult:
        """As in tooz, but it is not joined again, and an answer that is lost is no failure."""
        group, member = self._encode_group_id(group_id), self._encode_member_id(self._member_id)

        def leave() -> None:
            with self._membership:
                self._capabilities.pop(group_id, None)
            if not self._client.patiently(lambda client, is_repeated: client.hdel(group, member) or is_repeated):
                if not self._client.exists(group):
                    raise coordination.GroupNotCreated(group_id)
                raise coordination.MemberNotJoined(group_id, self._member_id)
            self._joined_groups.discard(group_id)

        return RedisFutureResult(self._submit(leave))

    def _join_again(self, client: redis.Redis) -> None:
        """Where another has struck out this member for want of a heartbeat, or Redis has lost its data."""
        with self._membership:
            for group_id, capabilities in self._capabilities.items():
                group, member = self._encode_group_id(group_id), self._encode_member_id(self._member_id)
                if not client.hexists(group, member):
                    LOG.warning("member %s had expired and joins group %s again", self._member_id, group_id)
                    keys, name = [group, self._groups], self._encode_group_id(group_id, apply_namespace=False)
                    self._get_script("create_group")(keys=keys, args=[name], client=client)
                    self._put_member(group_id, capabilities, client)

    def _put_member(self, group_id: bytes, capabilities: Any, client: redis.Redis) -> bool:
        """Whether there is such a group."""
        arguments = [self._encode_member_id(self._member_id), self._dumps(capabilities)]
        return bool(
            self._get_script("join_group")(keys=[self._encode_group_id(group_id)], args=arguments, client=client)
        )

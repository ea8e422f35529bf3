"""The tooz drivers `st2etcd+http` and `st2etcd+https`: tooz's driver for etcd, made fit for StackStorm.

Runs in the virtual environment of the st2 images, not in that of constructs-st2: with Python 3.8 or newer, tooz 2.8.0
(st2 3.8) or 6.3.0 (st2 3.9), and the etcd3gw that is shipped beside it. What it changes is what fails or stalls st2 in
tooz/drivers/etcd3gw.py of both releases. The options of its URL are those of that driver.
"""

# mypy: disable-error-code="import-not-found", allow-subclassing-any, allow-untyped-decorators, no-warn-return-any
from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

import etcd3gw
import requests
import tooz
from etcd3gw import exceptions
from tooz import coordination, utils
from tooz.drivers.etcd3gw import Etcd3Driver, Etcd3Lock, _encode, _translate_failures

LOG = logging.getLogger(__name__)

_DEFAULTS = {
    # etcd itself gives up after 7 s without a leader, and then says so (ReqTimeout in its server/config/config.go).
    "timeout": 10,
    "lock_timeout": 30,
    "membership_timeout": 30,
}
_CONNECT_TIMEOUT = 3
_CONNECTIONS = 100
"""How many are kept open: green threads that ask at the same time each take one."""
_POLL = 0.1
"""Between two looks at a lock that another holds; tooz's driver for Redis waits as long."""
_GONE = -1
"""What etcd3gw says about a lease that etcd no longer knows."""


class Client(etcd3gw.Etcd3Client):
    """Outlasts the loss of a leader or of a member, which st2 would take for the failure of what it is doing."""

    patience = 20.0
    """Seconds for which a request is tried again; none does harm when it is carried out twice.

    A new leader takes up to 5 s, and a member that is gone with its node costs the time-outs of its connections.
    """

    def __init__(self, client: Any) -> None:
        # Every etcd that has an API of version 3 under /v3/ is new enough; asking for its version first can only fail.
        super().__init__(client.host, client.port, client.protocol, timeout=client.timeout, api_path="/v3/")
        self.timeout = (_CONNECT_TIMEOUT, client.timeout)
        self.session = client.session
        # st2's proxy is for the Internet: etcd is not behind it, whatever no_proxy says.
        self.session.trust_env = False
        self.session.mount(self.base_url, requests.adapters.HTTPAdapter(pool_maxsize=_CONNECTIONS))

    def post(self, *args: Any, **kwargs: Any) -> Any:
        begin = time.monotonic()
        while True:
            try:
                return super().post(*args, **kwargs)
            except (
                exceptions.ConnectionFailedError,
                exceptions.ConnectionTimeoutError,
                exceptions.InternalServerError,  # "context deadline exceeded", when there is no leader for a write
            ) as error:
                if time.monotonic() - begin >= self.patience:
                    # st2 tries again after a lost connection and after nothing else: retry_on_connection_errors in
                    # st2common/exceptions/workflow.py.
                    message = f"{self.base_url} does not answer: {error.detail_text}"
                    raise exceptions.ConnectionFailedError(message, message) from error
                LOG.debug("%s does not answer, trying again: %s", self.base_url, error.detail_text)
            time.sleep(0.5)


class Lock(Etcd3Lock):
    """A key with a lease of its own."""

    @_translate_failures
    def acquire(self, blocking: bool | float = True, shared: bool = False, timeout: int | None = None) -> bool:
        """As in tooz, where every attempt leaves a lease, the next comes a second later, and the last one raises."""
        if shared:
            raise tooz.NotImplemented
        wait, seconds = utils.convert_blocking(blocking)
        end = math.inf if seconds is None else time.monotonic() + seconds
        while not self._try(timeout or self._timeout):
            if not wait or time.monotonic() >= end:
                return False
            time.sleep(_POLL)
        return True

    def _try(self, timeout: int) -> bool:
        client = self._coord.client
        # Looking costs etcd much less than a write, even than one that is refused.
        if client.get(self._key):
            return False
        lease = client.lease(timeout)
        holder = _encode(self._coord._member_id)
        answer = client.transaction(
            {
                "compare": [{"key": self._key_b64, "target": "CREATE", "result": "EQUAL", "create_revision": 0}],
                "success": [{"request_put": {"key": self._key_b64, "value": holder, "lease": lease.id}}],
                "failure": [{"request_range": {"key": self._key_b64}}],
            }
        )
        if not answer.get("succeeded"):
            # The first answer may have been lost and the request have been repeated; then the key is this lock's.
            (found,) = answer["responses"][0]["response_range"]["kvs"]
            if int(found.get("lease", 0)) != lease.id:
                _revoke(lease)
                return False
        self._lease = lease
        self._coord._acquired_locks.add(self)
        return True

    @_translate_failures
    def release(self) -> bool:
        """As in tooz, where the heartbeat keeps a lock alive for ever that was lost or could not be released."""
        with self._exclusive_access:
            if not self.acquired:
                return False
            self._coord._acquired_locks.discard(self)
            return _revoke(self._lease)

    @_translate_failures
    def heartbeat(self) -> bool:
        """As in tooz, but notices that the lock is lost."""
        with self._exclusive_access:
            if self.acquired and self._lease.refresh() == _GONE:
                LOG.error("lock %s is lost: no heartbeat reached etcd within its lock_timeout", self.name)
                self._coord._acquired_locks.discard(self)
            return self.acquired


def _revoke(lease: Any) -> bool:
    """Whether etcd knew the lease. Its keys go with it."""
    try:
        return bool(lease.revoke())
    except exceptions.Etcd3Exception as error:
        if "lease not found" in str(error.detail_text):
            return False
        raise


class Driver(Etcd3Driver):
    """Locks and groups in etcd."""

    client: Client

    def __init__(self, member_id: bytes, parsed_url: Any, options: dict[str, Any]) -> None:
        super().__init__(member_id, parsed_url, {**_DEFAULTS, **options})
        self.client = Client(self.client)
        self._capabilities: dict[bytes, Any] = {}

    def _start(self) -> None:
        self.client.patience = Client.patience
        super()._start()

    def stop(self) -> None:
        """As in tooz, but does not wait for an etcd that is away: what is left behind expires."""
        self.client.patience = 0
        super().stop()

    def heartbeat(self) -> float:
        """As in tooz, but returns when etcd is away: tooz's Heart repeats a beat that fails, also while it should stop.

        It waits for half of the seconds that are returned.
        """
        try:
            for lock in self._acquired_locks.copy():
                lock.heartbeat()
            if self._membership_lease.refresh() == _GONE:
                self._executor.submit(self._join_again).result()
        except Exception as error:  # etcd3gw and requests have many ways to say that etcd is away
            LOG.warning("no heartbeat: %r", error)
            return 2
        return min(self.lock_timeout, self.membership_timeout) / 2

    def get_lock(self, name: str | bytes) -> Lock:
        """As in tooz, but st2 also has text: names of actions that have a policy (st2actions/scheduler/handler.py)."""
        return Lock(self, utils.to_binary(name, "utf-8"), self.lock_timeout)

    def _prefix_group(self, group_id: str | bytes) -> bytes:
        """As in tooz, but with a slash in its name a group is not taken for a member of another."""
        name = quote_from_bytes(utils.to_binary(group_id, "utf-8"), safe="")
        return self.GROUP_PREFIX + name.encode() + b"/"

    def get_groups(self) -> coordination.CoordinatorResult:
        """As in tooz, which takes every member for a group."""

        def groups() -> list[bytes]:
            keys = [
                metadata["key"][len(self.GROUP_PREFIX) :] for _, metadata in self.client.get_prefix(self.GROUP_PREFIX)
            ]
            return [unquote_to_bytes(key[:-1]) for key in keys if key.find(b"/") == len(key) - 1]

        return self._submit(groups)

    def join_group(self, group_id: bytes, capabilities: Any = b"") -> coordination.CoordinatorResult:
        """As in tooz, but a member that died may come back before it has expired.

        A container that is started again in its pod has the name of the one before: get_member_id in
        st2common/services/coordination.py takes the host's name and the process's number.
        """

        def join() -> None:
            if group_id in self._joined_groups:
                raise coordination.MemberAlreadyExist(group_id, self._member_id)
            self._put_member(group_id, capabilities, self._membership_lease)
            self._joined_groups.add(group_id)
            self._capabilities[group_id] = capabilities

        return self._submit(join)

    def leave_group(self, group_id: bytes) -> coordination.CoordinatorResult:
        """As in tooz, but it is not joined again. The one thread of the executor keeps the order."""
        self._executor.submit(self._capabilities.pop, group_id, None)
        return super().leave_group(group_id)

    def _join_again(self) -> None:
        """After the lease has expired: tooz 6.3.0 only gets a new one, and tooz 2.8.0 does not notice."""
        lease = self.client.lease(self.membership_timeout)
        for group_id, capabilities in self._capabilities.items():
            LOG.warning("member %s had expired and joins group %s again", self._member_id, group_id)
            self._put_member(group_id, capabilities, lease, create=True)
        self._membership_lease = lease

    def _put_member(self, group_id: bytes, capabilities: Any, lease: Any, create: bool = False) -> None:
        group, member = self._encode_group_id(group_id), _encode(self._prefix_group(group_id) + self._member_id)
        value = _encode(utils.dumps(capabilities))
        exists = {"key": group, "target": "VERSION", "result": "GREATER", "version": 0}
        answer = self.client.transaction(
            {
                "compare": [] if create else [exists],
                "success": [
                    {"request_put": {"key": group, "value": group}},
                    {"request_put": {"key": member, "value": value, "lease": lease.id}},
                ],
            }
        )
        if not answer.get("succeeded"):
            raise coordination.GroupNotCreated(group_id)

    def _submit(self, work: Callable[[], Any]) -> coordination.CoordinatorResult:
        return coordination.CoordinatorResult(self._executor.submit(_translate_failures(work)))

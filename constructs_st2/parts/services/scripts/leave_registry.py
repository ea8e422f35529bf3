"""Takes out of st2's service registry what an earlier container of this pod has left there.

usage: python leave_registry.py GROUP [ARGUMENT ...]     of the arguments of a service, those that name settings count

Runs in the virtual environment of the st2 images: Python 3.8 or newer, with tooz 2.8.0 and oslo.config 1.12.1 (st2 3.8)
or tooz 6.3.0 and oslo.config 9.6.0 (st2 3.9).

A member's name is made of its host and the number of its process (get_member_id in st2common/services/coordination.py),
which are the same each time a container of a pod is started. A member that is killed does not leave, and a service that
finds itself in the registry ends with MemberAlreadyExist. With Redis that lasts until somebody asks for the members of
the group, for only then are those struck out whose heartbeat has expired (get_members in tooz/drivers/redis.py), and
for most groups nobody ever asks.
"""

# mypy: disable-error-code="import-not-found, no-any-return"
from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tooz
from oslo_config import cfg
from tooz import coordination


def coordination_url(settings: list[str]) -> str | None:
    """What st2.conf says; None without a coordination backend.

    Args:
        settings: the arguments of a service that name files of settings.
    """
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt("url", secret=True)], group="coordination")
    conf(settings, default_config_files=[])
    return conf.coordination.url


def leave(url: str, group: bytes, host: str) -> None:
    """Take all members of a host out of a group. None of their processes may be there any more."""
    with coordinator(url, host.encode()) as reader:
        try:
            members = reader.get_members(group).get()
        except coordination.GroupNotCreated:
            return
    for member in sorted(members):
        if member.rpartition(b"_")[0] == host.encode():
            leave_as(url, group, member)
            print(f"{member.decode()} was killed and has left {group.decode()} in the service registry")


def leave_as(url: str, group: bytes, member: bytes) -> None:
    """Leave a group on behalf of a member, unless it has expired meanwhile."""
    with coordinator(url, member) as former:
        try:
            former.leave_group(group).get()
        except coordination.MemberNotJoined:
            return


@contextmanager
def coordinator(url: str, member: bytes) -> Iterator[Any]:
    """A connection to the coordination backend."""
    made = coordination.get_coordinator(url, member)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def main(group: str, arguments: list[str]) -> int:
    """Leave, where there is a registry. Returns the exit status."""
    url = coordination_url([each for each in arguments if each.startswith("--config-")])
    try:
        if url:
            leave(url, group.encode(), socket.gethostname())
    except tooz.ToozError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

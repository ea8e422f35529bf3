"""What a service does in st2's service registry before it starts.

usage: python service_registry.py leave GROUP [ARGUMENT ...]
       python service_registry.py await-former GROUP WORKLOAD [ARGUMENT ...]

Of the arguments of a service, those that name settings count.

leave: takes out what an earlier container of this pod has left there.
await-former: returns once no other pod of the workload is a member. It asks for as long as it takes.

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

import re
import socket
import sys
import time
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


def await_former(url: str, group: bytes, host: str, workload: str) -> None:
    """Return once no other pod of a Deployment is a member of a group."""
    told: set[str] = set()
    while others := former_pods(url, group, host, workload):
        for other in sorted(others - told):
            print(f"waiting until {other} has left {group.decode()} in the service registry", flush=True)
        told |= others
        time.sleep(1)


def former_pods(url: str, group: bytes, host: str, workload: str) -> set[str]:
    """The other pods of a Deployment that are members of a group."""
    # Its name, that of the ReplicaSet and that of the pod; long ones are cut off at their end.
    of_workload = re.compile(re.escape(workload) + "-[a-z0-9]+(-[a-z0-9]*)?")
    try:
        with coordinator(url, host.encode()) as reader:
            members = reader.get_members(group).get()
    except coordination.GroupNotCreated:
        return set()
    hosts = {member.decode().rpartition("_")[0] for member in members}
    return {each for each in hosts if each != host and of_workload.fullmatch(each)}


@contextmanager
def coordinator(url: str, member: bytes) -> Iterator[Any]:
    """A connection to the coordination backend."""
    made = coordination.get_coordinator(url, member)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def main(command: str, group: str, arguments: list[str]) -> int:
    """Do it, where there is a registry. Returns the exit status."""
    url = coordination_url([each for each in arguments if each.startswith("--config-")])
    try:
        if url and command == "leave":
            leave(url, group.encode(), socket.gethostname())
        elif url:
            await_former(url, group.encode(), socket.gethostname(), arguments[0])
    except tooz.ToozError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))

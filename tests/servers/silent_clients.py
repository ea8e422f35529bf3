"""Clients that tell what they see of a server which is lost with its node.

usage: silent_clients.py PROGRAM HOST PORT [ARGUMENT]     with the libraries of st2
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from typing import Any


def said(line: str) -> None:
    print(line, flush=True)


def until_told() -> None:
    sys.stdin.readline()


def idle(host: str, port: int, request: str) -> None:
    """A connection over which something has been asked, with no end."""
    with socket.create_connection((host, port)) as connection:
        connection.sendall(request.encode())
        said("ready" if connection.recv(100) else "closed")
        threading.Event().wait()


def consume(host: str, port: int, queue: str) -> None:
    """Keep the messages of a queue unacknowledged, and wait for more."""
    import kombu

    with kombu.Connection(f"amqp://test:test@{host}:{port}//") as connection:
        channel = connection.channel()
        held: list[Any] = []
        source = kombu.Queue(queue, channel=channel)
        source.declare()
        kombu.Consumer(channel, [source], callbacks=[lambda *delivery: held.append(delivery)]).consume()
        kombu.Producer(channel).publish("held", routing_key=queue)
        while not held:
            connection.drain_events(timeout=120)
        said("ready")
        connection.drain_events()


def options(host: str, port: int, _: str) -> None:
    """The options of a socket of py-amqp, which are nobody's to set."""
    import kombu

    with kombu.Connection(f"amqp://test:test@{host}:{port}//") as connection:
        connection.connect()
        sock = connection.connection.transport.sock
        names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_USER_TIMEOUT")
        said(" ".join(str(sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))) for name in names))


def ask_mongodb(host: str, port: int, command: str) -> None:
    """Connect as st2 does, and send a command when told so."""
    import pymongo

    client: Any = pymongo.MongoClient(
        f"mongodb://{host}:{port}/?directConnection=true&socketTimeoutMS=3000",
        connectTimeoutMS=30_000,
        serverSelectionTimeoutMS=30_000,
    )
    client.admin.command("ping")
    said("ready")
    until_told()
    client.admin.command(command)


PROGRAMS: dict[str, Callable[[str, int, str], None]] = {
    "idle": idle,
    "consume": consume,
    "options": options,
    "ask-mongodb": ask_mongodb,
}

if __name__ == "__main__":
    program, server, number, argument = sys.argv[1:]
    try:
        PROGRAMS[program](server, int(number), argument)
    except Exception as error:
        said(type(error).__name__)

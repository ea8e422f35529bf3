"""What clients of a RabbitMQ cluster do, with kombu as st2 does: programs, which therefore import little else.

usage: python -m servers.rabbitmq_programs PROGRAM URLS ARGUMENT ...
"""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kombu
from kombu.exceptions import OperationalError
from servers.ports import PATIENCE

EXCHANGE = kombu.Exchange("st2.tests", "topic")


def durable(name: str) -> kombu.Queue:
    return kombu.Queue(name, EXCHANGE, routing_key=name)


def connect(urls: Sequence[str]) -> None:
    """Connect to a node."""
    with connected(urls):
        pass


def declare(urls: Sequence[str], *names: str) -> None:
    """Make durable queues."""
    with connected(urls) as connection:
        for name in names:
            durable(name)(connection.default_channel).declare()


def send_to_itself(urls: Sequence[str]) -> None:
    """Make an exclusive queue, and send a message through it."""
    with connected(urls) as connection:
        queue = kombu.Queue(exchange=EXCHANGE, routing_key="*", exclusive=True, auto_delete=True)
        with connection.Consumer([queue], callbacks=[lambda body, _: print(body, end="")], no_ack=True):
            connection.Producer(exchange=EXCHANGE, routing_key="any").publish("hello")
            connection.drain_events(timeout=PATIENCE)


def put(urls: Sequence[str], name: str, message: str) -> None:
    """Publish a message to a queue, and wait until it is confirmed."""
    with kombu.Connection(urls, connect_timeout=3, transport_options={"confirm_publish": True}) as connection:
        connection.ensure_connection(max_retries=len(urls), interval_start=0.1, interval_step=0)
        connection.Producer(exchange=EXCHANGE, routing_key=name, auto_declare=False).publish(
            message, declare=[durable(name)], timeout=5
        )


def first(urls: Sequence[str], name: str) -> None:
    """Say the first message of a queue."""
    with connected(urls) as connection:
        message = durable(name)(connection.default_channel).get()
        print(message.payload if message else "")


def take(urls: Sequence[str], name: str) -> None:
    """Take all messages out of a queue."""
    found: list[int] = []
    with connected(urls) as connection:
        queue = durable(name)(connection.default_channel)
        count = queue.queue_declare(passive=True).message_count
        with connection.Consumer([queue], callbacks=[lambda body, _: found.append(body)], no_ack=True):
            while len(found) < count:
                connection.drain_events(timeout=PATIENCE)
    json.dump(found, sys.stdout)


def publish(urls: Sequence[str], name: str, log: str, first: str) -> None:
    """Publish until standard input ends. What is not confirmed is published again, to the next node."""
    number = int(first)
    with (
        kombu.Connection(urls, connect_timeout=3, transport_options={"confirm_publish": True}) as connection,
        Path(log).open("w", buffering=1) as confirmed,
    ):
        failures = (*connection.connection_errors, *connection.recoverable_connection_errors, OperationalError)
        # Not faster, or else the nodes have more to do with it than with what they are tried with.
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            try:
                connection.Producer(exchange=EXCHANGE, routing_key=name, auto_declare=False).publish(
                    number,
                    declare=[durable(name)],
                    # A node takes up to ten seconds to send a message again when its queue has another leader.
                    timeout=3,
                )
            except failures:
                connection.collect()
                connection.maybe_switch_next()
            else:
                confirmed.write(f"{number}\n")
                number += 1


def connected(urls: Sequence[str]) -> kombu.Connection:
    connection = kombu.Connection(urls)
    return connection.ensure_connection(max_retries=len(urls), interval_start=0.1, interval_step=0)


if __name__ == "__main__":
    program, cluster_urls, *arguments = sys.argv[1:]
    programs: dict[str, Any] = {
        each.__name__: each for each in (connect, declare, send_to_itself, put, first, take, publish)
    }
    programs[program](cluster_urls.split(","), *arguments)

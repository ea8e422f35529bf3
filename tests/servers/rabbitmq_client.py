"""Clients of a RabbitMQ cluster: programs that run beside its pods, with kombu and the URLs of st2."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kombu
from kombu.exceptions import OperationalError
from servers.pods import FakeCluster
from servers.ports import PATIENCE, eventually

EXCHANGE = kombu.Exchange("st2.tests", "topic")


class Client:
    """Runs the programs below.

    Args:
        cluster: where they run.
        urls: `cluster_urls` of st2.
    """

    def __init__(self, cluster: FakeCluster, urls: str) -> None:
        self._cluster = cluster
        self._urls = urls
        self._environment = {"PYTHONPATH": str(Path(__file__).parents[1])}

    def can_connect(self) -> bool:
        """Whether some node lets it in."""
        return self._start("connect").returncode == 0

    def declare(self, *queues: str) -> None:
        """Make durable queues, as st2 declares those for work and for changes: without a type."""
        self._run("declare", *queues)

    def send_to_itself(self) -> str:
        """Send a message through a queue of its own, as st2stream has one, and give what came."""
        return self._run("send_to_itself")

    def put(self, queue: str, message: str) -> bool:
        """Whether the cluster confirms a message within some seconds."""
        return self._start("put", queue, message).returncode == 0

    def first(self, queue: str) -> str | None:
        """The first message of a queue, which stays there."""
        found = self._start("first", queue)
        return found.stdout.strip() or None if found.returncode == 0 else None

    def take_all(self, queue: str) -> list[int]:
        """The messages of a queue, which is empty then."""
        messages: list[int] = json.loads(self._run("take", queue))
        return messages

    def publisher(self, queue: str, log: Path, first: int = 0) -> Publisher:
        """Start to publish numbers to a queue."""
        log.write_text("")
        process = self._cluster.background(self._command("publish", queue, str(log), str(first)), self._environment)
        return Publisher(process, log)

    def _run(self, *arguments: str) -> str:
        result = self._start(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def _start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._cluster.client(self._command(*arguments), self._environment)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "servers.rabbitmq_client", program, self._urls, *arguments]


class Publisher:
    """A client that publishes numbers all the time, with publisher confirms."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def confirmed(self) -> set[int]:
        """The numbers that the cluster has confirmed so far."""
        return set(map(int, self._log.read_text().splitlines()))

    def goes_on(self) -> None:
        """Wait until the cluster confirms further numbers."""
        before = len(self.confirmed)
        eventually(lambda: len(self.confirmed) > before + 5 or self._has_ended(), "further numbers")
        assert not self._has_ended(), self._process.communicate()[0]

    def _has_ended(self) -> bool:
        return self._process.poll() is not None

    def stop(self) -> set[int]:
        """The numbers that the cluster has confirmed, when it has confirmed all that were sent."""
        output, _ = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0, output
        return self.confirmed


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

"""Clients of a RabbitMQ cluster, beside its pods, with the URLs of st2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from servers.pods import FakeCluster
from servers.ports import PATIENCE, eventually


class Client:
    """Runs the programs of `servers.rabbitmq_programs`.

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
        return [sys.executable, "-m", "servers.rabbitmq_programs", program, self._urls, *arguments]


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

"""Forms clusters of RabbitMQ from the manifests, again and again, in fake pods that start and die at random times.

usage, as root: rabbitmq_formation.py [--kill] COUNT VERSION     (3.10 of this machine; 4.0, 4.3 of servers/roots.py)

Prints a line for each cluster, and ends with 1 if one was not whole.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import roots
from servers.pods import FakeCluster, Image, Pod
from servers.secrets import secrets_of
from support import Objects

from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.values import from_mapping

NAME = "st2-rabbitmq"
SUITES = {"4.0": "trixie", "4.3": "sid"}
MEMBERS = 3
LATEST_START = 20.0
"""Seconds within which each pod starts."""
PATIENCE = 400


def main() -> None:
    """Form the clusters."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", type=int)
    parser.add_argument("version")
    parser.add_argument("--kill", action="store_true", help="kill nodes while they form")
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    whole = True
    for number in range(options.count):
        said = trial(options.version, options.seed + number, kill=options.kill)
        print(number, options.version, options.seed + number, json.dumps(said), flush=True)
        whole &= said["whole"] is True
    sys.exit(not whole)


def trial(version: str, seed: int, *, kill: bool) -> dict[str, object]:
    """Form one cluster."""
    chance = random.Random(f"{seed} {version}")
    cluster = cluster_of(from_mapping({"rabbitmq": {"version": version}}), "st2", "stackstorm")
    image = Image(root=root) if (suite := SUITES.get(version)) and (root := _root(suite)) else Image()
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as folder:
        objects = Objects(build(cluster).objects)
        with (
            FakeCluster(objects, secrets_of(cluster), Path(folder, "pods"), images={"rabbitmq": image}) as pods,
            _kubelet(pods),
        ):
            begin = time.monotonic()
            delays = [chance.uniform(0, LATEST_START) for _ in range(MEMBERS)]
            plans = [
                _Plan(ordinal, delay, chance.randrange(3) if kill else 0, chance.random())
                for ordinal, delay in enumerate(delays)
            ]
            with ThreadPoolExecutor() as threads:
                list(threads.map(lambda plan: plan.run(pods), plans))
            while not (whole := _is_whole(pods)) and time.monotonic() < begin + PATIENCE:
                time.sleep(0.5)
            said = {
                "whole": whole,
                "seconds": round(time.monotonic() - begin, 1),
                "starts": [round(delay, 1) for delay in delays],
                "kills": [plan.kills for plan in plans],
            }
            if not whole:
                said["logs"] = {pod.name: pod.log("rabbitmq")[-3000:] for pod in pods.pods.values()}
            return said


class _Plan:
    """What happens to one node."""

    def __init__(self, ordinal: int, delay: float, kills: int, seed: float) -> None:
        self.ordinal, self.delay, self.kills, self._chance = ordinal, delay, kills, random.Random(seed)

    def run(self, pods: FakeCluster) -> None:
        time.sleep(self.delay)
        pod = pods.start(NAME, self.ordinal)
        for _ in range(self.kills):
            time.sleep(self._chance.uniform(1, 35))
            if self._chance.random() < 0.5:
                pod.kill()
                pod = pods.start(NAME, self.ordinal)
            else:
                # The kubelet starts it again.
                pod.containers["rabbitmq"].kill()


@contextmanager
def _kubelet(pods: FakeCluster) -> Iterator[None]:
    """Starts containers again that have ended."""
    done = Event()

    def look() -> None:
        while not done.wait(1):
            for pod in list(pods.pods.values()):
                if pod.started and pods.pods.get(pod.name) is pod and not pod.containers["rabbitmq"].running:
                    pod.containers["rabbitmq"].start()

    thread = Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _is_whole(pods: FakeCluster) -> bool:
    """Whether all are ready, and each says that all others are in its cluster."""
    members = list(pods.pods.values())
    if len(members) < MEMBERS or not all(pod.ready() for pod in members):
        return False
    return all(_running(pod) == sorted(f"rabbit@{each.host}" for each in members) for pod in members)


def _running(pod: Pod) -> list[str]:
    result = pod.exec("rabbitmq", ["rabbitmqctl", "--quiet", "cluster_status", "--formatter", "json"])
    return sorted(json.loads(result.stdout)["running_nodes"]) if result.returncode == 0 else []


def _root(suite: str) -> Path:
    root = roots.find(roots.Server("rabbitmq", suite))
    if root is None:
        sys.exit(f"there is no RabbitMQ of Debian {suite}: {sys.executable} tests/servers/install.py")
    return root


if __name__ == "__main__":
    main()

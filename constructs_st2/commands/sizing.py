"""How much work clusters of some sizes do, by assumptions that are told: the table of docs/how-to/resources.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from constructs_st2.checks.data import at, labels_of
from constructs_st2.commands.costs import Costs, gib
from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.facts.backends import MONGODB
from constructs_st2.facts.catalogue import ST2ACTIONRUNNER
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.work import POOL_SIZES
from constructs_st2.kube.documents import Document, pod_template
from constructs_st2.kube.quantity import amount
from constructs_st2.values import load

FOLDER = Path(__file__).parents[2] / "examples" / "sizes"
SIZES = ("dev", "small", "medium", "large")

HOUR = 3600
ACTION_SECONDS = 30
"""How long an execution takes on average."""
BUSY = Decimal("0.6")
"""The part of a runner's threads that is in use: what its autoscaler aims at."""
CPU_SECONDS = 1
"""What an execution takes of the CPU of a runner: mostly the start of the Python that runs it."""
EXECUTION_BYTES = 20 * 1024
"""What an execution leaves in MongoDB until it is deleted: itself, its parameters, result and output, its trigger."""
FULL = Decimal("0.7")
"""The part of a volume that is used."""


@dataclass(frozen=True)
class Capacity:
    """Executions in an hour, by what bounds them: threads of runners, their CPU, and what the database can keep."""

    threads: int
    cpu: int
    kept: int

    @property
    def executions(self) -> int:
        """What all of them allow, in two digits."""
        least = min(self.threads, self.cpu, self.kept)
        digit = int(10 ** max(len(str(least)) - 2, 0))
        return least // digit * digit


def cluster_of_size(name: str) -> Cluster:
    """The cluster of a values file in examples/sizes."""
    return cluster_of(load([FOLDER / f"{name}.yaml"], [], release_name="st2", release_namespace="stackstorm").values)


def capacity(cluster: Cluster, objects: list[Document]) -> Capacity:
    """How much a cluster does, by the assumptions above."""
    options = cluster.settings.options
    runners = [each for each in objects if each["kind"] == "Deployment" and _is_runner(each)]
    pods = sum(each["spec"]["replicas"] for each in runners)
    threads = pods * int(options.get(("actionrunner", "actions_pool_size"), POOL_SIZES["actions_pool_size"]))
    cpu = sum(each["spec"]["replicas"] * _cpu(each) for each in runners)
    days = int(options[("garbagecollector", "action_executions_ttl")])
    (volume,) = map(_volume, filter(_is_database, objects))
    return Capacity(
        threads=int(threads * BUSY * HOUR / ACTION_SECONDS),
        cpu=int(cpu * HOUR / CPU_SECONDS),
        kept=int(volume * FULL / EXECUTION_BYTES / (24 * days)),
    )


def _is_runner(document: Document) -> bool:
    return labels_of(document).get("app") == ST2ACTIONRUNNER.name


def _is_database(document: Document) -> bool:
    return document["kind"] == "StatefulSet" and labels_of(document).get("app") == MONGODB.component


def _cpu(document: Document) -> Decimal:
    pod = pod_template(document)
    assert pod is not None
    return amount(str(at(pod["spec"]["containers"][0], "resources", "requests", "cpu")))


def _volume(members: Document) -> Decimal:
    (claim,) = at(members, "spec", "volumeClaimTemplates")
    return amount(str(at(claim, "spec", "resources", "requests", "storage")))


def rows() -> Iterator[str]:
    """The table, in Markdown."""
    yield (
        "| | executions an hour | by threads | by CPU of runners | by what is kept "
        "| pods | CPU, requested | memory, requested | memory, at most | storage |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for name in SIZES:
        cluster = cluster_of_size(name)
        objects = build(cluster).objects
        can, costs = capacity(cluster, objects), Costs.of(objects)
        days = cluster.settings.options[("garbagecollector", "action_executions_ttl")]
        figures = (
            f"[{name}](../../examples/sizes/{name}.yaml)",
            f"**{can.executions:,}**",
            f"{can.threads:,}",
            f"{can.cpu:,}",
            f"{can.kept:,}, {days} days",
            str(costs.pods),
            f"{float(costs.cpu):.3g}",
            gib(costs.memory),
            gib(costs.memory_limit),
            gib(sum(costs.storage.values(), Decimal())),
        )
        yield f"| {' | '.join(figures)} |"


def assumptions() -> Iterator[str]:
    """What the table rests on, in Markdown."""
    yield f"* *threads*: an execution takes {ACTION_SECONDS} s, and {BUSY:.0%} of the threads of runners are in use;"
    yield f"* *CPU of runners*: an execution takes {CPU_SECONDS} s of CPU there, and gets what is requested, not more;"
    yield (
        f"* *what is kept*: an execution leaves {EXECUTION_BYTES // 1024} KiB in MongoDB for as long as it is kept, "
        f"and {FULL:.0%} of a volume are used."
    )

"""What the README says of versions and sizes is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from kubernetes_versions import KUBERNETES
from servers import kubernetes_programs

from constructs_st2 import Values, __version__, node
from constructs_st2.commands.costs import Costs
from constructs_st2.construct.build import build
from constructs_st2.construct.clusters import cluster_of
from constructs_st2.facts.versions import ST2_RELEASES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def row(first: str) -> list[str]:
    """The cells of a row of the tables of versions."""
    versions = README.partition("## Versions")[2].partition("\n## ")[0]
    (found,) = re.findall(rf"^\| {re.escape(first)} \| (.*) \|$", versions, re.MULTILINE)
    return str(found).split(" | ")


def test_st2_and_its_backends() -> None:
    listed = re.findall(r"^\| (\d+\.\d+) \|", README.partition("## Versions")[2], re.MULTILINE)
    assert listed == list(ST2_RELEASES)
    for version, release in ST2_RELEASES.items():
        assert row(version) == [release.mongodb, release.rabbitmq, release.redis, release.etcd]


def test_kubernetes() -> None:
    oldest, newest = KUBERNETES[0], KUBERNETES[-1]
    server = ".".join(kubernetes_programs.version().removeprefix("v").split(".")[:2])
    assert row("Kubernetes")[0] == oldest
    assert f"Kubernetes {oldest} or newer" in README
    assert row("Kubernetes")[1].startswith(f"every object fits the schemas of {oldest} to {newest},")
    assert f"an API server of {server} takes it" in row("Kubernetes")[1]


def test_python_and_node() -> None:
    (oldest,) = re.findall(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert row("Python")[0] == oldest
    assert f"Python {oldest} or newer" in README
    assert row("Node.js")[0] == str(node.OLDEST)


def test_size_of_the_default_cluster() -> None:
    costs = Costs.of(build(cluster_of(Values())).objects)
    (told,) = re.findall(r"(\d+) pods, which request ([\d.]+) CPUs and (\d+) GiB", " ".join(README.split()))
    assert told == (str(costs.pods), f"{costs.cpu:.1f}", f"{costs.memory / 2**30:.0f}")


def test_own_version() -> None:
    assert f"Version {__version__}:" in README

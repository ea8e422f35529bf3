"""Charts that depend on others: which come first, so that the order of files is an order of applying."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping

import cdk8s
from constructs import IConstruct, Node

Before = Mapping[str, set[str]]
"""What comes before each chart, by their paths in the construct tree."""


def any_dependency(root: IConstruct) -> bool:
    """Whether anything in an app depends on anything else in it."""
    node = Node.of(root)
    return len(cdk8s.DependencyGraph(node).root.outbound) < len(node.find_all())


def dependencies(root: IConstruct) -> dict[str, set[str]]:
    """What comes before each chart of an app, because something in the one depends on something in the other."""
    before: dict[str, set[str]] = defaultdict(set)
    for each in Node.of(root).find_all():
        for other in Node.of(each).dependencies:
            source, target = cdk8s.Chart.of(each), cdk8s.Chart.of(other)
            # cdk8s itself lets a chart depend on those within it.
            if source is not target and Node.of(target).scope is not source:
                before[Node.of(source).path].add(Node.of(target).path)
    return before


def put_first(first: cdk8s.Chart, others: Iterable[cdk8s.Chart], before: Before) -> None:
    """Let a chart come before others, but for those that it has to come after.

    cdk8s moves what others depend on behind what nobody depends on: a namespace behind the objects in it. Do not chain
    charts: what it does to sort their objects grows with the product of the numbers of them.
    """
    for chart in others:
        if chart is not first and not _comes_after(first.node.path, chart.node.path, before):
            chart.add_dependency(first)


def _comes_after(one: str, other: str, before: Before) -> bool:
    waiting, seen = [one], set()
    while waiting:
        if (path := waiting.pop()) == other:
            return True
        if path not in seen:
            seen.add(path)
            waiting += before.get(path, ())
    return False


def in_order(names: Mapping[str, str], before: Before) -> list[str]:
    """The paths of charts, by the names of their files as far as none comes before one that it depends on."""
    missing = {path: {other for other in before.get(path, ()) if other in names} for path in names}
    followers: dict[str, list[str]] = defaultdict(list)
    for path, others in missing.items():
        for other in others:
            followers[other].append(path)
    ready = [(names[path], path) for path, others in missing.items() if not others]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        _, path = heapq.heappop(ready)
        order.append(path)
        for follower in followers[path]:
            missing[follower].discard(path)
            if not missing[follower]:
                heapq.heappush(ready, (names[follower], follower))
    return order


def numbered(names: Iterable[str]) -> list[str]:
    """Names whose alphabetical order is the order in which they are given, in the way of cdk8s."""
    return [f"{number:04}-{name}" for number, name in enumerate(names)]

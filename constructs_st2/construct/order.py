"""Charts that depend on others: which come first, so that the order of files is an order of applying."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product

import cdk8s
from constructs import IConstruct, Node

from constructs_st2.errors import UserError

Before = Mapping[str, Collection[str]]
"""What comes before each chart, by their paths in the construct tree, in the order in which it was said."""


def any_dependency(root: IConstruct) -> bool:
    """Whether anything in an app depends on anything else in it."""
    node = Node.of(root)
    return len(cdk8s.DependencyGraph(node).root.outbound) < len(node.find_all())


def dependencies(root: IConstruct) -> dict[str, list[str]]:
    """What comes before each chart of an app, because something in the one depends on something in the other."""
    before: dict[str, dict[str, None]] = defaultdict(dict)
    found = Node.of(root).find_all()
    kept = frozenset(map(id, found))
    for each in found:
        for other in Node.of(each).dependencies:
            if id(other) not in kept:
                # It was removed from the construct tree.
                continue
            source, target = cdk8s.Chart.of(each), cdk8s.Chart.of(other)
            # cdk8s itself lets a chart depend on those within it.
            if source is not target and Node.of(target).scope is not source:
                before[Node.of(source).path][Node.of(target).path] = None
    return {path: list(others) for path, others in before.items()}


def first_in_front(charts: Sequence[str], before: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The same, with the first of some charts before each of the others that it need not come after."""
    first, *others = charts
    free = [other for other in others if not comes_after(first, other, before)]
    return {**before, **{other: [*before.get(other, ()), first] for other in free}}


def with_nested(before: Mapping[str, Sequence[str]], charts: Collection[str]) -> dict[str, Sequence[str]]:
    """The same, with charts within others on the side of those, as far as they are free to be there.

    cdk8s puts charts before the chart that they are in, but knows nothing of those in a construct in it.
    """
    known = {path: list(others) for path, others in before.items()}
    pairs = [(path, other) for path, others in before.items() for other in others]
    apart = [(path, other) for path, other in pairs if not _is_in(path, other) and not _is_in(other, path)]
    for path, other in apart:
        for after, first in product(_all_in(path, charts), _all_in(other, charts)):
            if first not in known.get(after, ()) and not comes_after(first, after, known):
                known.setdefault(after, []).append(first)
    return dict(known)


def _all_in(chart: str, charts: Iterable[str]) -> list[str]:
    return [each for each in charts if _is_in(each, chart)]


def _is_in(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/")


def parted(charts: Sequence[str], before: Before) -> bool:
    """Whether anything depends on some of these charts alone, so that cdk8s may put it before the first of them.

    What nothing depends on it leaves in the order in which it was made, and what is depended on in the order in which
    that was said.
    """
    own = frozenset(charts)
    found = ([other for other in others if other in own] for others in before.values())
    return any(some and (some[0] != charts[0] or len(some) < len(own)) for some in found)


def comes_after(one: str, other: str, before: Before) -> bool:
    """Whether a chart depends on another, be it by way of others."""
    waiting, seen = [one], set()
    while waiting:
        if (path := waiting.pop()) == other:
            return True
        if path not in seen:
            seen.add(path)
            waiting += before.get(path, ())
    return False


def in_order(names: Mapping[str, str], before: Before) -> list[str]:
    """The paths of charts, by the names of their files as far as none comes before one that it depends on.

    Raises:
        UserError: charts depend on one another in a circle.
    """
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
    if len(order) < len(names):
        # Of charts whose objects depend on each other, cdk8s finds circles only when it writes the files itself.
        raise UserError(f"Dependency cycle detected: {' => '.join(_circle(missing))}")
    return order


def _circle(missing: Mapping[str, Collection[str]]) -> list[str]:
    """Some charts each of which waits for the next one, and the last one for the first."""
    way = [next(path for path, others in missing.items() if others)]
    while way[-1] not in way[:-1]:
        way.append(min(missing[way[-1]]))
    return way[way.index(way[-1]) :]


def numbered(names: Iterable[str]) -> list[str]:
    """Names whose alphabetical order is the order in which they are given, in the way of cdk8s."""
    return [f"{number:04}-{name}" for number, name in enumerate(names)]

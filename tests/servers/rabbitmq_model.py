"""A model of how the nodes of RabbitMQ form their cluster: three nodes, and everything that can happen to them.

What a node decides comes from the real program, as a table. What is modelled is the rest: what start.sh does with a
decision, what a node does that joins or starts again, and what it sees of the others, which may be long past when it
acts on it. Pods and containers die and start at any moment, volumes are lost, and whatever a node asks of another may
get no answer.

A cluster is a number, new for each that is founded. Its members are what a majority of them agreed on (Khepri): to be
added or removed takes a majority of them, and so does accepting clients.

What is explored are worlds up to symmetry: members 1 and 2 may change places, because the program knows member 0 alone
from the others, and it makes no difference which number a cluster has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeAlias

Seen: TypeAlias = str
"""What a node sees of another: ``accepts``, ``silent``, or a word and a nonce, as in ``empty a``."""
Round: TypeAlias = tuple[Seen, ...]
Decide: TypeAlias = Callable[[bool, str, Round | None, Round], tuple[str, ...]]
"""A word and the others (as 0, 1) that it is about, from: is it member 0, its state, the rounds before and now."""

NODES = range(3)
EMPTY, UNFINISHED, JOINING, DATA = "empty", "unfinished", "joining", "data"
OFF, NEW, DECIDING, FOUND, JOIN, MARKED, RESUME, ANNOUNCED, RESUMED, CLEAR, SERVING, ACCEPTING = (
    *("off", "new", "deciding", "found", "join", "marked", "resume", "announced", "resumed", "clear", "serving"),
    "accepting",
)


class Read(NamedTuple):
    """What a node saw of another in this round.

    ``steady``: with the nonce that it saw in the round before. ``fresh``: the other has that nonce still.
    """

    word: str
    steady: bool
    fresh: bool = True


class Node(NamedTuple):
    """A node.

    ``cluster``: the one that its data is of; 0 for none. ``answer``: what its pod tells others; empty for silence.
    ``peers``: whom it joins. ``before`` and ``reads``: what it saw in the last round and in this one.
    """

    volume: str = EMPTY
    cluster: int = 0
    doing: str = OFF
    answer: str = ""
    peers: tuple[int, ...] = ()
    before: tuple[str, ...] | None = None
    reads: tuple[Read | None, Read | None] = (None, None)

    def does(self, doing: str, *, peers: tuple[int, ...] = ()) -> Node:
        """The same node, doing something else."""
        return Node(self.volume, self.cluster, doing, self.answer, peers)


NOBODY: frozenset[int] = frozenset()
_SWAPPED = (0, 2, 1)
"""Which member is in the place of each, where members 1 and 2 have changed places."""


@cache
def _swapped(node: Node) -> Node:
    """Member 1 or 2 after they have changed places: each is the second of the other's others, as before."""
    return node._replace(peers=tuple(sorted(_SWAPPED[peer] for peer in node.peers)))


@cache
def _swapped_first(node: Node) -> Node:
    """Member 0 after the others have changed places."""
    first, second = node.reads
    return _swapped(node)._replace(before=node.before and node.before[::-1], reads=(second, first))


@cache
def _swapped_members(members: frozenset[int]) -> frozenset[int]:
    return frozenset(_SWAPPED[member] for member in members)


@cache
def _in_first_cluster(node: Node) -> Node:
    return node._replace(cluster=1) if node.cluster else node


@cache
def _order(node: Node) -> str:
    """What nodes are ordered by: any order does."""
    return repr(node)


class World(NamedTuple):
    """The nodes, and the members of clusters 1 and 2."""

    nodes: tuple[Node, Node, Node] = (Node(), Node(), Node())
    members: tuple[frozenset[int], frozenset[int]] = (NOBODY, NOBODY)

    def with_node(self, number: int, node: Node) -> World:
        """The same world with another node."""
        first, second, third = self.nodes
        nodes = (node, second, third) if number == 0 else (first, node, third) if number == 1 else (first, second, node)
        return World(nodes, self.members)

    def with_members(self, cluster: int, members: frozenset[int]) -> World:
        """The same world with other members of a cluster."""
        first, second = self.members
        return World(self.nodes, (members, second) if cluster == 1 else (first, members))

    def clusters(self) -> set[int]:
        """Those that there is data of."""
        first, second, third = self.nodes
        return {first.cluster, second.cluster, third.cluster} - {0}

    def running(self, cluster: int) -> int:
        """How many of the members of a cluster run."""
        return sum(
            self.nodes[number].cluster == cluster and self.nodes[number].doing in (SERVING, ACCEPTING)
            for number in self.members[cluster - 1]
        )

    def canonical(self) -> World:
        """The one of all worlds that are the same up to symmetry which stands for them."""
        (first, second, third), members = self
        there = self.clusters()
        if there == {2}:
            first, second, third = _in_first_cluster(first), _in_first_cluster(second), _in_first_cluster(third)
            members = members[1], NOBODY
        elif len(there) < 2:
            # What nobody has data of, has no members either.
            members = members[0] if there else NOBODY, NOBODY
        before, after = _swapped(third), _swapped(second)
        if _order(before) < _order(second):
            members = _swapped_members(members[0]), _swapped_members(members[1])
            return World((_swapped_first(first), before, after), members)
        return World((first, second, third), members)

    @property
    def whole(self) -> bool:
        """Whether all accept clients, as finished members of one cluster."""
        return len(self.clusters()) == 1 and all(
            node.doing == ACCEPTING and node.volume == DATA and node.cluster for node in self.nodes
        )

    @property
    def majority_lost(self) -> bool:
        """Whether there is a cluster of which most members have lost their data."""
        return any(
            2 * sum(self.nodes[number].cluster == cluster for number in self.members[cluster - 1])
            <= len(self.members[cluster - 1])
            for cluster in self.clusters()
        )


@dataclass(frozen=True)
class Model:
    """How the world goes on.

    Args:
        decide: what a node decides.
        majorities: whether RabbitMQ asks a majority of the members (Khepri, and Mnesia with `pause_minority`). Without,
            a cluster does what any member says.
        nonces: whether nodes tell a nonce.
        selects_itself: whether a node that joins may found a cluster instead, as RabbitMQ's own discovery does.
    """

    decide: Decide
    majorities: bool = True
    nonces: bool = True
    selects_itself: bool = False

    def healthy(self, world: World) -> Iterator[World]:
        """What can happen next when nothing fails."""
        for number in NODES:
            yield from self._steps(world, number)

    def faulty(self, world: World) -> Iterator[World]:
        """What can happen next that is a failure."""
        for number, node in enumerate(world.nodes):
            if node.doing != OFF:
                yield self._forgotten_nonce(world, number, node._replace(answer="").does(OFF))
            if node.doing not in (OFF, NEW):
                yield world.with_node(number, node.does(NEW))
            if node.volume != EMPTY:
                lost = Node()
                yield self._forgotten_nonce(world, number, lost)
            if node.doing == DECIDING and (node.before or any(node.reads)):
                # An answer that does not come.
                yield world.with_node(number, node.does(DECIDING))
            if node.doing == JOIN:
                yield world.with_node(number, node.does(DECIDING))

    def _steps(self, world: World, number: int) -> Iterator[World]:
        node = world.nodes[number]
        match node.doing:
            case "off":
                yield world.with_node(number, node.does(NEW))
            case "new":
                doing = SERVING if node.volume == DATA else DECIDING
                yield self._forgotten_nonce(world, number, node._replace(answer=node.volume).does(doing))
            case "deciding" | "announced":
                yield from self._look(world, number)
            case "found":
                yield world.with_node(number, node._replace(doing=MARKED, volume=UNFINISHED))
            case "join":
                yield from self._forget(world, number, node._replace(doing=MARKED, volume=UNFINISHED))
            case "marked":
                yield world.with_node(number, node._replace(doing=SERVING, answer=JOINING))
            case "resume":
                yield world.with_node(number, Node(node.volume, node.cluster, ANNOUNCED, JOINING))
            case "resumed":
                yield world.with_node(number, node._replace(doing=SERVING))
                yield from self._forget(world, number, node.does(CLEAR))
            case "clear":
                yield world.with_node(number, Node(EMPTY, 0, NEW, node.answer))
            case "serving" | "accepting":
                yield from self._serve(world, number)

    def _look(self, world: World, number: int) -> Iterator[World]:
        """Member 0 asks one after the other, in any order, for it may found; others ask all at once."""
        node = world.nodes[number]
        others = _others(number)
        if number == 0 and node.volume == EMPTY:
            for place, other in enumerate(others):
                if node.reads[place] is None:
                    reads = [*node.reads]
                    reads[place] = self._read(world, node, place, other)
                    yield self._decided(world, number, node._replace(reads=(reads[0], reads[1])))
        else:
            first, second = (self._read(world, node, place, other) for place, other in enumerate(others))
            yield self._decided(world, number, node._replace(reads=(first, second)))

    def _read(self, world: World, node: Node, place: int, other: int) -> Read:
        there = world.nodes[other]
        word = "accepts" if there.doing == ACCEPTING else there.answer or "silent"
        return Read(word, node.before is not None and node.before[place] == word)

    def _decided(self, world: World, number: int, node: Node) -> World:
        reads = [read for read in node.reads if read]
        if len(reads) < 2:
            return world.with_node(number, node)
        before = node.before and tuple(_with_nonce(word, "a") for word in node.before)
        now = tuple(_with_nonce(read.word, "a" if read.steady else "b") for read in reads)
        word, *about = self.decide(number == 0, node.volume, before, now)
        peers = tuple(_others(number)[int(place)] for place in about)
        if node.doing == ANNOUNCED:
            # What it saw may be long past. Now the others know what it is about to do.
            again = node.does(RESUMED, peers=peers) if word == RESUME else node.does(NEW)
            return world.with_node(number, again)
        if word != "wait":
            return world.with_node(number, node.does(word, peers=peers))
        words = tuple(read.word for read in reads)
        useful = all(read.fresh for read in reads) and self._matters(number == 0, node.volume, words)
        return world.with_node(number, node.does(DECIDING)._replace(before=words if useful else None))

    def _matters(self, first: bool, state: str, before: tuple[str, ...]) -> bool:
        """Whether the next decision may depend on a round."""
        again = tuple(_with_nonce(word, "a") for word in before)
        return self.decide(first, state, again, again) != self.decide(first, state, None, again)

    def _forget(self, world: World, number: int, then: Node) -> Iterator[World]:
        """A cluster that is joined does without the node first."""
        clusters = {world.nodes[peer].cluster for peer in then.peers or world.nodes[number].peers} - {0}
        for cluster in clusters:
            members = world.members[cluster - 1]
            if number not in members:
                yield world.with_node(number, then)
            elif self._agrees(world, cluster):
                yield world.with_node(number, then).with_members(cluster, members - {number})
        if world.nodes[number].doing == JOIN:
            yield world.with_node(number, world.nodes[number].does(DECIDING))

    def _serve(self, world: World, number: int) -> Iterator[World]:
        node = world.nodes[number]
        if not node.cluster and not node.peers:
            # What a founder that dies before that has left may be of no use.
            yield self._founded(world, number, node._replace(doing=ACCEPTING))
        elif not node.cluster:
            yield from self._join(world, number)
        elif number in world.members[node.cluster - 1]:
            agreed = self._agrees(world, node.cluster)
            if agreed and node.doing == SERVING:
                yield world.with_node(number, node._replace(doing=ACCEPTING))
            if not agreed and node.doing == ACCEPTING:
                yield world.with_node(number, node._replace(doing=SERVING))
            if node.doing == ACCEPTING and node.volume == UNFINISHED:
                yield world.with_node(number, node._replace(volume=DATA, answer=DATA, peers=()))
        if node.volume == UNFINISHED and node.doing == SERVING:
            # It took too long.
            yield world.with_node(number, node.does(NEW))

    def _agrees(self, world: World, cluster: int) -> bool:
        running = world.running(cluster)
        return 2 * running > len(world.members[cluster - 1]) if self.majorities else running > 0

    def _join(self, world: World, number: int) -> Iterator[World]:
        node = world.nodes[number]
        for peer in node.peers:
            there = world.nodes[peer]
            if there.doing != ACCEPTING:
                continue
            members = world.members[there.cluster - 1]
            if number in members:
                yield world.with_node(number, node._replace(cluster=there.cluster))
            elif self._agrees(world, there.cluster):
                # It has nothing yet when the others know it as a member.
                yield world.with_members(there.cluster, members | {number})
        if self.selects_itself:
            yield self._founded(world, number, node)

    @staticmethod
    def _founded(world: World, number: int, node: Node) -> World:
        cluster = min({1, 2} - world.clusters(), default=2)
        return world.with_node(number, node._replace(cluster=cluster)).with_members(cluster, frozenset({number}))

    def _forgotten_nonce(self, world: World, number: int, node: Node) -> World:
        """A start of a container: what others saw before was another one."""
        if not self.nonces:
            return world.with_node(number, node)
        nodes = [*world.nodes]
        nodes[number] = node
        for other in _others(number):
            nodes[other] = _with_old_nonce(nodes[other], _others(other).index(number))
        return World((nodes[0], nodes[1], nodes[2]), world.members)


@cache
def _with_old_nonce(observer: Node, place: int) -> Node:
    """A node after another has got a new nonce, which it may have seen with the old one."""
    read = observer.reads[place]
    if read is None:
        return observer._replace(before=None)
    reads = [*observer.reads]
    reads[place] = read._replace(fresh=False)
    return observer._replace(reads=(reads[0], reads[1]))


def _others(number: int) -> tuple[int, int]:
    return (1, 2) if number == 0 else (0, 2) if number == 1 else (0, 1)


def _with_nonce(word: str, nonce: str) -> Seen:
    return word if word in ("accepts", "silent") else f"{word} {nonce}"


def explore(model: Model) -> tuple[set[World], Mapping[World, list[World]]]:
    """All worlds that there can be, and from each one those that lead to it when nothing fails.

    Raises:
        AssertionError: one of them has two clusters. The message tells how that came about.
    """
    came_from: dict[World, World | None] = {World(): None}
    healthy: dict[World, list[World]] = {}
    queue = deque(came_from)
    while queue:
        world = queue.popleft()
        assert len(world.clusters()) < 2, "two clusters:\n" + "\n".join(_history(world, came_from))
        for following in map(World.canonical, model.healthy(world)):
            healthy.setdefault(following, []).append(world)
            if following not in came_from:
                came_from[following] = world
                queue.append(following)
        for following in map(World.canonical, model.faulty(world)):
            if following not in came_from:
                came_from[following] = world
                queue.append(following)
    return {*came_from}, healthy


def stuck(worlds: set[World], healthy: Mapping[World, list[World]]) -> set[World]:
    """The worlds from which the nodes do not become one whole cluster when nothing fails any more."""
    good = {world for world in worlds if world.whole}
    queue = deque(good)
    while queue:
        for earlier in healthy.get(queue.popleft(), ()):
            if earlier not in good:
                good.add(earlier)
                queue.append(earlier)
    return worlds - good


def _history(world: World, came_from: Mapping[World, World | None]) -> list[str]:
    steps: list[str] = []
    at: World | None = world
    while at is not None:
        steps.append(" | ".join(f"{node.volume} {node.cluster} {node.doing} {node.peers}" for node in at.nodes))
        at = came_from[at]
    return steps[::-1]

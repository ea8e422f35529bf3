"""How etcd's members begin, join and lose their disks, in all states that three of them can reach.

The steps are those of scripts/join.sh and scripts/witness.sh; between any two, anything else may happen. Of etcd is
assumed: a cluster has a leader while a majority of its members runs and has data; who begins without data counts as a
member under the identity that it had before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

import pytest

MEMBERS = range(3)


class Disk(Enum):
    """What is on the disk of a member."""

    EMPTY = auto()
    BEGUN = auto()
    """Data of a cluster that has had no leader yet."""
    JOINING = auto()
    """Noted that it is added to a cluster, without its data yet."""
    JOINED = auto()
    """Data of a cluster."""
    NOTED = auto()
    """The same, and the witness has seen a leader."""


class Seat(Enum):
    """What the cluster knows of a member."""

    EXPECTED = auto()
    """It is named from the beginning, and has not come yet."""
    TAKEN = auto()
    LEFT = auto()
    ADDED = auto()


@dataclass(frozen=True)
class Member:
    """A pod. ``asked``: how many of the questions of join.sh it has asked in this round; None: etcd runs."""

    disk: Disk = Disk.EMPTY
    runs: bool = False
    asked: int | None = None

    @property
    def serves(self) -> bool:
        return self.runs and self.asked is None

    @property
    def has_data(self) -> bool:
        return self.disk in (Disk.JOINED, Disk.NOTED)

    @property
    def unformed(self) -> bool:
        """What it tells the others, if it runs."""
        return self.disk not in (Disk.JOINING, Disk.NOTED)


@dataclass(frozen=True)
class World:
    members: tuple[Member, ...] = (Member(),) * 3
    seats: tuple[Seat, ...] = (Seat.EXPECTED,) * 3

    def has_leader(self) -> bool:
        voters = [number for number in MEMBERS if self.seats[number] is not Seat.LEFT]
        present = [self.members[number] for number in voters if self.members[number].serves]
        return len(present) > len(voters) // 2 and any(member.has_data for member in present)

    def put(self, number: int, member: Member, seat: Seat | None = None) -> World:
        members = tuple(member if each == number else self.members[each] for each in MEMBERS)
        seats = self.seats
        if seat is not None:
            seats = tuple(seat if each == number else self.seats[each] for each in MEMBERS)
        return replace(self, members=members, seats=seats)


class Mistake(Exception):
    """A member votes again under an identity whose votes are lost, so that what a majority decided can be undone."""


def steps(world: World, *, cautious: bool) -> Iterator[tuple[str, World]]:
    """All that can happen next.

    Args:
        world: as it is.
        cautious: as join.sh does it; otherwise as etcd does by itself.
    """
    for number, member in enumerate(world.members):
        if not member.runs:
            asked = 0 if member.disk is Disk.EMPTY else None
            yield f"{number} starts", world.put(number, replace(member, runs=True, asked=asked))
            if _may_lose_disks(world):
                yield f"{number} loses its disk", _without_disk(world, number)
            continue
        yield f"{number} ends", world.put(number, Member(member.disk))
        if member.asked is not None:
            yield from _join(world, number, member.asked, cautious)
        elif member.disk is Disk.JOINED and world.has_leader():
            yield f"{number} notes it", world.put(number, replace(member, disk=Disk.NOTED))
        elif member.disk is Disk.JOINING and world.has_leader():
            yield f"{number} comes", world.put(number, replace(member, disk=Disk.NOTED), Seat.TAKEN)
        elif member.disk is Disk.BEGUN and world.has_leader():
            yield f"{number} comes", world.put(number, replace(member, disk=Disk.JOINED), Seat.TAKEN)
    yield from _elect(world)


def _without_disk(world: World, number: int) -> World:
    after = world.put(number, Member())
    # A round of questions takes seconds. For a disk to be lost a pod must end, its claim be deleted and a new volume be
    # attached, so that all rounds of before are over.
    for each, member in enumerate(after.members):
        if member.asked:
            after = after.put(each, replace(member, asked=0))
    # With the last of its data the cluster is gone.
    return after if any(member.has_data for member in after.members) else World(after.members)


def _may_lose_disks(world: World) -> bool:
    """No disk is lost in the seconds in which a cluster forms or a member comes into it."""
    settled = {Disk.EMPTY, Disk.JOINING, Disk.NOTED}
    return all(member.disk in settled for member in world.members)


def _others(number: int) -> list[int]:
    return [each for each in MEMBERS if each != number]


def _join(world: World, number: int, asked: int, cautious: bool) -> Iterator[tuple[str, World]]:
    """The next question: first to each other, whether there is a cluster; then to each, whether it was in one."""
    member = world.members[number]
    others = _others(number)
    again = replace(member, asked=0)
    begun = replace(member, disk=Disk.BEGUN, asked=None)
    if asked == 2 * len(others) or (not cautious and asked == len(others)):
        if world.seats[number] is not Seat.EXPECTED:
            raise Mistake
        yield f"{number} begins", world.put(number, begun)
        return
    other = world.members[others[asked % len(others)]]
    yield (
        f"{number} gets no answer",
        world.put(number, again if asked >= len(others) else replace(member, asked=asked + 1)),
    )
    if asked >= len(others):
        if other.runs:
            yield f"{number} is told", world.put(number, replace(member, asked=asked + 1) if other.unformed else again)
    elif other.serves and world.has_leader():
        match world.seats[number]:
            case Seat.EXPECTED:
                yield f"{number} is expected", world.put(number, begun)
            case Seat.TAKEN | Seat.ADDED:
                if cautious:
                    yield f"{number} leaves", world.put(number, again, Seat.LEFT)
            case Seat.LEFT:
                yield f"{number} is added", world.put(number, replace(begun, disk=Disk.JOINING), Seat.ADDED)


def _elect(world: World) -> Iterator[tuple[str, World]]:
    """A majority that has begun, where nobody has data, elects a leader."""
    begun = [number for number in MEMBERS if world.members[number].serves and world.members[number].disk is Disk.BEGUN]
    if len(begun) < 2 or any(member.has_data for member in world.members):
        return
    for number in begun:
        world = world.put(number, replace(world.members[number], disk=Disk.JOINED), Seat.TAKEN)
    yield "a leader is elected", world


def explore(*, cautious: bool) -> dict[World, set[World]]:
    """All worlds that can be reached, and what can follow from each.

    Raises:
        Mistake: it can come to that.
    """
    following: dict[World, set[World]] = {}
    waiting = [World()]
    while waiting:
        world = waiting.pop()
        if world not in following:
            following[world] = {after for _, after in steps(world, cautious=cautious)}
            waiting.extend(following[world])
    return following


def test_nobody_votes_again_under_an_identity_whose_votes_are_lost() -> None:
    assert len(explore(cautious=True)) > 1000


def test_etcd_by_itself_would_do_that() -> None:
    with pytest.raises(Mistake):
        explore(cautious=False)


def test_there_is_always_a_way_to_a_cluster_of_all_unless_a_majority_lost_its_disks() -> None:
    following = explore(cautious=True)
    well = {
        world for world in following if all(member.disk is Disk.NOTED and member.serves for member in world.members)
    }
    assert well
    before: dict[World, set[World]] = {}
    for world, afters in following.items():
        for after in afters:
            before.setdefault(after, set()).add(world)
    helped, waiting = set(well), list(well)
    while waiting:
        for world in before.get(waiting.pop(), set()) - helped:
            helped.add(world)
            waiting.append(world)
    for world in following.keys() - helped:
        assert sum(member.has_data for member in world.members) == 1

"""What docs/explanation/backends.md says of the loss of members, and how it is tried."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol, cast

from servers.ports import PATIENCE, eventually

DOCUMENT = Path(__file__).parents[2] / "docs/explanation/backends.md"
_HEADING = "## When members are lost"

Meanwhile = Literal["goes on", "stands still", ""]
Heals = Literal["by itself", "not"]
Data = Literal["kept", "gone", ""]
Moment = Literal["forming", "stopping", "upgrading"]


@dataclass(frozen=True)
class Row:
    """What a row of the table of a backend says.

    Args:
        meanwhile: whether it takes writes while those members are away. As long as it does not, nobody is ready.
        heals: whether all members belong to it again without help, after they have started again.
        seconds: how long that takes at most.
        data: what there was before. Nothing is said of it, nor of writes, where all form for the first time.
    """

    meanwhile: Meanwhile
    heals: Heals
    seconds: int
    data: Data


def documented(backend: str) -> Mapping[str, Row]:
    """The table of a backend, by what is lost."""
    section = DOCUMENT.read_text().partition(f"{_HEADING}\n")[2].partition("\n## ")[0]
    part = section.partition(f"\n### {backend}\n")[2].partition("\n### ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    rows = {}
    for lost, meanwhile, heals, within, data in cells[2:]:
        healing = "by itself" if heals == "by itself" else "not"
        seconds = re.match(r"(\d+) s", within)
        rows[lost] = Row(
            cast(Meanwhile, meanwhile),
            cast(Heals, healing),
            int(seconds[1]) if seconds else 0,
            cast(Data, data.split(",")[0]),
        )
    return rows


@dataclass(frozen=True)
class Loss:
    """Members that are lost at the same time.

    Args:
        members: their numbers.
        volumes: whose volumes are lost with them.
    """

    members: Collection[int]
    volumes: Collection[int] = ()


LOSSES: Mapping[str, Sequence[Loss]] = {
    "one member": [Loss({0})],
    "one member and its volume": [Loss({1}, {1})],
    "one after the other, with their volumes": [Loss({number}, {number}) for number in range(3)],
    "two of three": [Loss({0, 1})],
    "two of three, and the volume of one": [Loss({0, 1}, {1})],
    "two of three and their volumes": [Loss({0, 1}, {0, 1})],
    "all": [Loss({0, 1, 2})],
    "all, and the volumes of two": [Loss({0, 1, 2}, {0, 1})],
    "all and their volumes": [Loss({0, 1, 2}, {0, 1, 2})],
}
"""What the rows of all backends are about."""

KILLED: Mapping[str, Moment] = {
    "one member, while all form for the first time": "forming",
    "one member, while it stops": "stopping",
    "one member, while a newer version starts on its data": "upgrading",
}
"""What further rows are about: a member that is killed in the middle of something."""


class Members(Protocol):
    """Three members of a backend, in fake pods."""

    def lose(self, loss: Loss) -> None:
        """End members at once, and then their volumes."""

    def start(self, members: Collection[int]) -> None:
        """Start members again, all at the same time, without waiting for more than that they have begun."""

    def stop(self, member: int) -> None:
        """Begin to stop a member in order."""

    def upgrade(self) -> None:
        """Let every start be that of a newer version, from now on."""

    def write(self, value: str) -> bool:
        """Write something, as a client does. Whether it was accepted."""

    def read(self) -> str | None:
        """What was written last; None where it is not there, or nobody answers."""

    def whole(self) -> bool:
        """Whether all members are ready and belong to one cluster."""

    def ready(self) -> bool:
        """Whether a member is ready."""


def tried(members: Members, losses: Sequence[Loss], row: Row, quiet: float) -> Row:
    """What comes of some losses, one after the other.

    Args:
        members: which are well.
        losses: what is lost.
        row: what is expected, which tells how long to wait for it.
        quiet: how many seconds to wait for what should not happen.
    """
    _wrote(members)
    seen: list[Row] = []
    for loss in losses:
        members.lose(loss)
        goes_on = row.meanwhile == "goes on"
        meanwhile = _within(lambda: members.write("before"), _here(row.seconds) if goes_on else quiet)
        settled = partial(_is_ready, members, meanwhile)
        assert _within(settled, PATIENCE), "ready is what is left of a backend that takes writes, and no other"
        members.start(loss.members)
        healed = _within(members.whole, _here(row.seconds) if row.heals == "by itself" else quiet)
        kept = _kept(members, row) if healed else row.data == "kept"
        seen.append(
            Row(
                "goes on" if meanwhile else "stands still",
                "by itself" if healed else "not",
                row.seconds,
                "kept" if kept else "gone",
            )
        )
    return next((each for each in seen if each != row), seen[-1])


def killed(members: Members, moment: Moment, row: Row, seconds: Sequence[float]) -> Row:
    """What comes of it when a member is killed in the middle of something.

    Args:
        members: which are well.
        moment: what it is in the middle of.
        row: what is expected.
        seconds: how long after the beginning it is killed, once each.
    """
    seen = row
    for number, after in enumerate(seconds):
        member = number % 3
        meanwhile: Meanwhile = ""
        if moment == "forming":
            members.lose(Loss(range(3), range(3)))
            members.start(range(3))
        else:
            _wrote(members)
            members.stop(member)
            if moment == "upgrading":
                members.lose(Loss({member}))
                members.upgrade()
                members.start({member})
        time.sleep(after)
        members.lose(Loss({member}))
        if moment != "forming":
            meanwhile = "goes on" if _within(lambda: members.write("before"), _here(row.seconds)) else "stands still"
        members.start({member})
        healed = _within(members.whole, _here(row.seconds))
        data: Data = "" if moment == "forming" else "kept" if _kept(members, row) else "gone"
        seen = Row(meanwhile, "by itself" if healed else "not", row.seconds, data)
        if seen != row:
            break
    return seen


def _here(seconds: float) -> float:
    """The same time on this machine, which may have more to do than it can do at once."""
    return seconds * max(1, os.getloadavg()[0] / (os.cpu_count() or 1))


def _wrote(members: Members) -> None:
    """Write what there is before. The first one makes a queue, for instance, and may find that its members elect."""
    assert _within(lambda: members.write("before"), PATIENCE), "it takes writes"


def _kept(members: Members, row: Row) -> bool:
    """Whether that is there. Where nothing is expected, nothing is waited for."""

    def is_there() -> bool:
        return members.read() == "before"

    return _within(is_there, PATIENCE) if row.data == "kept" else is_there()


def _is_ready(members: Members, expected: bool) -> bool:
    return members.ready() is expected


def _within(condition: Callable[[], bool], seconds: float) -> bool:
    try:
        eventually(condition, "", seconds)
    except TimeoutError:
        return False
    return True

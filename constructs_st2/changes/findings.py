"""What a change does, as facts: one finding each, in the sections in which people read them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Section(Enum):
    """What a finding is about, the worst first. The values are the headings."""

    REFUSED = "Cannot work"
    DATA = "Data"
    HANDS = "Cannot be applied as it is"
    NOT_RUN = "Jobs that do not run again unless they are deleted"
    PAUSES = "Pauses"
    PODS = "Pods"
    JOBS = "Jobs that run"
    ORPHANS = "Stays in the cluster until it is deleted"


NEEDS_HANDS = frozenset({Section.REFUSED, Section.DATA, Section.HANDS, Section.NOT_RUN})
"""Sections that somebody must act upon before or besides the apply."""


@dataclass(frozen=True)
class Finding:
    """One consequence of a change.

    ``subject`` is what it is about, ``steps`` are what to do, in order: commands, or sentences. ``step`` is the name by
    which somebody takes the responsibility for what is refused.
    """

    section: Section
    subject: str
    text: str
    steps: tuple[str, ...] = ()
    step: str = ""

    def lines(self) -> list[str]:
        """A refused step as lines of an error: what, why, the steps that work, and how to take it all the same."""
        steps = (f"  {number}. {step}" for number, step in enumerate(self.steps, start=1))
        return [f"{self.step}: {self.text}", *steps, f"  or take the responsibility: --accept {self.step}"]

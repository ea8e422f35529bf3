"""What is found, the worst first, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Level(Enum):
    """How bad it is, the worst first. The values are the headings."""

    BROKEN = "Broken"
    WARNING = "Warnings"
    NOTE = "Worth knowing"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing: what it is about, what is wrong, and the next commands."""

    level: Level
    subject: str
    text: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unseen:
    """Something that could not be looked at, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Report:
    """All findings, the worst first, and what nothing is known of."""

    headline: str
    findings: tuple[Finding, ...]
    unseen: tuple[Unseen, ...] = field(default=())

    def of(self, level: Level) -> list[Finding]:
        """The findings of a level."""
        return [finding for finding in self.findings if finding.level is level]

    @property
    def status(self) -> int:
        """The exit status: 0 nothing is wrong, 2 there are warnings, 3 something is broken."""
        if self.of(Level.BROKEN):
            return 3
        return 2 if self.of(Level.WARNING) else 0

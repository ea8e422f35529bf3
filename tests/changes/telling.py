"""A plan in one line, for tables of tests."""

from __future__ import annotations

from default_cluster import PYTHON_SERVICES, SEVERAL, SINGLE

from constructs_st2.changes.findings import Section
from constructs_st2.changes.plan import Plan

_WORDS = {
    Section.REFUSED: "refused",
    Section.DATA: "data",
    Section.HANDS: "hands",
    Section.NOT_RUN: "not run",
    Section.PAUSES: "pauses",
    Section.PODS: "pods",
    Section.JOBS: "jobs",
    Section.ORPHANS: "left over",
}
_SINGLES = f"({' '.join(SINGLE)})"
_OTHERS = f"({' '.join(name for name in SEVERAL if name in PYTHON_SERVICES)})"


def told(plan: Plan) -> str:
    """What a plan says of whom, section by section."""
    parts = []
    for section, word in _WORDS.items():
        subjects = [finding.step or finding.subject for finding in plan.of(section)]
        if subjects:
            text = " ".join(subjects)
            text = text.replace(_SINGLES[1:-1], "all singles").replace(_OTHERS[1:-1], "all others of st2")
            parts.append(f"{word}: {text}")
    return f"{plan.status}" + "".join(f"; {part}" for part in parts)

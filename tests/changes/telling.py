"""A plan in one line, for tables of tests."""

from __future__ import annotations

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
SINGLES = "(st2timersengine st2garbagecollector st2sensorcontainer st2client)"
SEVERAL = "(st2auth st2api st2stream st2rulesengine st2workflowengine st2scheduler st2notifier st2actionrunner)"


def told(plan: Plan) -> str:
    """What a plan says of whom, section by section."""
    parts = []
    for section, word in _WORDS.items():
        subjects = [finding.step or finding.subject for finding in plan.of(section)]
        if subjects:
            text = " ".join(subjects)
            text = text.replace(SINGLES[1:-1], "all singles").replace(SEVERAL[1:-1], "all others of st2")
            parts.append(f"{word}: {text}")
    return f"{plan.status}" + "".join(f"; {part}" for part in parts)

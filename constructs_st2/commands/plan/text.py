"""A plan for a terminal, for a comment on a pull request, and for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from constructs_st2.changes.difference import Action
from constructs_st2.changes.findings import NEEDS_HANDS, Finding, Section
from constructs_st2.changes.plan import Change, Plan
from constructs_st2.changes.states import has_history
from constructs_st2.commands.rows import row, terminal_width

_MARKS: Mapping[Action, tuple[str, str]] = {"new": ("+", "green"), "changed": ("~", "yellow"), "gone": ("-", "red")}
_COLOURS: Mapping[Section, str] = {
    Section.REFUSED: "red",
    Section.DATA: "red",
    Section.HANDS: "yellow",
    Section.NOT_RUN: "yellow",
    Section.PAUSES: "yellow",
}
MOST_LINES = 6
"""Lines that tell of one object. What is longer is for those who look at the manifests."""


def terminal(plan: Plan, against: str, *, colours: bool, width: int | None = None) -> str:
    """The plan as text, with colours where they are wanted."""
    columns = width or terminal_width()

    def style(text: str, colour: str | None = None, *, bold: bool = False) -> str:
        return click.style(text, fg=colour, bold=bold) if colours else text

    lines = [headline(plan, against)]
    if not plan.changes:
        return lines[0]
    rows = list(_rows(plan))
    longest = max((len(name) for _, name, _ in rows), default=0)
    lines.append("")
    for action, name, told in rows:
        mark, colour = _MARKS[action]
        first, *rest = told or [""]
        lines.append(f"{style(mark, colour)} {name:{longest}}  {first}".rstrip())
        lines += [f"  {'':{longest}}  {line}" for line in rest]
    subjects = max((len(finding.subject) for finding in plan.findings), default=0)
    for section in Section:
        findings = plan.of(section)
        if findings:
            lines += ["", style(section.value, _COLOURS.get(section), bold=True)]
            lines += [line for finding in findings for line in _wrapped(finding, plan, subjects, columns)]
    return "\n".join(lines)


def _rows(plan: Plan) -> Iterator[tuple[Action, str, list[str]]]:
    """The objects with what differs in them; those of a kind in which the same does are one row."""
    alike: dict[tuple[Action, str, tuple[str, ...]], list[Change]] = {}
    for change in plan.changes:
        key = change.difference.identity if change.difference.action != "changed" else change.difference.kind
        alike.setdefault((change.difference.action, "" if change.is_noise else key, change.words), []).append(change)
    for (action, kind, told), changes in alike.items():
        identities = [change.difference.identity for change in changes]
        if not kind:
            yield action, f"{len(changes)} objects", ["only a label that tells the version"]
        elif len(changes) < 3:
            yield from ((action, identity, _cut(told)) for identity in identities)
        else:
            components = [change.difference.component for change in changes]
            are_distinct = len(set(components)) == len(changes)
            names = ", ".join(components if are_distinct else [change.difference.name for change in changes])
            yield action, f"{len(changes)} {_plural(kind)}", [*_cut(told), *textwrap.wrap(names, 90)]


def _plural(kind: str) -> str:
    if kind.endswith("y"):
        return f"{kind.removesuffix('y')}ies"
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def headline(plan: Plan, against: str) -> str:
    """The plan in one line."""
    if not plan.changes:
        return f"against {against}: nothing changes"
    counts = dict.fromkeys(_MARKS, 0)
    for change in plan.changes:
        counts[change.difference.action] += 1
    return f"against {against}: " + ", ".join(f"{count} {action}" for action, count in counts.items() if count)


def _cut(told: Sequence[str]) -> list[str]:
    cut = list(told[:MOST_LINES])
    return [*cut, f"and {len(told) - MOST_LINES} more"] if len(told) > MOST_LINES else cut


def _wrapped(finding: Finding, plan: Plan, subjects: int, columns: int) -> Iterator[str]:
    accepted = " (accepted)" if finding.step and finding.step in plan.accepted else ""
    yield from row(finding.subject, finding.text + accepted, finding.steps, subjects=subjects, columns=columns)
    if finding.step and not accepted:
        yield f"{' ' * (subjects + 4)}or take the responsibility: --accept {finding.step}"


def brief(plan: Plan, folder: Path) -> str:
    """The plan in a few lines, for the end of a synth."""
    lines = [f"Changes          {headline(plan, 'what was there')}"]
    indent = " " * 17
    for section in _BRIEF:
        subjects = list(dict.fromkeys(finding.subject for finding in plan.of(section)))
        if subjects:
            listed = ", ".join(subjects[:6]) + (f" and {len(subjects) - 6} more" if len(subjects) > 6 else "")
            lines.append(f"{indent}{section.value}: {listed}")
        if section is Section.NOT_RUN:
            # The apply that is next does not do without it.
            lines += [f"{indent}{step}" for finding in plan.of(section) for step in finding.steps]
    before = "git:HEAD" if has_history(folder) else "cluster"
    return "\n".join(
        [*lines, f"{indent}constructs-st2 plan --manifests {folder} --against {before}   tells what that does"]
    )


_BRIEF = tuple(section for section in Section if section is not Section.ORPHANS)


def markdown(plan: Plan, against: str) -> str:
    """The plan as a comment on a pull request."""
    lines = [f"**{headline(plan, against)}**"]
    for section in Section:
        findings = plan.of(section)
        if findings:
            mark = "⚠️ " if section in NEEDS_HANDS else ""
            lines += ["", f"### {mark}{section.value}", ""]
            lines += [line for finding in findings for line in _item(finding, plan)]
    if plan.changes:
        lines += [
            "",
            f"<details><summary>{len(plan.changes)} objects</summary>",
            "",
            "| | object | change |",
            "|---|---|---|",
        ]
        for change in plan.changes:
            mark, _ = _MARKS[change.difference.action]
            told = "<br>".join(f"`{line}`".replace("|", "\\|") for line in _cut(change.words))
            lines.append(f"| {mark} | `{change.difference.identity}` | {told} |")
        lines += ["", "</details>"]
    return "\n".join(lines)


def _item(finding: Finding, plan: Plan) -> Iterator[str]:
    accepted = " (accepted)" if finding.step and finding.step in plan.accepted else ""
    yield f"* **{finding.subject}**: {finding.text}{accepted}"
    if finding.steps:
        yield from ("", "  ```", *(f"  {step}" for step in finding.steps), "  ```")


def as_json(plan: Plan, against: str) -> str:
    """The plan for programs."""
    return json.dumps(
        {
            "against": against,
            "status": plan.status,
            "replaced": plan.replaced,
            "changes": [
                {
                    "action": change.difference.action,
                    "kind": change.difference.kind,
                    "namespace": change.difference.namespace,
                    "name": change.difference.name,
                    "changed": list(change.words),
                }
                for change in plan.changes
            ],
            "findings": [
                {
                    "section": finding.section.name.lower(),
                    "subject": finding.subject,
                    "text": finding.text,
                    "steps": list(finding.steps),
                    **({"step": finding.step, "accepted": finding.step in plan.accepted} if finding.step else {}),
                }
                for finding in plan.findings
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


OUTPUTS: Mapping[str, Callable[[Plan, str], str]] = {"markdown": markdown, "json": as_json}

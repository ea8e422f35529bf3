"""A report for a terminal, for a comment or a chat, and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

import click

from constructs_st2.commands.doctor.findings import Finding, Level, Report
from constructs_st2.commands.rows import row, terminal_width

_COLOURS: Mapping[Level, str] = {Level.BROKEN: "red", Level.WARNING: "yellow"}
_MARKS: Mapping[Level, str] = {Level.BROKEN: "❌ ", Level.WARNING: "⚠️ ", Level.NOTE: ""}
_WIDEST_SUBJECT = 30
"""Longer ones stand out, so that there is room for what is said."""
_UNSEEN = "Not looked at"


def terminal(report: Report, *, colours: bool, width: int | None = None) -> str:
    """The report as text, with colours where they are wanted."""
    columns = width or terminal_width()
    lines = [report.headline]
    for level in Level:
        findings = report.of(level)
        if findings:
            lines += ["", click.style(level.value, fg=_COLOURS.get(level), bold=True) if colours else level.value]
            subjects = min(_WIDEST_SUBJECT, max(len(finding.subject) for finding in findings))
            for each in findings:
                lines += row(each.subject, each.text, each.steps, subjects=subjects, columns=columns)
    if report.unseen:
        lines += ["", click.style(_UNSEEN, bold=True) if colours else _UNSEEN]
        subjects = max(len(each.what) for each in report.unseen)
        for unseen in report.unseen:
            lines += row(unseen.what, unseen.why, (), subjects=subjects, columns=columns)
    return "\n".join(lines)


def markdown(report: Report) -> str:
    """The report for a comment or a chat."""
    lines = [f"**{report.headline}**"]
    for level in Level:
        if findings := report.of(level):
            lines += ["", f"### {_MARKS[level]}{level.value}", ""]
            lines += [line for finding in findings for line in _item(finding)]
    if report.unseen:
        lines += ["", f"### {_UNSEEN}", "", *(f"* **{each.what}**: {each.why}" for each in report.unseen)]
    return "\n".join(lines)


def _item(finding: Finding) -> Iterator[str]:
    yield f"* **{finding.subject}**: {finding.text}"
    if finding.steps:
        yield from ("", "  ```", *(f"  {step}" for step in finding.steps), "  ```")


def as_json(report: Report) -> str:
    """The report for programs."""
    return json.dumps(
        {
            "headline": report.headline,
            "status": report.status,
            "findings": [
                {
                    "level": finding.level.name.lower(),
                    "subject": finding.subject,
                    "text": finding.text,
                    "steps": list(finding.steps),
                }
                for finding in report.findings
            ],
            "unseen": [{"what": each.what, "why": each.why} for each in report.unseen],
        },
        indent=2,
        ensure_ascii=False,
    )


OUTPUTS: Mapping[str, Callable[[Report], str]] = {"markdown": markdown, "json": as_json}

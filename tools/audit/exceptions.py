"""What linters find, and is right all the same: exceptions.yaml, and the table of it in the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from audit.linters import Finding

_FILE = Path(__file__).with_name("exceptions.yaml")
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "security.md"
BEGIN, END = "<!-- audit: made by `make docs` -->\n", "<!-- end -->\n"


@dataclass(frozen=True)
class Reason:
    """Why some rules, ``linter: rule``, are not kept by some objects, given by patterns such as ``Job/*``."""

    rules: Sequence[str]
    objects: Sequence[str]
    why: str

    def explains(self, finding: Finding) -> bool:
        """Whether it is about a finding."""
        is_of_rule = f"{finding.linter}: {finding.rule}" in self.rules
        return is_of_rule and any(fnmatchcase(finding.object, pattern) for pattern in self.objects)


def reasons() -> list[Reason]:
    """All reasons."""
    return [Reason(each["rules"], each["objects"], each["why"]) for each in yaml.safe_load(_FILE.read_text())]


def unexplained(findings: Iterable[Finding], known: Sequence[Reason]) -> list[Finding]:
    """The findings without a reason."""
    return sorted(each for each in findings if not any(reason.explains(each) for reason in known))


def without_findings(findings: Iterable[Finding], linters: Iterable[str], known: Sequence[Reason]) -> list[str]:
    """What reasons are given for that these linters no longer find: rules and patterns of objects."""
    findings, linters = list(findings), set(linters)
    unused = []
    for reason in known:
        of_reason = [each for each in findings if reason.explains(each)]
        rules = [rule for rule in reason.rules if rule.partition(":")[0] in linters]
        unused += [rule for rule in rules if rule not in {f"{each.linter}: {each.rule}" for each in of_reason}]
        if len(rules) == len(reason.rules):
            objects = [each.object for each in of_reason]
            unused += [
                f"{', '.join(rules)} of {pattern}"
                for pattern in reason.objects
                if not any(fnmatchcase(each, pattern) for each in objects)
            ]
    return unused


def table(known: Sequence[Reason]) -> str:
    """The reasons for people."""
    lines = ["| finding | objects | why it is right |", "|---|---|---|"]
    for reason in known:
        rules = "<br>".join(f"`{rule}`" for rule in reason.rules)
        objects = (
            "all with pods" if list(reason.objects) == ["*"] else ", ".join(f"`{each}`" for each in reason.objects)
        )
        lines.append(f"| {rules} | {objects} | {' '.join(reason.why.split())} |")
    return "\n".join(lines) + "\n"


def page_with_table() -> str:
    """The page as it is, with its table made anew."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    return "".join([before, begin, "\n", table(reasons()), "\n", end, after])


if __name__ == "__main__":
    PAGE.write_text(page_with_table(), encoding="utf-8")

"""What linters find and is right: the reasons fit what they are given for, and the documentation has them."""

from __future__ import annotations

import pytest
from audit.exceptions import PAGE, Reason, page_with_table, reasons, unexplained, without_findings
from audit.linters import LINTERS, Finding
from support import Objects

from constructs_st2.kube.documents import identity

KNOWN = [Reason(["a: X", "b: Y"], ["Job/*"], "because"), Reason(["a: Z"], ["Deployment/d"], "because")]
FOUND = [Finding("a", "X", "Job/j"), Finding("b", "Y", "Job/j"), Finding("a", "Z", "Deployment/d")]


def test_the_page_has_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_with_table()


def test_reasons_are_for_rules_of_linters_that_run_and_for_objects_there_are(default_objects: Objects) -> None:
    for reason in reasons():
        assert {rule.partition(": ")[0] for rule in reason.rules} <= {linter.name for linter in LINTERS}
        for pattern in reason.objects:
            stem = pattern.rstrip("*")
            assert any(identity(each).startswith(stem) for each in default_objects), pattern


@pytest.mark.parametrize(
    ("finding", "is_known"),
    [
        (Finding("a", "X", "Job/other"), True),
        (Finding("a", "X", "Deployment/d"), False),
        (Finding("b", "X", "Job/j"), False),
        (Finding("a", "Z", "Deployment/e"), False),
    ],
)
def test_what_has_no_reason_is_told(finding: Finding, is_known: bool) -> None:
    assert unexplained([*FOUND, finding], KNOWN) == ([] if is_known else [finding])


def test_reasons_for_nothing_are_told_of_linters_that_ran() -> None:
    assert without_findings(FOUND, ["a", "b"], KNOWN) == []
    assert without_findings(FOUND[:2], ["a", "b"], KNOWN) == ["a: Z", "a: Z of Deployment/d"]
    assert without_findings([FOUND[0], FOUND[2]], ["a"], KNOWN) == []

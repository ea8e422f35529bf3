"""Run by `make audit`: status 1 if a linter finds what exceptions.yaml does not explain, or the other way around."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from audit.exceptions import reasons, unexplained, without_findings
from audit.linters import LINTERS, Finding
from constructs_st2.construct.stackstorm import StackStorm
from constructs_st2.construct.writing import App
from constructs_st2.values import load_values


def main() -> int:
    """Write the default cluster, and have each linter look at it that can be had."""
    findings: set[Finding] = set()
    ran: list[str] = []
    is_good = True
    with tempfile.TemporaryDirectory() as folder:
        manifests = Path(folder, "dist")
        app = App(outdir=manifests)
        StackStorm(app, "Default", values=load_values([], []))
        app.synth()
        for linter in LINTERS:
            program = linter.find()
            if program is None:
                print(f"{linter.name}: not run, as it is not on the PATH, and cannot be installed from here")
                continue
            report = linter.run(program, manifests)
            print(f"{linter.name}: {report.figure}")
            ran.append(linter.name)
            findings |= report.findings
            is_good &= report.is_good
    unknown, unused = unexplained(findings, reasons()), without_findings(findings, ran, reasons())
    for finding in unknown:
        print(f"error: {finding.linter}: {finding.rule}: {finding.object}: not in exceptions.yaml", file=sys.stderr)
    for what in unused:
        print(f"error: exceptions.yaml has {what}, which is not found any more", file=sys.stderr)
    return 0 if is_good and ran and not unknown and not unused else 1


if __name__ == "__main__":
    sys.exit(main())

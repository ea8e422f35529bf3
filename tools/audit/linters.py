"""The linters: where they come from, how they run, and how their reports read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

_JOB_HASH = re.compile(r"-[0-9a-f]{10}$")


class Finding(NamedTuple):
    """A rule of a linter that an object, ``Kind/name``, does not keep."""

    linter: str
    rule: str
    object: str


class Report(NamedTuple):
    """What a linter found, and its own figure for all of it."""

    findings: frozenset[Finding]
    figure: str
    is_good: bool


@dataclass(frozen=True)
class Linter:
    """A program, on the PATH or built from the module ``source`` of Go.

    ``arguments`` get the folder with manifests behind them, or each file if ``by_file``.
    """

    name: str
    source: str
    arguments: Sequence[str]
    read: Callable[[Any], Report]
    by_file: bool = False

    def find(self) -> str | None:
        """The program, built if it can be; None where it cannot be had."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "constructs-st2", "audit")
        if found := shutil.which(self.name, path=os.pathsep.join([str(cache), os.environ.get("PATH", os.defpath)])):
            return found
        if not self.source or shutil.which("go") is None:
            return None
        print(f"go install {self.source}  # once; this takes a while", flush=True)
        environment = {**os.environ, "GOBIN": str(cache), "GOTOOLCHAIN": "auto", "CGO_ENABLED": "0"}
        subprocess.run(["go", "install", self.source], env=environment, check=False)
        return shutil.which(self.name, path=str(cache))

    def run(self, program: str, manifests: Path) -> Report:
        """What it finds in a folder of manifests.

        Raises:
            ValueError: it gave no report.
        """
        files = sorted(map(str, manifests.glob("*.yaml"))) if self.by_file else [str(manifests)]
        # Each of them fails when it finds something.
        done = subprocess.run([program, *self.arguments, *files], capture_output=True, text=True, check=False)
        try:
            return self.read(json.loads(done.stdout))
        except ValueError:
            raise ValueError(f"{self.name} gave no report: {done.stderr.strip()[-500:]}") from None


def _object(kind: str, name: str) -> str:
    return f"{kind}/{_JOB_HASH.sub('', name)}"


def _checkov(report: Any) -> Report:
    report = report[0] if isinstance(report, list) else report
    failed = report["results"]["failed_checks"]
    found = frozenset(
        Finding("checkov", each["check_id"], _object(each["resource"].split(".")[0], each["resource"].split(".")[-1]))
        for each in failed
    )
    return Report(found, f"{len(failed)} failed, at most {MOST_OF_CHECKOV}", len(failed) <= MOST_OF_CHECKOV)


def _kube_score(report: Any) -> Report:
    found, critical = set(), 0
    for each in report:
        subject = _object(each["type_meta"]["kind"], each["object_meta"]["name"])
        for check in each["checks"]:
            if not check["skipped"] and check["grade"] < _GOOD:
                found.add(Finding("kube-score", check["check"]["id"], subject))
                critical += check["grade"] <= 1
    return Report(frozenset(found), f"{critical} critical", True)


def _kube_linter(report: Any) -> Report:
    objects = ((each["Check"], each["Object"]["K8sObject"]) for each in report["Reports"] or ())
    found = frozenset(
        Finding("kube-linter", rule, _object(each["GroupVersionKind"]["Kind"], each["Name"])) for rule, each in objects
    )
    return Report(found, f"{len(report['Reports'] or ())} findings", True)


def _polaris(report: Any) -> Report:
    found = frozenset(
        Finding("polaris", rule, _object(each["Kind"], each["Name"]))
        for each in report["Results"]
        for rule in _failed_in(each)
    )
    return Report(found, f"score {report['Score']}, at least {LEAST_OF_POLARIS}", report["Score"] >= LEAST_OF_POLARIS)


def _failed_in(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if part.get("Success") is False:
            yield part["ID"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _failed_in(each)


_GOOD = 10
MOST_OF_CHECKOV = 40
LEAST_OF_POLARIS = 95

LINTERS = (
    Linter(
        "checkov",
        "",
        ("--framework", "kubernetes", "--compact", "--quiet", "--output", "json", "--directory"),
        _checkov,
    ),
    Linter(
        "kube-score",
        "github.com/zegl/kube-score/cmd/kube-score@v1.20.0",
        ("score", "--output-format", "json"),
        _kube_score,
        by_file=True,
    ),
    Linter(
        "kube-linter",
        "golang.stackrox.io/kube-linter/cmd/kube-linter@v0.7.6",
        ("lint", "--format", "json"),
        _kube_linter,
    ),
    Linter(
        "polaris",
        "github.com/fairwindsops/polaris@v0.0.0-20260821134505-c0e23a233b20",
        ("audit", "--format", "json", "--audit-path"),
        _polaris,
    ),
)

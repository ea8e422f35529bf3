"""From facts to a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from constructs_st2.commands.doctor.examinations import EXAMINATIONS
from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Facts
from constructs_st2.commands.doctor.findings import Finding, Level, Report, Unseen
from constructs_st2.commands.doctor.hiding import hidden
from constructs_st2.commands.doctor.wording import counted, listed

_MOST_SUBJECTS = 2
_IN_WORDS: Mapping[str, str] = {
    "kinds": "kinds of objects",
    "deployed": "controllers (Deployments of all namespaces)",
    "refusals": "admission (a dry run of everything)",
    "usages": "how full volumes are (nodes/proxy)",
    "queues": "queues of RabbitMQ (pods/exec)",
    "words": "logs",
    "customs": "what controllers say",
    "quotas": "ResourceQuotas",
}


def examine(expected: Expected, facts: Facts) -> Report:
    """All findings, the worst first. No text of the cluster that looks like a secret is in them."""
    found: list[Finding] = []
    for examination in EXAMINATIONS:
        if facts.sees(*examination.needs) and (facts.is_applied or not examination.applied):
            found += examination.find(expected, facts)
    told = [replace(finding, text=hidden(finding.text)) for finding in _merged(found)]
    ordered = tuple(finding for level in Level for finding in told if finding.level is level)
    unseen = tuple(Unseen(_in_words(name), hidden(why)) for name, why in facts.unseen.items())
    report = Report("", ordered, unseen)
    return replace(report, headline=_headline(expected, facts, report))


def _merged(found: Iterable[Finding]) -> Iterator[Finding]:
    """Findings that say the same of several things as one: the commands are those of the first."""
    alike: dict[tuple[Level, str], list[Finding]] = {}
    for finding in found:
        alike.setdefault((finding.level, finding.text), []).append(finding)
    for first, *others in alike.values():
        subjects = [first.subject, *(other.subject for other in others)]
        yield replace(first, subject=listed(subjects, _MOST_SUBJECTS))


def _in_words(field: str) -> str:
    return _IN_WORDS.get(field, field.partition(".")[0].replace("_", " "))


def _headline(expected: Expected, facts: Facts, report: Report) -> str:
    release = expected.cluster.release
    about = [f"Kubernetes {facts.server}"]
    about += [counted(len(facts.nodes), "node")] if facts.sees("nodes") else []
    if not facts.is_applied and facts.sees("workloads", "jobs"):
        about.append("nothing of it has been applied yet")
    elif facts.is_applied and facts.sees("pods"):
        pods = [pod for pod in facts.pods if not pod.is_done and not pod.owner.startswith("Job/")]
        about.append(f"{sum(pod.ready for pod in pods)} of {counted(len(pods), 'pod')} ready")
    counts = [(len(report.of(Level.BROKEN)), "broken"), (len(report.of(Level.WARNING)), "warning")]
    numbers = [f"{count} {what}{'s' if what == 'warning' and count != 1 else ''}" for count, what in counts if count]
    verdict = ", ".join(numbers) or f"nothing is wrong{', as far as could be seen' if facts.unseen else ''}"
    return f"{release.name} in {release.namespace}: {', '.join(about)}; {verdict}"

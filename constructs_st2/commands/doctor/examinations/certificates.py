"""When certificates end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Facts
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import in_words


def ends(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """Those that have ended, or should have been renewed by now."""
    soon = timedelta(days=expected.cluster.values.monitoring.rules.certificate_days)
    for certificate in facts.certificates:
        left = certificate.ends - facts.now
        step = (
            f"{expected.kubectl} get secret {certificate.secret} -o jsonpath='{{.data.tls\\.crt}}' | base64 -d | "
            "openssl x509 -noout -subject -issuer -dates"
        )
        subject = f"Secret {certificate.secret}"
        if left <= timedelta(0):
            text = f"its certificate ended {in_words(-left)} ago, on {certificate.ends:%Y-%m-%d}"
            yield Finding(Level.BROKEN, subject, text, (step,))
        elif left < soon:
            text = f"its certificate ends in {in_words(left)}, on {certificate.ends:%Y-%m-%d}: renew it"
            yield Finding(Level.WARNING, subject, text, (step,))

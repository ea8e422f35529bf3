"""What manifests name must be there: Secrets with their keys, and whatever else values name."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.commands.doctor.expected import Expected
from constructs_st2.commands.doctor.facts import Facts, Thing
from constructs_st2.commands.doctor.findings import Finding, Level
from constructs_st2.commands.doctor.wording import listed
from constructs_st2.commands.secrets.needed import NeededSecret
from constructs_st2.facts.components import SECRETS_BOOTSTRAP
from constructs_st2.kube.well_known import MANIFESTS, NAME_LABEL


def secrets(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """The user's own Secrets always; those that are made in the cluster, once the release has been applied."""
    not_made: dict[str, list[str]] = {}
    for secret in expected.secrets:
        if secret.optional:
            continue
        keys = facts.things.get(Thing("secrets", expected.namespace, secret.name))
        if keys is not None:
            if missing := [key for key in secret.keys if key not in keys]:
                text = f"has no key {listed(missing)}: {secret.description}"
                step = f"{expected.kubectl} edit secret {secret.name}"
                yield Finding(Level.BROKEN, f"Secret {secret.name}", text, (step,))
        elif not _will_be_made(secret, expected):
            text = f"is not there: {secret.description}"
            yield Finding(Level.BROKEN, f"Secret {secret.name}", text, (_step(secret, expected),))
        elif facts.is_applied:
            not_made.setdefault(_step(secret, expected), []).append(secret.name)
    for step, names in not_made.items():
        level = Level.WARNING if facts.is_starting else Level.BROKEN
        yield Finding(level, "Secrets", f"have not been made: {listed(names)}", (step,))


def _will_be_made(secret: NeededSecret, expected: Expected) -> bool:
    """Whether an apply brings it about."""
    return secret.own and secret.maker != "you" and expected.cluster.values.secrets.mode != "existing"


def _step(secret: NeededSecret, expected: Expected) -> str:
    if not secret.own or secret.maker == "you":
        keys = " ".join(f"--from-file={key}=FILE" for key in secret.keys) or "--from-env-file=FILE"
        return f"{expected.kubectl} create secret generic {secret.name} {keys}"
    if secret.maker:
        kind, named, name = secret.maker.partition("/")
        return f"{expected.kubectl} {f'describe {kind.lower()} {name}' if named else 'get certificates,events'}"
    return _BY_MODE[expected.cluster.values.secrets.mode].format(kubectl=expected.kubectl)


_BY_MODE = {
    "bootstrap": f"{{kubectl}} logs -l {NAME_LABEL}={SECRETS_BOOTSTRAP} --tail 20",
    "external-secrets": "{kubectl} get externalsecrets",
    "existing": "constructs-st2 secrets generate | {kubectl} create -f -",
    "plain": f"kubectl apply -f {MANIFESTS}/",
}
"""Who makes the Secrets, by `secrets.mode`: where one sees why there are none, or what makes them."""


def others(expected: Expected, facts: Facts) -> Iterator[Finding]:
    """ConfigMaps, claims, accounts, classes, issuers, stores and Gateways that values name."""
    for wanted in expected.wanted:
        if wanted.thing.resource in facts.unseen:
            continue
        subject = f"{wanted.kind} {wanted.thing.name}"
        keys = facts.things.get(wanted.thing)
        place = f" in the namespace {wanted.thing.namespace}" if wanted.thing.namespace else ""
        where = f"-n {wanted.thing.namespace} " if wanted.thing.namespace else ""
        step = f"kubectl {where}get {wanted.thing.resource}"
        if keys is None:
            text = f"is not there{place}: {listed(wanted.wanted_by, 3)} names it"
            yield Finding(Level.BROKEN, subject, text, (step,))
        elif missing := sorted(wanted.keys - keys):
            text = f"has no key {listed(missing)}: {listed(wanted.wanted_by, 3)} names it"
            yield Finding(Level.BROKEN, subject, text, (f"{step} {wanted.thing.name} -o yaml",))

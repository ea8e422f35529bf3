"""The plan: what differs between two states of a cluster, and what it does to go from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from constructs_st2.changes.difference import Difference, differences
from constructs_st2.changes.findings import NEEDS_HANDS, Finding, Section
from constructs_st2.changes.immutable import immutable
from constructs_st2.changes.orphans import orphans
from constructs_st2.changes.returning import Earlier, never, not_run, returning
from constructs_st2.changes.rollouts import rollouts, rolls
from constructs_st2.changes.steps import FEATURE_FLAGS, held_formats, leads_back, refusals, server_version
from constructs_st2.changes.words import words
from constructs_st2.checks.data import at, mappings
from constructs_st2.checks.index import Index, Surroundings
from constructs_st2.facts.backends import MONGODB
from constructs_st2.facts.backends.upgrades import ACCEPTED_ANNOTATION, UPGRADES, Upgrades, Version, version_in
from constructs_st2.facts.catalogue import ST2API
from constructs_st2.facts.secrets import contract
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import MANIFESTS, VERSION_LABEL


@dataclass(frozen=True)
class Change:
    """One object that differs, in words."""

    difference: Difference
    words: tuple[str, ...]

    @property
    def is_noise(self) -> bool:
        """Whether nothing but labels differ that tell a version."""
        return self.difference.action == "changed" and not self.words


@dataclass(frozen=True)
class Plan:
    """Differences and their consequences.

    ``accepted`` are the names of refused steps for which somebody has taken the responsibility.
    """

    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    accepted: frozenset[str] = frozenset()

    def of(self, section: Section) -> list[Finding]:
        """The findings of a section."""
        return [finding for finding in self.findings if finding.section is section]

    @property
    def replaced(self) -> list[str]:
        """The components whose pods are replaced."""
        return sorted({change.difference.component for change in self.changes if rolls(change.difference)})

    @property
    def refused(self) -> list[Finding]:
        """The steps that cannot work, and that nobody has accepted."""
        return [finding for finding in self.of(Section.REFUSED) if finding.step not in self.accepted]

    @property
    def status(self) -> int:
        """The exit status: 0 nothing changes, 2 something does, 3 and somebody has to act besides the apply."""
        if not self.changes:
            return 0
        return 3 if any(finding.section in NEEDS_HANDS for finding in self.findings) else 2


def plan_of(
    old: Iterable[Document],
    new: Iterable[Document],
    *,
    folder: str = MANIFESTS,
    accepted: Iterable[str] = (),
    earlier: Earlier = never,
) -> Plan:
    """The plan to go from one state to another.

    Args:
        old: the objects that are there.
        new: the objects that are to be.
        folder: where the new ones are, for commands.
        accepted: the names of refused steps for which somebody takes the responsibility.
        earlier: which Jobs there have been before the old state.
    """
    before, after, accepted = list(old), list(new), frozenset(accepted)
    found = differences(before, after)
    if not found:
        return Plan((), ())
    was, will_be = Index(before, Surroundings()), Index(after, Surroundings())
    findings = [*refusals(found)]
    # What is refused needs no other commands, and its pods do not come to what a rollout would do.
    refused = {finding.subject for finding in findings if finding.step not in accepted}
    back = returning(found, earlier)
    findings += not_run(back)
    for difference in found:
        if difference not in back and difference.component not in refused:
            consequences = _consequences(difference, was, will_be, folder)
            findings += (each for each in consequences if each.subject not in refused)
    findings += orphans([each for each in found if each.action == "gone"], will_be)
    order = list(Section)
    return Plan(
        tuple(Change(difference, tuple(words(difference))) for difference in found),
        tuple(sorted(dict.fromkeys(findings), key=lambda finding: order.index(finding.section))),
        accepted,
    )


def _consequences(difference: Difference, was: Index, will_be: Index, folder: str) -> Iterator[Finding]:
    yield from (finding for rule in _RULES for finding in rule(difference, was, will_be))
    yield from immutable(difference, folder)


Rule = Callable[[Difference, Index, Index], Iterator[Finding]]


def _gone_backend(difference: Difference, _: Index, __: Index) -> Iterator[Finding]:
    """Data that stays behind with a backend."""
    if difference.action != "gone" or difference.kind != "StatefulSet" or difference.component not in UPGRADES:
        return
    name = UPGRADES[difference.component].name
    deleted = at(difference.document, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete"
    kept = "are DELETED with it" if deleted else "stay"
    moved = "its data is not moved to what takes its place: make a backup, and restore it there"
    holds = moved if difference.component == MONGODB.component else "what is in it is not moved"
    yield Finding(
        Section.DATA, difference.component, f"{name} is no longer in the manifests; {holds}. Its claims {kept}"
    )


def _deleted_claims(difference: Difference, _: Index, __: Index) -> Iterator[Finding]:
    """Claims that go with the members that go."""
    if difference.kind != "StatefulSet" or difference.action != "changed" or difference.new is None:
        return
    old, now = (at(each or {}, "spec", "replicas") for each in (difference.old, difference.new))
    scaled = at(difference.new, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete"
    if isinstance(old, int) and isinstance(now, int) and now < old and scaled:
        text = f"the claims of members {now} to {old - 1} are DELETED with them (persistence.retention.whenScaled)"
        yield Finding(Section.DATA, difference.component, text)


def _one_way(difference: Difference, _: Index, __: Index) -> Iterator[Finding]:
    """Versions from which there is no way back."""
    if difference.kind != "StatefulSet" or difference.old is None or difference.new is None:
        return
    upgrades = UPGRADES.get(difference.component)
    old, new = server_version(difference.old), server_version(difference.new)
    if upgrades and leads_back(difference):
        text = (
            f"{upgrades.name} {old} -> {new}: members start as long as {upgrades.after} is {new}, and else stop before"
        )
        yield Finding(Section.DATA, difference.component, text, (_BACKUP,))
    if upgrades and old and new and new > old and upgrades.reads(old, new):
        if upgrades.after:
            yield from _formats_stay(upgrades, difference.old, old, new)
            return
        text = f"{upgrades.name} {old} -> {new}: there is no way back, because {old} does not read what {new} writes"
        first = f"enable all {upgrades.before} first: {FEATURE_FLAGS}"
        steps = (first,) if upgrades.before else ()
        yield Finding(Section.DATA, difference.component, text, steps)


_BACKUP = "make a backup first: docs/how-to/backup.md"


def _formats_stay(upgrades: Upgrades, stateful_set: Document, old: Version, new: Version) -> Iterator[Finding]:
    """A newer server that keeps the formats of the older one, until it is told."""
    if upgrades.same_step(old, new):
        return
    key = f"{upgrades.component}.{upgrades.after}"
    leads = f"as long as {upgrades.after} is {old}, {old} reads the data again"
    back = (
        leads
        if upgrades.returns(new, old)
        else f"there is no way back, because {upgrades.name} supports no {old} after it"
    )
    held = held_formats(stateful_set)
    before = (
        ()
        if held == old
        else (f'{key}: "{old}" first, and wait until it is said to be set: {new} starts with no older one',)
    )
    yield Finding(Section.DATA, upgrades.component, f"{upgrades.name} {old} -> {new}: {back}", (*before, _BACKUP))


def _newer_formats(difference: Difference, _: Index, __: Index) -> Iterator[Finding]:
    """What no older server reads any more, though the server stays."""
    if difference.kind != "StatefulSet" or difference.old is None or difference.new is None:
        return
    upgrades = UPGRADES.get(difference.component)
    held, wanted = held_formats(difference.old), held_formats(difference.new)
    if upgrades and wanted and (held is None or held < wanted):
        text = f"{upgrades.after} {wanted}: there is no way back to an older {upgrades.name}, but a backup from before"
        yield Finding(Section.DATA, difference.component, text, (_BACKUP,))


def _accepted_data(difference: Difference, _: Index, __: Index) -> Iterator[Finding]:
    """Data that members take, though it is known not to work."""
    if difference.kind != "StatefulSet" or difference.old is None or difference.new is None:
        return
    upgrades = UPGRADES.get(difference.component)
    old, new = server_version(difference.old), server_version(difference.new)
    accepted = at(difference.new, "metadata", "annotations", ACCEPTED_ANNOTATION)
    if upgrades and old and new and accepted == str(old) != str(new) and not upgrades.reads(old, new):
        text = f"{upgrades.name} {old} -> {new}, which is known not to work: members start on the data all the same"
        yield Finding(Section.DATA, difference.component, text, (_BACKUP,))


def _st2_version(difference: Difference, _: Index, __: Index) -> Iterator[Finding]:
    """Another minor version of st2: its database is migrated by services as they start."""
    if difference.kind != "Deployment" or difference.component != ST2API.name or difference.action != "changed":
        return
    old_version, new_version = (version_in(_tag(each or {})) for each in (difference.old, difference.new))
    if old_version and new_version and old_version != new_version:
        text = f"StackStorm {old_version} -> {new_version}: the way back may need a backup of the database from before"
        yield Finding(Section.DATA, "st2", text, (_BACKUP,))


def _tag(deployment: Document) -> str:
    """The version of st2 in the pods, as their label has it."""
    return str(at(deployment, "spec", "template", "metadata", "labels", VERSION_LABEL) or "")


def _opening_secrets(difference: Difference, _: Index, __: Index) -> Iterator[Finding]:
    """Another Secret by which stored data is opened."""
    if difference.kind != "Deployment" or difference.component != ST2API.name or difference.action != "changed":
        return
    old, now = (_secret_of(each or {}, _CRYPTO_KEY) for each in (difference.old, difference.new))
    if old and now and old != now:
        text = f"the crypto key comes from the Secret {now}, not {old}: with another key, secret items cannot be read"
        yield Finding(Section.DATA, "datastore", text, (f"copy the key of {old} to {now} first",))


_CRYPTO_KEY = contract.CRYPTO_KEY


def _secret_of(deployment: Document, key: str) -> str | None:
    """The Secret from which pods have a key as a file."""
    for volume in mappings(at(deployment, "spec", "template", "spec", "volumes")):
        if any(item.get("key") == key for item in mappings(at(volume, "secret", "items"))):
            return str(at(volume, "secret", "secretName"))
    return None


def _gone_backups(difference: Difference, _: Index, __: Index) -> Iterator[Finding]:
    """Nothing is backed up any more."""
    if difference.action == "gone" and difference.kind == "CronJob" and difference.component == "backup":
        text = "no backup is made once its CronJob is deleted; those that are there stay"
        yield Finding(Section.DATA, "backup", text)


_RULES: Sequence[Rule] = (
    rollouts,
    _gone_backend,
    _deleted_claims,
    _one_way,
    _newer_formats,
    _accepted_data,
    _st2_version,
    _opening_secrets,
    _gone_backups,
)
"""What follows from a difference; each rule looks at one object, and at both states around it."""

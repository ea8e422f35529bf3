"""The settings of st2 in one cluster: the files of st2.conf, and what each service reads of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts import ini
from constructs_st2.facts.backends.connections import Options as ConnectionOptions
from constructs_st2.facts.backends.connections import connections
from constructs_st2.facts.backends.failover import lost_races, races
from constructs_st2.facts.findings import Finding
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets.composition import shown
from constructs_st2.facts.st2_conf.base import Sections, base_settings
from constructs_st2.facts.st2_conf.conf_facts import ConfFacts
from constructs_st2.facts.st2_conf.contradictions import check_settings, is_true, overridden
from constructs_st2.facts.st2_conf.readers import reads
from constructs_st2.facts.st2_conf.user_text import check_user_text
from constructs_st2.kube.documents import fingerprint
from constructs_st2.values.model import Values
from constructs_st2.values.model.images import St2Version

DOCKER_CONF = "st2.docker.conf"
USER_CONF = "st2.user.conf"

_KEY = "st2.config"
_SWITCHES: Mapping[str, str] = {
    "database": "mongodb.enabled or mongodb.external",
    "messaging": "rabbitmq.enabled or rabbitmq.external",
    "coordination": "coordination.backend or coordination.external",
}
"""What in the values decides the connection settings of a section."""


class Settings(NamedTuple):
    """What the services of a cluster are configured with.

    ``files`` are the ConfigMap's; ``connections`` the sections of st2.secrets.conf; ``options`` what is in force of
    both, with names in the place of secrets. The settings in the user's own Secrets are not known.
    """

    files: Mapping[str, str]
    connections: Mapping[str, ConnectionOptions]
    options: Mapping[tuple[str, str], str]
    warnings: tuple[str, ...]

    def is_true(self, section: str, option: str, *, default: bool) -> bool:
        """The value of an option that is true or false."""
        return is_true(self.options, section, option, default)

    def fingerprint(self, service: str) -> str:
        """Changes only when an option changes that ``service`` reads."""
        return fingerprint(
            {
                f"[{section}] {option}": value
                for (section, option), value in self.options.items()
                if reads(service, section, option)
            }
        )


def settings_of(values: Values, release: Release, version: St2Version) -> Settings:
    """Work the settings out, and check the user's against those of this st2 version and against the cluster.

    Raises:
        InvalidValues: an option is unknown, has a wrong value, or contradicts another one.
    """
    facts = ConfFacts.of(values)
    docker_text = ini.render(_base(values, release, facts))
    user_text, findings = _users(values, version)
    sections = connections(values, release, version)
    decided = {
        (section, option): shown(value) for section, given in sections.items() for option, value in given.items()
    }
    written = ini.parse(user_text)
    lines = {(entry.section, entry.option): entry.line for entry in written}
    options = {(entry.section, entry.option): entry.value for entry in (*ini.parse(docker_text), *written)} | decided
    impatient, slow = lost_races(races(values, options, version), lines)
    findings += [*overridden(decided, lines, _SWITCHES), *check_settings(options, facts, lines), *impatient]
    if problems := [*_errors(findings, values), *slow]:
        raise InvalidValues(*problems)
    return Settings(
        files={DOCKER_CONF: docker_text, USER_CONF: user_text},
        connections=sections,
        options=options,
        warnings=tuple(f"{_KEY}: {finding.key} {finding.message}" for finding in findings),
    )


def _base(values: Values, release: Release, facts: ConfFacts) -> Sections:
    base = base_settings(values, release, facts)
    if values.monitoring.enabled:
        from constructs_st2.facts.monitoring import metrics_settings

        base |= metrics_settings(release)
    return base


def _users(values: Values, version: St2Version) -> tuple[str, list[Finding]]:
    """The text of the user's options, and what one should know of it.

    Raises:
        InvalidValues: it cannot be read, or has options that this version of st2 does not take.
    """
    given = values.st2.config
    text = given if isinstance(given, str) else _rendered(given)
    findings = check_user_text(text, version, _no_secrets(values))
    if errors := _errors(findings, values):
        raise InvalidValues(*errors)
    return text, findings


def _no_secrets(values: Values) -> Collection[str]:
    if not values.security.not_secret:
        return ()
    from constructs_st2.facts.clear_text import no_secrets

    return no_secrets(values)


def _rendered(config: Mapping[str, Mapping[str, Any]]) -> str:
    try:
        return ini.render(config)
    except ValueError as error:
        raise InvalidValues(ValueProblem(_KEY, str(error))) from error


def _errors(findings: Iterable[Finding], values: Values) -> list[ValueProblem]:
    """Those findings that are errors, with their lines where the user's options are a text."""
    has_lines = isinstance(values.st2.config, str)
    return [
        ValueProblem(
            _KEY,
            f"{finding.key}: {finding.message}" if finding.key else finding.message,
            finding.line if has_lines else None,
        )
        for finding in findings
        if finding.is_error
    ]

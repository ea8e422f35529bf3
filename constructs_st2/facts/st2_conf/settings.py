"""The settings of st2 in one cluster: the files of st2.conf, and what each service reads of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts import ini
from constructs_st2.facts.backends.connections import Options as ConnectionOptions
from constructs_st2.facts.backends.connections import connections
from constructs_st2.facts.backends.failover import lost_races, races
from constructs_st2.facts.catalogue import BESIDES_RUNNING_WORK, CATALOGUE, ST2API, ST2AUTH, ST2STREAM
from constructs_st2.facts.findings import Finding
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import shown
from constructs_st2.facts.st2_conf.base import base_settings
from constructs_st2.facts.st2_conf.contradictions import ConfFacts, check_settings, is_true, overridden
from constructs_st2.facts.st2_conf.readers import reads
from constructs_st2.facts.st2_conf.stream_log import STREAM_LOG
from constructs_st2.facts.st2_conf.user_text import check_user_text
from constructs_st2.facts.timing import StopTiming, stop_timing
from constructs_st2.kube.documents import fingerprint
from constructs_st2.values.model import Values
from constructs_st2.values.model.images import St2Version

CONF_DIRECTORY = "/etc/st2"
DOCKER_CONF = "st2.docker.conf"
USER_CONF = "st2.user.conf"
HTPASSWD_PATH = f"{CONF_DIRECTORY}/auth/htpasswd"
CRYPTO_KEY_PATH = f"{CONF_DIRECTORY}/keys/datastore_key.json"

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


def home_of(values: Values) -> str:
    """The home of the system user."""
    return f"/home/{values.st2.system_user.user}"


def ssh_key_file(values: Values) -> str:
    """Where the private key of the system user is."""
    return values.st2.system_user.ssh_key_file or f"{home_of(values)}/.ssh/stanley_rsa"


def settings_of(values: Values, release: Release, version: St2Version) -> Settings:
    """Work the settings out, and check the user's against those of this st2 version and against the cluster.

    Raises:
        InvalidValues: an option is unknown, has a wrong value, or contradicts another one.
    """
    timings = {entry.name: stop_timing(entry, getattr(values, entry.name)) for entry in CATALOGUE}
    encryption_key_path = CRYPTO_KEY_PATH if contract.DATASTORE.in_use(values) else None
    # Where TLS ends beside a service, only what is in its pod may reach it without.
    within_pod = values.tls.internal.of_services
    host = "127.0.0.1" if within_pod else "0.0.0.0"
    base = base_settings(
        host=host,
        api_url=f"{'https' if within_pod else 'http'}://{release.named(ST2API.name)}:{ST2API.port}/",
        stream_log_path=f"{CONF_DIRECTORY}/{STREAM_LOG}",
        htpasswd_path=HTPASSWD_PATH,
        system_user=values.st2.system_user.user,
        ssh_key_file=ssh_key_file(values),
        rbac_enabled=values.st2.rbac.enabled,
        coordination=values.coordination_backend != "none",
        encryption_key_path=encryption_key_path,
        exit_after={
            entry.finishes_work: finish
            for entry in CATALOGUE
            if entry.finishes_work and (finish := timings[entry.name].finish) is not None
        },
    )
    if values.monitoring.enabled:
        from constructs_st2.facts.monitoring import metrics_settings

        base |= metrics_settings(release)
    is_text = isinstance(values.st2.config, str)
    user_text: str = values.st2.config if is_text else _rendered(values.st2.config)
    findings = check_user_text(user_text, version, _no_secrets(values))
    if any(finding.is_error for finding in findings):
        raise _invalid(findings, is_text=is_text)
    docker_text = ini.render(base)
    written = ini.parse(user_text)
    options = {(entry.section, entry.option): entry.value for entry in (*ini.parse(docker_text), *written)}
    lines = {(entry.section, entry.option): entry.line for entry in written}
    sections = connections(values, release, version)
    decided = {
        (section, option): shown(value) for section, given in sections.items() for option, value in given.items()
    }
    findings += overridden(decided, lines, _SWITCHES)
    options |= decided
    findings += check_settings(options, _facts(values, timings, encryption_key_path, host), lines)
    impatient, slow = lost_races(races(values, options, version), lines)
    findings += impatient
    if slow or any(finding.is_error for finding in findings):
        raise InvalidValues(*_invalid(findings, is_text=is_text).problems, *slow)
    return Settings(
        files={DOCKER_CONF: docker_text, USER_CONF: user_text},
        connections=sections,
        options=options,
        warnings=tuple(f"{_KEY}: {finding.key} {finding.message}" for finding in findings),
    )


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


def _invalid(findings: Iterable[Finding], *, is_text: bool) -> InvalidValues:
    return InvalidValues(*(_located(finding, is_text=is_text) for finding in findings if finding.is_error))


def _facts(values: Values, timings: Mapping[str, StopTiming], encryption_key_path: str | None, host: str) -> ConfFacts:
    return ConfFacts(
        rbac_enabled=values.st2.rbac.enabled,
        coordination=values.coordination_backend != "none",
        encryption_key_path=encryption_key_path,
        time_to_finish={name: timing.grace - timing.drain for name, timing in timings.items()},
        margin=BESIDES_RUNNING_WORK,
        ports={entry.name.removeprefix("st2"): entry.port for entry in (ST2AUTH, ST2API, ST2STREAM) if entry.port},
        host=host,
        sensor_partitions=values.st2sensorcontainer.deployments,
        replicas={entry.name: getattr(values, entry.name).greatest_replicas for entry in CATALOGUE},
    )


def _located(finding: Finding, *, is_text: bool) -> ValueProblem:
    text = f"{finding.key}: {finding.message}" if finding.key else finding.message
    return ValueProblem(_KEY, text, finding.line if is_text else None)

"""Checks of the options that are in force, against each other and against the cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeAlias

from constructs_st2.facts.catalogue import CATALOGUE, ST2ACTIONRUNNER
from constructs_st2.facts.findings import Finding, option_key
from constructs_st2.facts.pod_paths import PACKS, STACKSTORM
from constructs_st2.facts.st2_conf.conf_facts import ANY_ADDRESS, ConfFacts

Options: TypeAlias = Mapping[tuple[str, str], str]
"""(section, option) to value."""

_TRUE = frozenset({"true", "1", "on", "yes"})
_BACKENDS_WITHOUT_GROUPS = frozenset({"flat_file", "pam"})
_UNCHECKED_IN_URL = (
    r"[?&](?:(?:tlsInsecure|tlsAllowInvalidCertificates|tlsAllowInvalidHostnames|ssl_allow_invalid_certificates)=true"
    r"|ssl_match_hostname=false|ssl_check_hostname=false|ssl_cert_reqs=(?:CERT_)?(?:none|optional)"
    r"|verify=(?:verify_none|false)|tlsDisableOCSPEndpointCheck=true)"
)
"""Parameters of URLs by which clients do not check who the server is."""
_UNCHECKED: Mapping[tuple[str, str], Collection[str]] = {
    **{
        ("database", name): _TRUE
        for name in ("tls_allow_invalid_certificates", "tls_allow_invalid_hostnames", "tls_insecure")
    },
    ("database", "ssl_match_hostname"): ("false", "0", "off", "no"),
    ("database", "ssl_cert_reqs"): ("none", "optional"),
    ("messaging", "ssl_cert_reqs"): ("none", "optional"),
}
"""Options with the same meaning, and those of their values."""
_SHARING = (*(entry.name for entry in CATALOGUE if entry.shares_work), ST2ACTIONRUNNER.name)
"""Services whose pods must know of each other."""


def check_settings(options: Options, facts: ConfFacts, lines: Mapping[tuple[str, str], int]) -> list[Finding]:
    """All contradictions. ``lines`` tells where the user wrote an option."""
    return [
        finding._replace(line=lines.get(_place(finding.key))) for rule in _RULES for finding in rule(options, facts)
    ]


def overridden(decided: Options, lines: Mapping[tuple[str, str], int], switches: Mapping[str, str]) -> list[Finding]:
    """Options of the user that would have no effect, because st2.secrets.conf, which is read later, has them too.

    Args:
        decided: the options there.
        lines: where the user wrote an option.
        switches: what decides the options of a section.
    """
    return [
        Finding(lines[place], option_key(*place), f"has no effect: it follows from {switches[place[0]]}")
        for place in decided
        if place in lines
    ]


def _place(key: str) -> tuple[str, str]:
    section, _, option = key.removeprefix("[").partition("] ")
    return section, option


def _error(section: str, option: str, message: str) -> Finding:
    return Finding(None, option_key(section, option), message)


def _warning(section: str, option: str, message: str) -> Finding:
    return Finding(None, option_key(section, option), message, is_error=False)


def is_true(options: Options, section: str, option: str, default: bool) -> bool:
    """The value of an option that is true or false, by the words that oslo.config takes."""
    value = options.get((section, option))
    return default if value is None else value.lower() in _TRUE


def _number(options: Options, section: str, option: str) -> int | None:
    value = options.get((section, option), "")
    try:
        return int(value)
    except ValueError:
        return None


def _rbac(options: Options, facts: ConfFacts) -> Iterator[Finding]:
    enabled = is_true(options, "rbac", "enable", default=False)
    if enabled != facts.rbac_enabled:
        state = str(facts.rbac_enabled).lower()
        yield _error("rbac", "enable", f"is {enabled}, but st2.rbac.enabled is {state}; set st2.rbac.enabled instead")
    if not facts.rbac_enabled:
        return
    # st2api/validation.py
    if (backend := options.get(("rbac", "backend"), "noop")) != "default":
        yield _error(
            "rbac", "backend", f"must be default with st2.rbac.enabled, not {backend}: st2api refuses to start"
        )
    if not is_true(options, "auth", "enable", default=True):
        yield _error("auth", "enable", "must be True with st2.rbac.enabled: without users there are no roles")
    # st2auth/validation.py
    users = options.get(("auth", "backend"), "flat_file")
    if users in _BACKENDS_WITHOUT_GROUPS and is_true(options, "rbac", "sync_remote_groups", default=False):
        yield _error(
            "rbac", "sync_remote_groups", f"must be False with the backend {users} of [auth], which knows no groups"
        )


def _auth(options: Options, _: ConfFacts) -> Iterator[Finding]:
    # st2auth/validation.py
    mode = options.get(("auth", "mode"), "standalone")
    if mode not in ("standalone", "proxy"):
        yield _error("auth", "mode", f"must be standalone or proxy, not {mode}: st2auth refuses to start")
    if is_true(options, "auth", "use_ssl", default=False):
        yield _error("auth", "use_ssl", "must be False: the other services reach st2auth by plain HTTP")


def _cookie(options: Options, _: ConfFacts) -> Iterator[Finding]:
    # st2api/validation.py, which makes a cookie with WebOb to see whether it can.
    secure = is_true(options, "api", "auth_cookie_secure", default=True)
    if options.get(("api", "auth_cookie_same_site")) == "none" and not secure:
        yield _error("api", "auth_cookie_same_site", "must not be none unless auth_cookie_secure is True")


def _running_work(options: Options, facts: ConfFacts) -> Iterator[Finding]:
    for section, service in ((entry.finishes_work, entry.name) for entry in CATALOGUE if entry.finishes_work):
        limit = _number(options, section, "exit_still_active_check")
        time = facts.time_to_finish.get(service)
        if limit is not None and time is not None and limit > time - facts.margin:
            yield _error(
                section,
                "exit_still_active_check",
                f"is {limit} s, but the pod is killed {time} s after its signal, and st2 needs {facts.margin} s more; "
                f"set {service}.terminationGracePeriodSeconds, from which this option follows",
            )
        interval = _number(options, section, "still_active_check_interval")
        if limit is not None and interval is not None and interval > limit:
            yield _error(section, "still_active_check_interval", f"must not be longer than {limit} s, the limit itself")
    if not is_true(options, "actionrunner", "graceful_shutdown", default=True):
        yield _warning("actionrunner", "graceful_shutdown", "is False: every rollout abandons running actions")


def _coordination(options: Options, facts: ConfFacts) -> Iterator[Finding]:
    url = options.get(("coordination", "url"), "")
    if url.startswith(("file://", "zake://")):
        shared = [service for service in _SHARING if facts.replicas.get(service, 0) > 1]
        if shared:
            yield _error(
                "coordination",
                "url",
                f"coordinates within one process only, but {', '.join(shared)} have several replicas",
            )
    elif facts.coordination and not is_true(options, "coordination", "service_registry", default=False):
        yield _warning("coordination", "service_registry", "is False: every rollout abandons running actions")


def _retention(options: Options, _: ConfFacts) -> Iterator[Finding]:
    # st2common/constants/garbage_collection.py: MINIMUM_TTL_DAYS = 1; 0 turns a collection off.
    for section, option in options:
        if section == "garbagecollector" and option.endswith("_ttl"):
            days = _number(options, section, option)
            if days is not None and days < 0:
                yield _error(section, option, f"must be at least 1 (day), or 0 to keep all, not {days}")


def _database(options: Options, _: ConfFacts) -> Iterator[Finding]:
    # st2common/models/db/__init__.py, _get_tls_kwargs
    secured = is_true(options, "database", "tls", default=False) or is_true(options, "database", "ssl", default=False)
    if options.get(("database", "authentication_mechanism")) and not secured:
        yield _error(
            "database",
            "authentication_mechanism",
            "turns TLS on as a side effect; put authMechanism=… into the URI of [database] host, or set TLS yourself",
        )


def _listeners(options: Options, facts: ConfFacts) -> Iterator[Finding]:
    for section, port in facts.ports.items():
        host = options.get((section, "host"), facts.host)
        # st2's servers take IPv4 addresses alone: "::" ends them with "Address family for hostname not supported".
        if host != facts.host:
            why = (
                "nobody could reach the pod" if facts.host == ANY_ADDRESS else "others must come by TLS (tls.internal)"
            )
            yield _error(section, "host", f"must be {facts.host}, not {host}: {why}")
        given = _number(options, section, "port")
        if given is not None and given != port:
            yield _error(section, "port", f"must be {port}, the port of the Service, not {given}")


def _paths(options: Options, facts: ConfFacts) -> Iterator[Finding]:
    for (section, option), path in {
        ("system", "base_path"): STACKSTORM,
        ("content", "system_packs_base_path"): PACKS,
        ("keyvalue", "encryption_key_path"): facts.encryption_key_path,
    }.items():
        given = options.get((section, option))
        if path is not None and given is not None and given.rstrip("/") != path:
            yield _error(section, option, f"must be {path}, where pods have their files, not {given}")


def _encryption(options: Options, facts: ConfFacts) -> Iterator[Finding]:
    enabled = is_true(options, "keyvalue", "enable_encryption", default=True)
    if enabled and facts.encryption_key_path is None and not options.get(("keyvalue", "encryption_key_path")):
        yield _error("keyvalue", "enable_encryption", "must be False with st2.datastore_crypto_key: disable")


def _sensors(options: Options, facts: ConfFacts) -> Iterator[Finding]:
    if facts.sensor_partitions > 1:
        for option in ("partition_provider", "sensor_node_name", "single_sensor_mode"):
            if ("sensorcontainer", option) in options:
                yield _error("sensorcontainer", option, "is set for each pod by st2sensorcontainer.deployments")
        return
    for section in ("DEFAULT", "sensorcontainer"):
        if is_true(options, section, "single_sensor_mode", default=False):
            yield _error(section, "single_sensor_mode", "must be False; st2.packs.sensors gives each sensor a pod")


def _timers(options: Options, _: ConfFacts) -> Iterator[Finding]:
    # [timer] is the former name of the section; either one turns timers on (st2reactor/cmd/timersengine.py).
    defaults = {"timersengine": True, "timer": False}
    if not any(is_true(options, section, "enable", default) for section, default in defaults.items()):
        yield _warning("timersengine", "enable", "is False: no timer fires; st2timersengine.replicas: 0 saves the pod")


def _metrics(options: Options, _: ConfFacts) -> Iterator[Finding]:
    if options.get(("metrics", "driver")) == "statsd" and options.get(("metrics", "host"), "127.0.0.1") == "127.0.0.1":
        yield _warning("metrics", "host", "is 127.0.0.1, the pod itself: metrics get nowhere without a sidecar")


def _certificate_checks(options: Options, _: ConfFacts) -> Iterator[Finding]:
    for (section, option), value in options.items():
        if found := re.search(_UNCHECKED_IN_URL, value, re.IGNORECASE):
            name = found[0].strip("?&").partition("=")[0]
            yield _warning(section, option, f"has {name}: whoever is in between can take the place of the server")
    for (section, option), unchecked in _UNCHECKED.items():
        if options.get((section, option), "").lower() in unchecked:
            message = f"is {options[section, option]}: whoever is in between can take the place of the server"
            yield _warning(section, option, message)


_RULES: tuple[Callable[[Options, ConfFacts], Iterator[Finding]], ...] = (
    _rbac,
    _auth,
    _cookie,
    _running_work,
    _coordination,
    _retention,
    _database,
    _certificate_checks,
    _listeners,
    _paths,
    _encryption,
    _sensors,
    _timers,
    _metrics,
)

"""What st2.conf says in a cluster, before the user adds to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

from constructs_st2.facts.catalogue import CATALOGUE, ST2API
from constructs_st2.facts.ini import ConfValue
from constructs_st2.facts.pod_paths import CONF_DIRECTORY, HTPASSWD_PATH, ssh_key_file
from constructs_st2.facts.release import Release
from constructs_st2.facts.st2_conf.conf_facts import ConfFacts
from constructs_st2.facts.st2_conf.stream_log import STREAM_LOG
from constructs_st2.values.model import Values

Sections: TypeAlias = dict[str, dict[str, ConfValue]]
"""Options by their names, by the names of their sections."""

RETENTION_DAYS: Mapping[str, int] = {
    "action_executions_ttl": 30,
    "workflow_executions_ttl": 30,
    "task_executions_ttl": 30,
    "rule_enforcements_ttl": 30,
    "traces_ttl": 30,
    "trigger_instances_ttl": 14,
    "action_executions_output_ttl": 7,
    "tokens_ttl": 7,
}
"""How long the garbage collector keeps what is finished. By itself st2 keeps all of it for ever but the output, and
databases were seen to grow by gigabytes."""


_DATABASE: Mapping[str, ConfValue] = {
    "connection_retry_max_delay_m": 3,
    "connection_retry_backoff_max_s": 10,
    "connection_retry_backoff_mul": 1,
    # In milliseconds: how long a call waits for a primary (backends/failover.py), and a connection to be made.
    "connection_timeout": 30_000,
}
_MESSAGING: Mapping[str, ConfValue] = {"connection_retries": 10, "connection_retry_wait": 10_000}
"""The images set all retries to nothing; these are st2's own defaults."""


def base_settings(values: Values, release: Release, facts: ConfFacts) -> Sections:
    """The options of st2.docker.conf. All of them exist in every supported version of st2."""
    settings: Sections = {
        "auth": {
            "host": facts.host,
            "enable": True,
            "mode": "standalone",
            "backend": "flat_file",
            "backend_kwargs": json.dumps({"file_path": HTPASSWD_PATH}),
            "api_url": _api_url(values, release),
        },
        "api": {"host": facts.host},
        "stream": {"host": facts.host, "logging": f"{CONF_DIRECTORY}/{STREAM_LOG}"},
        "database": dict(_DATABASE),
        "messaging": dict(_MESSAGING),
        "system_user": {"user": values.st2.system_user.user, "ssh_key_file": ssh_key_file(values)},
        "actionrunner": {"graceful_shutdown": True},
        # The default is America/Los_Angeles.
        "timersengine": {"local_timezone": "UTC"},
        "garbagecollector": dict(RETENTION_DAYS),
    }
    for section, options in _time_for_running_work(facts).items():
        settings[section] = {**settings.get(section, {}), **options}
    if facts.coordination:
        # Without it, a runner that stops knows of no other runner, and abandons what it runs.
        settings["coordination"] = {"service_registry": True}
    settings["keyvalue"] = _encryption(facts.encryption_key_path)
    if facts.rbac_enabled:
        settings["rbac"] = {"enable": True, "backend": "default"}
    return settings


def _api_url(values: Values, release: Release) -> str:
    """Where actions and sensors reach st2api."""
    scheme = "https" if values.tls.internal.of_services else "http"
    return f"{scheme}://{release.named(ST2API.name)}:{ST2API.port}/"


def _time_for_running_work(facts: ConfFacts) -> Sections:
    """How long services that stop wait for what they run, in seconds."""
    return {
        entry.finishes_work: {"exit_still_active_check": facts.time_to_finish[entry.name] - facts.margin}
        for entry in CATALOGUE
        if entry.finishes_work
    }


def _encryption(key_path: str | None) -> dict[str, ConfValue]:
    """How secret items of the key-value store are kept: without a key, in clear text."""
    if key_path is None:
        return {"enable_encryption": False}
    return {"enable_encryption": True, "encryption_key_path": key_path}

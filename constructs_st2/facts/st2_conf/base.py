"""What st2.conf says in a cluster, before the user adds to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

from constructs_st2.facts.ini import ConfValue

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


def base_settings(
    *,
    host: str,
    api_url: str,
    stream_log_path: str,
    htpasswd_path: str,
    system_user: str,
    ssh_key_file: str,
    rbac_enabled: bool,
    coordination: bool,
    encryption_key_path: str | None,
    exit_after: Mapping[str, int],
) -> dict[str, dict[str, ConfValue]]:
    """The options of st2.docker.conf. All of them exist in every supported version of st2.

    Args:
        host: the address on which st2auth, st2api and st2stream listen.
        api_url: where actions and sensors reach st2api.
        stream_log_path: the settings of the log of st2stream.
        htpasswd_path: the file with users and password hashes.
        system_user: the user that runs actions.
        ssh_key_file: the private SSH key of that user.
        rbac_enabled: whether roles are enforced.
        coordination: whether there is a coordination backend.
        encryption_key_path: the key of the key-value store; None to store secret items in clear text.
        exit_after: seconds that running work may take when a service stops, by the section of st2.conf.
    """
    settings: dict[str, dict[str, ConfValue]] = {
        "auth": {
            "host": host,
            "enable": True,
            "mode": "standalone",
            "backend": "flat_file",
            "backend_kwargs": json.dumps({"file_path": htpasswd_path}),
            "api_url": api_url,
        },
        "api": {"host": host},
        "stream": {"host": host, "logging": stream_log_path},
        # The images set all retries to nothing; these are st2's own defaults.
        "database": {
            "connection_retry_max_delay_m": 3,
            "connection_retry_backoff_max_s": 10,
            "connection_retry_backoff_mul": 1,
            # In milliseconds: how long a call waits for a primary (backends/failover.py), and a connection to be made.
            "connection_timeout": 30_000,
        },
        "messaging": {"connection_retries": 10, "connection_retry_wait": 10_000},
        "system_user": {"user": system_user, "ssh_key_file": ssh_key_file},
        "actionrunner": {"graceful_shutdown": True},
        # The default is America/Los_Angeles.
        "timersengine": {"local_timezone": "UTC"},
        "garbagecollector": dict(RETENTION_DAYS),
    }
    for section, seconds in exit_after.items():
        settings.setdefault(section, {})["exit_still_active_check"] = seconds
    if coordination:
        # Without it, a runner that stops knows of no other runner, and abandons what it runs.
        settings["coordination"] = {"service_registry": True}
    if encryption_key_path is None:
        settings["keyvalue"] = {"enable_encryption": False}
    else:
        settings["keyvalue"] = {
            "enable_encryption": True,
            "encryption_key_path": str(PurePosixPath(encryption_key_path)),
        }
    if rbac_enabled:
        settings["rbac"] = {"enable": True, "backend": "default"}
    return settings

"""Which service reads an option of st2.conf.

All services parse the same files, but many options matter to one of them alone: changing such an option must not
restart the others, least of all action runners with work in hand. Everything that is not listed here counts as read
by all. Found by searching the sources of st2 3.9.0 for each use of `cfg.CONF.<section>.<option>`.
"""

from __future__ import annotations

from collections.abc import Mapping

_SECTIONS: Mapping[str, str] = {
    "api_pecan": "st2api",
    "garbagecollector": "st2garbagecollector",
    "notifier": "st2notifier",
    "rulesengine": "st2rulesengine",
    "scheduler": "st2scheduler",
    "sensorcontainer": "st2sensorcontainer",
    "ssh_runner": "st2actionrunner",
    "timer": "st2timersengine",
    "timersengine": "st2timersengine",
}

_OPTIONS: Mapping[tuple[str, str], str] = {
    **{("api", option): "st2api" for option in ("debug", "logging")},
    **{
        ("auth", option): "st2auth"
        for option in (
            "backend",
            "backend_kwargs",
            "cert",
            "debug",
            "host",
            "key",
            "logging",
            "mode",
            "port",
            "sso",
            "sso_backend",
            "sso_backend_kwargs",
            "use_ssl",
        )
    },
    **{("stream", option): "st2stream" for option in ("debug", "host", "logging", "port")},
    **{
        ("actionrunner", option): "st2actionrunner"
        for option in (
            "actions_pool_size",
            "exit_still_active_check",
            "graceful_shutdown",
            "logging",
            "python_runner_log_level",
            "still_active_check_interval",
            "stream_output",
            "stream_output_buffer_size",
            "workflows_pool_size",
        )
    },
    **{
        ("workflow_engine", option): "st2workflowengine"
        for option in ("exit_still_active_check", "logging", "still_active_check_interval")
    },
}


def reads(service: str, section: str, option: str) -> bool:
    """Whether a change of the option matters to the service."""
    only = _OPTIONS.get((section, option)) or _SECTIONS.get(section)
    return only is None or only == service

"""How the Jobs are called: their own names, and those by which ``jobs.skip`` knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from constructs_st2.values.model.jobs import Jobs, UsersJob

JOB = "job-"
"""What the names of their components begin with."""

HOOK_ANNOTATION = "argocd.argoproj.io/hook"
"""On Jobs that Argo CD runs in every sync."""

PACKS_WRITE_TEST = "packs-write-test"
APPLY_RBAC = "apply-rbac"
KEY_LOAD = "key-load"
APIKEY_LOAD = "apikey-load"
REGISTER_CONTENT = "register-content"
SMOKE_TEST = "smoke-test"
EXTRA_HOOK = "extra-helm-hook-"
"""What the chart puts before the names of the user's own Jobs."""

PURPOSES: Mapping[str, str] = {
    PACKS_WRITE_TEST: "tries out shared volumes for packs",
    APPLY_RBAC: "makes roles, assignments and mappings those of the files; others that came from files are removed",
    KEY_LOAD: "writes the items of the datastore; those that you changed by hand are overwritten",
    APIKEY_LOAD: "writes the API keys",
    REGISTER_CONTENT: "registers packs, their configurations and overrides",
    SMOKE_TEST: "tries every service out",
}
"""What each does, as one reads it before it runs."""

SKIPPABLE: Mapping[str, str] = {
    "packs_write_test": PACKS_WRITE_TEST,
    "apply_rbac_definitions": APPLY_RBAC,
    "key_load": KEY_LOAD,
    "apikey_load": APIKEY_LOAD,
    "register_content": REGISTER_CONTENT,
    "smoke_test": SMOKE_TEST,
}
"""The chart's names, and ours."""


def users_jobs(jobs: Jobs) -> list[tuple[str, str]]:
    """Where in the values each of the user's own Jobs is, and its name."""
    return [
        *((f"jobs.extra[{index}]", job.name) for index, job in enumerate(jobs.extra)),
        *((f"jobs.extra_hooks[{index}]", f"{EXTRA_HOOK}{job.name}") for index, job in enumerate(jobs.extra_hooks)),
    ]


def users_jobs_settings(jobs: Jobs) -> list[tuple[str, UsersJob]]:
    """Where in the values each of the user's own Jobs is, and its settings."""
    settings = [*jobs.extra, *jobs.extra_hooks]
    return [(place, job) for (place, _), job in zip(users_jobs(jobs), settings, strict=True)]


def left_out(skip: Iterable[str]) -> frozenset[str]:
    """The names of the Jobs that ``jobs.skip`` names."""
    return frozenset(SKIPPABLE.get(name, name) for name in skip)

"""The Python programs of Jobs, and where Jobs find them."""

from __future__ import annotations

from constructs_st2.facts.release import Release
from constructs_st2.parts.pods import python_programs as programs
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.python_programs import Programs
from constructs_st2.parts.pods.volumes import Mount

PACKAGE = "constructs_st2.parts.jobs.scripts"
PROGRAMS = Programs(
    PACKAGE,
    ("await_login", "load_datastore", "smoke_checks", "smoke_run", "smoke_test", "st2_api"),
)
AWAIT_LOGIN = PROGRAMS.command("await_login")
LOAD_DATASTORE = PROGRAMS.command("load_datastore")
SMOKE_TEST = PROGRAMS.command("smoke_test")
ENVIRONMENT = programs.ENVIRONMENT

CONFIG_MAP = "st2-job-programs"


def mount(release: Release) -> Mount:
    """Where a Job finds them."""
    return Mount(PROGRAMS.volume("job-programs", release.named(CONFIG_MAP)), scripts.MOUNT_PATH)

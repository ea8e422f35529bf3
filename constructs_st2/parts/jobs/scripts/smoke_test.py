"""Tests an installed StackStorm from inside the cluster: each of its services does its work once, or shows that it is
alive.

usage: python -m constructs_st2.parts.jobs.scripts.smoke_test SECONDS

Prints a line for each check, one that counts, and one for each service at fault, with commands to look at it; the last
lines go to TERMINATION_LOG as well, where `kubectl describe pod` finds them. Exits 1 if a check failed. SECONDS bound
the run: all checks wait at the same time. What is made is removed, also after a failure and after SIGTERM: rules, keys
of the datastore, and executions that do not end. Those that ended stay in the history. What a run that was killed has
left is removed by the next one.

Environment, besides that of st2_api.py: EXPECTED_VERSION is a version or the begin of one (3.9). EXPECTED_USER is the
operating system's user of actions. RBAC_ROLES are roles of the user that logs in, separated by blanks. WEB_URL is that
of st2web; its certificate is not checked. CHATOPS_URL is that of st2chatops. DATASTORE_ENCRYPTED is true or false; so
is ACTION_TRIGGERS: whether st2notifier sends triggers. Where one is empty, what it is for is not checked. ST2_CLI is
the path of the st2 command line. NAMESPACE and RELEASE are for the commands.

SERVICES are the services and components that run, separated by blanks; what takes another one is not checked. Empty:
all of them. REGISTRY has COMPONENT=GROUP for each component that joins st2's service registry, and the group that it
joins. REGISTRY_SECONDS is how long an entry stays there after the end of its process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from constructs_st2.parts.jobs.scripts.smoke_checks import BEFORE, CHECKS, ST2API, Check, registry_checks
from constructs_st2.parts.jobs.scripts.smoke_run import Run, Skipped
from constructs_st2.parts.jobs.scripts.st2_api import TIMEOUT, Failure, Session, describe

CLEANUP = 20.0
"""Seconds for what is to be removed after SIGTERM. Kubernetes waits for 30."""
TERMINATION_LOG = "/dev/termination-log"


class Outcome(NamedTuple):
    """How a check ends: ok, FAIL or skip, the rest of its line, and which service is at fault."""

    word: str
    text: str
    service: str = ""


class Attempt(threading.Thread):
    """A check that runs beside others.

    Args:
        check: what to run.
        run: what it works with.
    """

    def __init__(self, check: Check, run: Run) -> None:
        super().__init__(name=check.what, daemon=True)
        self.check = check
        self._run = run
        self._outcome = Outcome("FAIL", "it did not end in time", check.service)

    def run(self) -> None:
        """Run the check."""
        self._outcome = outcome(self.check, self._run)

    def outcome(self) -> Outcome:
        """How it ends. A while after the end of its time, it is not waited for."""
        # For an answer that has begun in time, and for what is to be removed.
        self.join(max(0.0, self._run.end - time.monotonic()) + TIMEOUT + CLEANUP)
        return self._outcome


def outcome(check: Check, run: Run) -> Outcome:
    """Run a check."""
    if check.needs_login and not run.session.headers:
        return Outcome("skip", "no login")
    running = run.settings.get("SERVICES", "").split()
    missing = [name for name in (check.service, *check.through) if name.startswith("st2") and name not in running]
    if running and missing:
        return Outcome("skip", f"{', '.join(missing)} does not run here")
    word, text, service = "ok", "", ""
    try:
        text = check.function(run)
    except Skipped as reason:
        word, text = "skip", str(reason)
    except Exception as error:
        word, text = "FAIL", describe(error)
        service = getattr(error, "service", "") or check.service
    if run.left:
        texts = [text, *run.left] if word == "FAIL" else run.left
        word, text, service = "FAIL", "; ".join(texts), service or ST2API
    return Outcome(word, text, service)


def attributed(check: Check, found: Outcome, guilty: Sequence[str]) -> Outcome:
    """What a failure tells while services are at fault: nothing of a service that is reached through them."""
    between = [name for name in check.through if name in guilty]
    if found.word == "FAIL" and found.service == check.service and between:
        return Outcome("skip", f"it takes {', '.join(between)}, which is at fault")
    return found


def line(check: Check, found: Outcome) -> str:
    """What the log says about a check."""
    if found.word == "ok":
        return f"ok    {check.what} ({found.text})"
    at_fault = f" -> {found.service}" if found.service else ""
    return f"{found.word:<4}  {check.what}: {found.text}{at_fault}"


def commands(service: str, settings: Mapping[str, str]) -> str:
    """How to look at the pods of a service."""
    # A component of its own, or all that run the same service.
    components = [entry.partition("=")[0] for entry in settings.get("REGISTRY", "").split()]
    label = "app.kubernetes.io/name" if service in components else "app"
    namespace, release = (settings.get(name, "") for name in ("NAMESPACE", "RELEASE"))
    options = f"--namespace {namespace} --selector {label}={service},release={release}"
    return f"kubectl get pods {options}; kubectl logs {options} --all-containers --prefix --tail=50"


class SmokeTest:
    """All checks of one run.

    Args:
        session: without a login yet.
        settings: the environment of the program.
        seconds: how long the checks may take.
    """

    def __init__(self, session: Session, settings: Mapping[str, str], seconds: int) -> None:
        self._session = session
        self._settings = settings
        self._end = time.monotonic() + seconds
        self._stopping = threading.Event()
        self._attempts: list[Attempt] = []
        self._words: list[str] = []
        self._guilty: list[str] = []

    def run(self) -> None:
        """Run them and print their lines. However this ends, what they made is removed."""
        try:
            for check in BEFORE:
                self._report(self._begin(check))
            for attempt in [self._begin(check) for check in (*CHECKS, *registry_checks(self._settings))]:
                self._report(attempt)
        finally:
            self._stopping.set()
            end = time.monotonic() + CLEANUP
            for attempt in self._attempts:
                attempt.join(max(0.0, end - time.monotonic()))

    @property
    def failed(self) -> int:
        """How many checks failed."""
        return self._words.count("FAIL")

    def summary(self) -> Iterator[str]:
        """The last lines."""
        passed = self._words.count("ok")
        yield f"{self.failed} of {self.failed + passed} checks failed" if self.failed else f"{passed} checks passed"
        for service in self._guilty:
            yield f"at fault: {service}. Look: {commands(service, self._settings)}"

    def _begin(self, check: Check) -> Attempt:
        attempt = Attempt(check, Run(self._session, self._settings, self._end, self._stopping))
        self._attempts.append(attempt)
        attempt.start()
        return attempt

    def _report(self, attempt: Attempt) -> None:
        found = attributed(attempt.check, attempt.outcome(), self._guilty)
        if found.word == "FAIL" and found.service and found.service not in self._guilty:
            self._guilty.append(found.service)
        self._words.append(found.word)
        print(self._session.hide(line(attempt.check, found)), flush=True)


def stop(*_: object) -> NoReturn:
    """End the program as a process does that was stopped by SIGTERM."""
    raise SystemExit(143)


def main(arguments: list[str]) -> int:
    """Run all checks. Returns the exit status."""
    if len(arguments) != 1 or not arguments[0].isdigit():
        print("usage: smoke_test SECONDS", file=sys.stderr)
        return 2
    try:
        session = Session(os.environ)
    except Failure as error:
        print(error, file=sys.stderr)
        return 2
    # Without a handler, PID 1 ignores it; this way, what was made is removed.
    signal.signal(signal.SIGTERM, stop)
    test = SmokeTest(session, os.environ, int(arguments[0]))
    test.run()
    summary = "\n".join(test.summary())
    print(summary)
    if test.failed:
        # Kubernetes makes the file; elsewhere there is none.
        log = Path(os.environ.get("TERMINATION_LOG", TERMINATION_LOG))
        with suppress(OSError), log.open("r+", encoding="utf-8") as file:
            file.write(summary)
    return 1 if test.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

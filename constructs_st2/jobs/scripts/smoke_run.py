"""A run of the smoke test: its session, its clock, and what it makes and removes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from constructs_st2.jobs.scripts.st2_api import Answer, Failure, Session, timeout_until

PAUSE = 0.25
"""Seconds between two looks at something."""
REMOVE_TIMEOUT = 10.0
"""Seconds for the removal of one thing; this comes on top of the time."""
ENDED = ("succeeded", "failed", "timeout", "canceled", "abandoned")
"""States of an execution that are final (st2common/constants/action.py)."""
WAITS_FOR = {"requested": "st2scheduler", "scheduled": "st2actionrunner", "running": "st2actionrunner"}
"""Which service takes an execution out of a state."""


class Skipped(Exception):
    """There is nothing to check. The text says why."""


class Run:
    """What the checks share: the session, the settings and the clock.

    Attributes:
        end: when the current check must end, on the monotonic clock.
        name: for what is made, different in each run.
        left: why things could not be removed.
    """

    def __init__(self, session: Session, settings: Mapping[str, str]) -> None:
        self.session = session
        self.settings = settings
        self.end = 0.0
        self.name = f"constructs-st2-smoke-{uuid.uuid4().hex[:12]}"
        self.left: list[str] = []

    def setting(self, name: str) -> str:
        """A setting.

        Raises:
            Skipped: it is empty.
        """
        value = self.settings.get(name, "").strip()
        if not value:
            raise Skipped(f"{name} is empty")
        return value

    def timeout(self) -> float:
        """Seconds for the next answer.

        Raises:
            Failure: the time is up.
        """
        if time.monotonic() >= self.end:
            raise Failure("no time left")
        return timeout_until(self.end)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """A request to st2api by the user who is logged in."""
        return self.session.api.ask(method, path, body, self.session.headers, self.timeout())

    def remove(self, path: str) -> None:
        """Delete something, even when the time is up. That it is gone already is no failure."""
        try:
            answer = self.session.api.ask("DELETE", path, headers=self.session.headers, timeout=REMOVE_TIMEOUT)
            if answer.status not in (200, 204, 404):
                self.left.append(f"cannot remove {path}: {answer.status} {answer.reason()}")
        except Failure as error:
            # Why the check failed, if it did, is not to be hidden by this.
            self.left.append(f"cannot remove {path}: {error}")

    def wait(self, look: Callable[[], Any], unless: Callable[[], str]) -> Any:
        """What ``look`` finds, as soon as it finds something.

        Raises:
            Failure: nothing until the end of the check. ``unless`` then says what is wrong.
        """
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() + PAUSE >= self.end:
                raise Failure(unless())
            time.sleep(PAUSE)

    def start(self, action: str, parameters: Mapping[str, Any]) -> str:
        """Request an execution. Returns its id."""
        return str(self.ask("POST", "v1/executions", {"action": action, "parameters": parameters}).json(201)["id"])

    def ended(self, execution_id: str) -> dict[str, Any]:
        """An execution that has ended. One that does not is canceled.

        Raises:
            Failure: it does not end in time.
        """
        execution: dict[str, Any] = {}

        def look() -> bool:
            execution.update(self.ask("GET", f"v1/executions/{execution_id}").json())
            return execution["status"] in ENDED

        def unless() -> str:
            status = execution["status"]
            hint = f"; does {WAITS_FOR[status]} work?" if status in WAITS_FOR else ""
            return f"execution {execution_id} of {execution['action']['ref']} is still {status}{hint}"

        try:
            self.wait(look, unless)
        except BaseException:
            self.remove(f"v1/executions/{execution_id}")
            raise
        return execution

    def result(self, action: str, parameters: Mapping[str, Any]) -> Any:
        """What an execution of an action results in.

        Raises:
            Failure: it does not succeed.
        """
        return result(self.ended(self.start(action, parameters)))


def result(execution: Mapping[str, Any]) -> Any:
    """The result of an execution that ended.

    Raises:
        Failure: it did not succeed.
    """
    found = execution.get("result")
    if execution["status"] != "succeeded":
        raise Failure(f"execution {execution['id']} {execution['status']}: {json.dumps(found)[:300]}")
    return found

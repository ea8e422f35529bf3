"""What a check of the smoke test works with: its session, its clock, and what it makes and removes."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from constructs_st2.parts.jobs.scripts.st2_api import Answer, Failure, Session, timeout_until

PREFIX = "constructs-st2-smoke-"
"""Of the names of all that is made."""
PAUSE = 0.25
"""Seconds between two looks at something."""
LATE = 10.0
"""Seconds for an answer that is wanted even when the time is up."""
ENDED = ("succeeded", "failed", "timeout", "canceled", "abandoned")
"""States of an execution that are final (st2common/constants/action.py)."""
WAITS_FOR = {"requested": "st2scheduler", "scheduled": "st2actionrunner", "running": "st2actionrunner"}
"""Which service takes an execution out of a state."""
FORBIDDEN = 403


class Skipped(Exception):
    """There is nothing to check. The text says why."""


class OutOfTime(Failure):
    """The time of a check is up."""


class Run:
    """A check while it runs.

    Args:
        session: with the login that all checks share.
        settings: the environment of the program.
        end: when the check must end, on the monotonic clock.
        stopping: set when the program is to end early.

    Attributes:
        begin: when the check began, on the same clock.
        name: for what it makes.
        left: why things could not be removed.
    """

    def __init__(self, session: Session, settings: Mapping[str, str], end: float, stopping: threading.Event) -> None:
        self.session = session
        self.settings = settings
        self.begin = time.monotonic()
        self.end = end
        self.name = f"{PREFIX}{uuid.uuid4().hex[:12]}"
        self.left: list[str] = []
        self._stopping = stopping

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
            OutOfTime: there are none left.
            Failure: the program is to end early.
        """
        if self._stopping.is_set():
            raise Failure("stopped")
        if time.monotonic() >= self.end:
            raise OutOfTime("no time left")
        return timeout_until(self.end)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """A request to st2api by the user who is logged in.

        Raises:
            Skipped: the roles of the user do not allow it.
        """
        answer = self.session.api.ask(method, path, body, self.session.headers, self.timeout())
        if answer.status == FORBIDDEN:
            raise Skipped(f"the user may not {method} {path.partition('?')[0]}: {answer.reason()}")
        return answer

    def ask_late(self, method: str, path: str) -> Answer:
        """The same, even when the time is up."""
        return self.session.api.ask(method, path, headers=self.session.headers, timeout=LATE)

    def remove(self, path: str) -> None:
        """Delete something, even when the time is up. That it is gone already is no failure."""
        try:
            answer = self.ask_late("DELETE", path)
            if answer.status == FORBIDDEN and self.ask_late("GET", path).status in (FORBIDDEN, 404):
                # It was forbidden to make it, too.
                return
            if answer.status not in (200, 204, 404):
                self.left.append(f"cannot remove {path}: {answer.status} {answer.reason()}")
        except Failure as error:
            # Why the check failed, if it did, is not to be hidden by this.
            self.left.append(f"cannot remove {path}: {error}")

    def cancel(self, query: str) -> None:
        """Cancel executions that a query finds and that have not ended, even when the time is up."""
        try:
            found = self.ask_late("GET", f"v1/executions?{query}").json()
        except Failure as error:
            self.left.append(f"cannot look for executions to cancel: {error}")
            return
        for execution in found:
            if execution["status"] not in ENDED:
                self.remove(f"v1/executions/{execution['id']}")

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            Failure: the program is to end early.
        """
        if self._stopping.wait(seconds):
            raise Failure("stopped")

    def wait(self, look: Callable[[], Any], unless: Callable[[], Failure]) -> Any:
        """What ``look`` finds, as soon as it finds something.

        Raises:
            Failure: nothing until the end of the check. ``unless`` then says what is wrong.
        """
        while True:
            try:
                found = look()
            except OutOfTime:
                # Of two looks the second came too late; the first has found out more.
                raise unless() from None
            if found:
                return found
            if time.monotonic() + PAUSE >= self.end:
                raise unless()
            self.pause(PAUSE)

    def start(self, action: str, parameters: Mapping[str, Any]) -> str:
        """Request an execution. Returns its id."""
        return str(self.ask("POST", "v1/executions", {"action": action, "parameters": parameters}).json(201)["id"])

    def ended(self, execution_id: str, unless: Callable[[Mapping[str, Any]], Failure] | None = None) -> dict[str, Any]:
        """An execution that has ended. One that does not is canceled.

        Raises:
            Failure: it does not end in time. ``unless`` may say better than :func:`unfinished` what is wrong.
        """
        execution: dict[str, Any] = {}

        def look() -> bool:
            execution.update(self.ask("GET", f"v1/executions/{execution_id}").json())
            return execution["status"] in ENDED

        try:
            self.wait(look, lambda: (unless or unfinished)(execution) if execution else OutOfTime("no time left"))
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

    def children(self, execution_id: str) -> list[dict[str, Any]]:
        """The executions of the tasks of a workflow, even when the time is up."""
        return list(self.ask_late("GET", f"v1/executions?parent={execution_id}").json())


def unfinished(execution: Mapping[str, Any]) -> Failure:
    """What is wrong with an execution that does not end."""
    status = execution["status"]
    text = f"execution {execution['id']} of {execution['action']['ref']} is still {status}"
    return Failure(text, WAITS_FOR.get(status, ""))


def result(execution: Mapping[str, Any]) -> Any:
    """The result of an execution that ended.

    Raises:
        Failure: it did not succeed.
    """
    found = execution.get("result")
    if execution["status"] != "succeeded":
        text = f"execution {execution['id']} {execution['status']}: {json.dumps(found)[:300]}"
        raise Failure(text, WAITS_FOR["running"])
    return found

"""Chromium without a window, spoken to by the DevTools protocol over pipes: no driver and no library are needed.

The protocol: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 60
_ASIDE = 10
"""Numbers of files from here on are not those that Chromium expects its pipes at."""


class Event(NamedTuple):
    """What Chromium tells unasked."""

    name: str
    parameters: dict[str, Any]


class BrowserError(Exception):
    """Chromium does not do what it was asked for."""


def find() -> str | None:
    """The program, or None where it is not installed."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


class Browser:
    """A Chromium with one page, which is gone with the block.

    Args:
        program: its path.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._received = b""
        self._number = 0
        self._session = ""
        self.events: list[Event] = []
        """What it has told, until somebody takes it out."""

    def __enter__(self) -> Browser:
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, _ASIDE) for end in (commands, answers)]

        def place_pipes() -> None:
            for number, end in enumerate(theirs, start=3):
                os.dup2(end, number)

        command = [
            self._program,
            "--headless=new",
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            f"--user-data-dir={self._profile.name}",
            # The sandbox takes user namespaces, which root and most containers do not have. It shows our own pages.
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            "about:blank",
        ]
        self._process = subprocess.Popen(
            command, pass_fds=(3, 4), preexec_fn=place_pipes, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for end in (commands, answers, *theirs):
            os.close(end)
        os.set_blocking(self._answers, False)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.bringToFront")
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        self._profile.cleanup()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method, and wait for its answer.

        Raises:
            BrowserError: it has failed, or there is no answer.
        """
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _SECONDS
        while True:
            answer = self._receive(end, method)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, url: str) -> None:
        """Go to a page, and wait until it is loaded and no request is under way."""
        self.events.clear()
        document = self.ask("Page.navigate", url=url)["loaderId"]
        idle = {"loaderId": document, "name": "networkIdle"}
        end = time.monotonic() + _SECONDS
        while not any(
            event.name == "Page.lifecycleEvent" and idle.items() <= event.parameters.items() for event in self.events
        ):
            self._receive(end, url)

    def run(self, expression: str) -> Any:
        """The value of an expression in JavaScript; a promise is waited for.

        Raises:
            BrowserError: it throws.
        """
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, expression: str, what: str) -> None:
        """Wait until an expression is true.

        Raises:
            BrowserError: it does not become true in time.
        """
        end = time.monotonic() + 15
        while not self.run(expression):
            if time.monotonic() > end:
                raise BrowserError(f"there is no {what} after 15 s")
            time.sleep(0.05)

    def resize(self, width: int, height: int) -> None:
        """Show the page as on a screen of this size, in pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def prefer(self, scheme: str) -> None:
        """Be the browser of somebody who prefers ``light`` or ``dark``."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path: Path) -> None:
        """Write what is to be seen, as PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def _receive(self, end: float, what: str) -> dict[str, Any]:
        """The next message. If it is an event, it is also among the events."""
        while b"\0" not in self._received:
            try:
                self._received += os.read(self._answers, 1 << 20)
            except BlockingIOError:
                if self._process.poll() is not None:
                    raise BrowserError(f"{self._program} has ended with status {self._process.returncode}") from None
                if time.monotonic() > end:
                    raise BrowserError(f"no answer to {what} in {_SECONDS} s") from None
                time.sleep(0.005)
        message, _, self._received = self._received.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        if "method" in told:
            self.events.append(Event(told["method"], told.get("params", {})))
        return told

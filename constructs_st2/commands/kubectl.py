"""Kubectl, by which commands ask a cluster."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any, NamedTuple

from constructs_st2.checks.data import mapping, mappings
from constructs_st2.errors import UserError
from constructs_st2.kube.documents import Document

SECONDS = 60.0
"""How long it may take for one answer."""


class Ended(NamedTuple):
    """How a call ended: its exit status, its output, and what it said besides."""

    status: int
    output: str
    said: str

    @property
    def complaint(self) -> str:
        """Why it failed, in a line: errors before the last one are of earlier attempts."""
        lines = self.said.strip().splitlines() or [f"it ended with status {self.status}"]
        return next((line for line in reversed(lines) if line.lower().startswith("error")), lines[-1])


@dataclass(frozen=True)
class Kubectl:
    """Kubectl with a context; without one, with the current one of whoever runs it."""

    context: str | None = None

    def run(self, *arguments: str, given: str | None = None, seconds: float | None = None) -> Ended:
        """Run it, however it ends.

        Args:
            arguments: its arguments. No secret belongs there, because everybody on the machine sees them.
            given: what it reads from its standard input.
            seconds: how long it may take. Default: `SECONDS`.

        Raises:
            UserError: it cannot be run, or takes too long.
        """
        limit = SECONDS if seconds is None else seconds
        command = ["kubectl", *(["--context", self.context] if self.context else []), *arguments]
        try:
            done = subprocess.run(
                command,
                input=given,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=limit,
            )
        except FileNotFoundError:
            raise UserError("cannot find kubectl; install it, or put it into PATH") from None
        except OSError as error:
            raise UserError(f"cannot run kubectl: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise UserError(f"kubectl does not answer within {limit:g} s; is the cluster reachable?") from None
        return Ended(done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: str, given: str | None = None) -> str:
        """The output of a call that must succeed.

        Raises:
            UserError: it fails, cannot be run, or takes too long.
        """
        ended = self.run(*arguments, given=given)
        if ended.status:
            raise UserError(f"kubectl: {ended.complaint}")
        return ended.output

    def objects(self, *arguments: str, given: str | None = None) -> list[Document]:
        """The objects that a call tells in JSON, one or a list of them; none where it tells nothing.

        Raises:
            UserError: it fails, cannot be run, takes too long, or tells something else.
        """
        output = self.must(*arguments, "--output", "json", given=given)
        if not output.strip():
            return []
        found = objects_in(output)
        if found is None:
            # What it said may be a secret.
            raise UserError("kubectl did not answer with objects in JSON; is the cluster reachable?")
        return found


def as_json(text: str) -> Any:
    """What a text says; None where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def objects_in(text: str) -> list[Document] | None:
    """The objects in an answer, one or a list of them; None where it is neither."""
    found = as_json(text)
    if not isinstance(found, dict):
        return None
    if isinstance(found.get("items"), list):
        return [each for each in mappings(found["items"]) if _is_object(each)]
    return [found] if _is_object(found) else None


def _is_object(found: Document) -> bool:
    return isinstance(found.get("kind"), str) and isinstance(mapping(found.get("metadata")).get("name"), str)

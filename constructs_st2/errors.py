"""The exceptions for everything that the user can put right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class UserError(Exception):
    """Input that cannot be used, described so that the reader knows where and what to change.

    Carries one or more problems, each a single line; the command line prints them and exits with status 1.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class ValueProblem(NamedTuple):
    """A value that is well-formed by itself but cannot be honoured.

    ``key`` is the dotted path in the values, ``line`` the line within a multi-line text (from 1).
    """

    key: str
    message: str
    line: int | None = None


class InvalidValues(Exception):
    """Values that cannot be honoured; whoever read them knows the file and line of each key."""

    def __init__(self, *problems: ValueProblem) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{problem.key}: {problem.message}" for problem in problems))

"""The one exception for everything that the user can put right."""

from __future__ import annotations

from collections.abc import Iterable


class UserError(Exception):
    """Input that cannot be used, described so that the reader knows where and what to change.

    Carries one or more problems, each a single line; the command line prints them and exits with status 1.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))

"""What checks of st2.conf find."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """Something about one option. Errors keep a synth from writing anything; warnings are only told.

    ``line`` is where the user wrote it (from 1), None for what the user did not write; ``key`` reads like
    ``[section] option``.
    """

    line: int | None
    key: str
    message: str
    is_error: bool = True


def option_key(section: str, option: str) -> str:
    """How messages name an option."""
    return f"[{section}] {option}"

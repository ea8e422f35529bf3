"""Schedules as CronJobs have them, in the syntax of https://en.wikipedia.org/wiki/Cron."""

from __future__ import annotations

from collections.abc import Mapping

_FIELDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day of the month": (1, 31),
    "month": (1, 12),
    "day of the week": (0, 6),
}
_NICKNAMES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_WORDS: Mapping[str, Mapping[str, int]] = {
    "month": {word: number for number, word in enumerate(_MONTHS, start=1)},
    "day of the week": {word: number for number, word in enumerate(_DAYS)},
}


def fault(schedule: str) -> str | None:
    """Why the API server would refuse a schedule, if it would."""
    if schedule in _NICKNAMES:
        return None
    parts = schedule.split()
    if len(parts) != len(_FIELDS):
        return 'must have five fields, such as "17 3 * * *", or be a word such as @daily'
    for part, (name, (least, greatest)) in zip(parts, _FIELDS.items(), strict=True):
        for item in part.split(","):
            if not _is_in(item, least, greatest, _WORDS.get(name, {})):
                return f'"{item}" cannot be the {name}, which is between {least} and {greatest}'
    return None


def _is_in(item: str, least: int, greatest: int, words: Mapping[str, int]) -> bool:
    numbers, slash, step = item.partition("/")
    if slash and not (_is_number(step) and int(step) > 0):
        return False
    if numbers in ("*", "?"):
        return True
    ends = [words.get(end.lower(), int(end) if _is_number(end) else -1) for end in numbers.split("-")]
    return len(ends) <= 2 and all(least <= end <= greatest for end in ends) and ends[0] <= ends[-1]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()

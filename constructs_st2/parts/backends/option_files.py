"""Configuration files of one option per line, and the user's options laid over ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.values.model.backends import Option, Options

_OPTION = re.compile(r"[^\s=#\"']+")


def laid_over(own: Mapping[str, Option], users: Options, *, key: str, ours: Collection[str]) -> dict[str, Option]:
    """Our options with the user's laid over them.

    Args:
        own: our options.
        users: the user's.
        key: where the user gives them in the values.
        ours: options that cannot be changed, or, ending in a dot or dash, what such options begin with.

    Raises:
        InvalidValues: the user changes what the cluster stands on.
    """
    problems = [
        ValueProblem(f"{key}.{option}", "is what the cluster stands on, and cannot be changed here")
        for option in users
        if option in ours or any(option.startswith(each) for each in ours if each.endswith((".", "-")))
    ]
    problems += [
        ValueProblem(f"{key}.{option}", "must be on one line")
        for option, value in users.items()
        if any("\n" in text or "\r" in text for text in (value if isinstance(value, list) else [value]))
    ]
    problems += [
        ValueProblem(f"{key}.{option}", "is no name of an option, which has neither blanks nor any of = # and quotes")
        for option in users
        if not _OPTION.fullmatch(option)
    ]
    if problems:
        raise InvalidValues(*problems)
    return {**own, **users}


def lines(options: Mapping[str, Option], separator: str) -> str:
    """The text of a file; an option with several values has several lines."""
    return "".join(
        f"{option}{separator}{value}\n"
        for option, values in options.items()
        for value in (values if isinstance(values, list) else [values])
    )

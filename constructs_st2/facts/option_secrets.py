"""Secrets in clear text in options of st2.conf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from constructs_st2.facts.ini import Entry, IniError, parse, render
from constructs_st2.facts.st2_options import options_for
from constructs_st2.facts.versions import ST2_VERSIONS
from constructs_st2.values import secret_looks

_MOVE = "is secret, but this text goes into a ConfigMap; put it into the Secret of st2.existingConfigSecret"
ARGUMENTS = "backend_kwargs"


class OptionSecret(NamedTuple):
    """An option that holds a secret, and the secret."""

    message: str
    value: str


def secrets_of(config: str | Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """What looks like a secret in the user's options: section, option and the text. What cannot be read has none."""
    try:
        entries = parse(config if isinstance(config, str) else render(config))
    except (IniError, ValueError):
        return
    for entry in entries:
        if found := secret_in(entry):
            yield entry.section, entry.option, found.value


def secret_in(entry: Entry) -> OptionSecret | None:
    """What an option holds that looks like a secret."""
    if not entry.value:
        return None
    if _is_secret(entry):
        return OptionSecret(_MOVE, entry.value)
    look = next(iter(secret_looks.in_value(entry.value, entry.option)), None)
    if look is None:
        return None
    if entry.option.endswith(ARGUMENTS) and look.what.startswith("a value of "):
        return OptionSecret(f'its argument "{look.what.removeprefix("a value of ")}" {_MOVE}', look.value)
    if look.what == f"a value of {entry.option}":
        return OptionSecret(_MOVE, look.value)
    return OptionSecret(f"holds {look.what}, which {_MOVE}", look.value)


def _is_secret(entry: Entry) -> bool:
    # Not all versions say so of the same option.
    known = (options_for(version).get(entry.section, {}).get(entry.option) for version in ST2_VERSIONS)
    return any(option.secret for option in known if option)

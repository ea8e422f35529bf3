"""Checks of the user's st2.conf by itself: st2 ignores what it does not know, and fails late on what it cannot use."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from constructs_st2.facts.findings import Finding, option_key
from constructs_st2.facts.ini import Entry, IniError, parse
from constructs_st2.facts.option_secrets import ARGUMENTS, secret_in
from constructs_st2.facts.st2_options import Option, options_for
from constructs_st2.facts.versions import ST2_VERSIONS

_BOOLEANS = frozenset({"true", "1", "on", "yes", "false", "0", "off", "no"})
_RENAMED = {
    ("database", "ssl"): "tls",
    ("database", "ssl_ca_certs"): "tls_ca_file",
    ("database", "tls"): "ssl",
    ("database", "tls_ca_file"): "ssl_ca_certs",
}

# oslo.config: cfg.py, Template; "\$" means "$$" there.
_REFERENCE = r"\$(?:\$|(?P<bare>[_a-z][._a-z0-9]*)|\{(?P<braced>[_a-z][._a-z0-9]*)\})"


def check_user_text(text: str, version: str, no_secrets: Collection[str] = ()) -> list[Finding]:
    """All that is wrong or doubtful in a text of options, judged by the options of an st2 version.

    ``no_secrets`` are texts that look like secrets and are none.
    """
    try:
        entries = parse(text)
    except IniError as error:
        return [Finding(error.line, "", error.message)]
    options = options_for(version)
    found = (finding for entry in entries for finding in _check(entry, options, version, no_secrets))
    return [*found, *_repeated(entries)]


def _check(
    entry: Entry, options: Mapping[str, Mapping[str, Option]], version: str, no_secrets: Collection[str]
) -> Iterator[Finding]:
    key = option_key(entry.section, entry.option)
    section = options.get(entry.section)
    if section is None:
        yield Finding(entry.line, key, f"unknown section{_hint(entry.section, options)}")
        return
    option = section.get(entry.option) or _by_former_name(section, entry.option)
    if option is None:
        yield Finding(entry.line, key, _unknown(entry, section, version))
        return
    if entry.option in option.former:
        yield Finding(entry.line, key, "is the former name of another option; st2 still reads it", is_error=False)
    if option.deprecated:
        yield Finding(entry.line, key, f"is deprecated: {' '.join(option.deprecated.split())}", is_error=False)
    if (found := secret_in(entry)) and found.value not in no_secrets:
        yield Finding(entry.line, key, found.message)
        return
    if (message := _unresolved(entry, options)) or (
        "$" not in entry.value and (message := _wrong_value(entry.value, option) or _wrong_arguments(entry))
    ):
        yield Finding(entry.line, key, message)


def _repeated(entries: Iterable[Entry]) -> Iterator[Finding]:
    lines: dict[tuple[str, str], int] = {}
    for section, option, _, line in entries:
        if earlier := lines.get((section, option)):
            yield Finding(line, option_key(section, option), f"replaces the one in line {earlier}", is_error=False)
        lines[section, option] = line


def _by_former_name(section: Mapping[str, Option], name: str) -> Option | None:
    return next((option for option in section.values() if name in option.former), None)


def _unknown(entry: Entry, section: Mapping[str, Option], version: str) -> str:
    others = [other for other in ST2_VERSIONS if other != version]
    if known := [other for other in others if entry.option in options_for(other).get(entry.section, {})]:
        renamed = _RENAMED.get((entry.section, entry.option))
        instead = f"; in {version} its name is {renamed}" if renamed else ""
        return f"is known to st2 {known[0]}, but not to {version}{instead}"
    return f"unknown option{_hint(entry.option, section)}"


def _hint(name: str, known: Mapping[str, object]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _unresolved(entry: Entry, options: Mapping[str, Mapping[str, Option]]) -> str | None:
    """References that oslo.config would fail on when the service starts."""
    for match in re.finditer(_REFERENCE, entry.value.replace(r"\$", "$$"), re.IGNORECASE):
        name = match["bare"] or match["braced"]
        if name is None:
            continue
        group, dot, option = name.partition(".")
        found = (
            option in options.get(group, {}) if dot else name in options[entry.section] or name in options["DEFAULT"]
        )
        if not found:
            return (
                f'"{match[0]}" refers to an option that does not exist; write "$$" for a literal "$" '
                "(or give st2.config as a mapping, where values are literal)"
            )
    return None


def _wrong_value(value: str, option: Option) -> str | None:
    if option.choices and value not in option.choices:
        return f'must be one of {", ".join(option.choices)}, not "{value}"'
    match option.type:
        case "bool" if value.lower() not in _BOOLEANS:
            return f'must be True or False, not "{value}"'
        case "int" if not _is(int, value):
            return f'must be a whole number, not "{value}"'
        case "float" if not _is(float, value):
            return f'must be a number, not "{value}"'
        case "dict" if not all(":" in pair for pair in value.split(",")):
            return f'must be pairs like "key:value, key:value", not "{value}"'
    return None


def _wrong_arguments(entry: Entry) -> str | None:
    if not entry.option.endswith(ARGUMENTS) or not entry.value:
        return None
    try:
        arguments = json.loads(entry.value)
    except ValueError:
        arguments = None
    # The value is not told: it may hold a password.
    return None if isinstance(arguments, dict) else 'must be a JSON object like {"name": "value"}'


def _is(number: type[int] | type[float], value: str) -> bool:
    try:
        number(value)
    except ValueError:
        return False
    return True

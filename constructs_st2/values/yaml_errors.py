"""What libyaml's complaints mean, in words for people who write values files."""

from __future__ import annotations

import re

import yaml

QUOTE_TEMPLATE = 'a value that begins with "{{" must be in quotes: "{{ … }}"'
TOO_DEEP = "mappings and lists are nested too deeply"

_BARE_TEMPLATE = re.compile(r"(?:^|[:,\[-])\s*\{\{")
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_NAMED_ALIAS = re.compile(r"\*[^\s,\]}]+")

_AT_CONTEXT = (
    ("found unexpected end of stream", "the quote that opens here is never closed"),
    ("did not find expected ',' or ']'", 'the "[" that opens here is not closed, or a "," is missing'),
    ("did not find expected ',' or '}'", 'the "{" that opens here is not closed, or a "," is missing'),
    ("could not find expected ':'", 'expected "key: value", but there is no ":"'),
)
_AT_PROBLEM = (
    ("found another document", 'holds more than one document; remove the "---", or make it a file of its own'),
    (
        "did not find expected key",
        "the indentation does not fit the lines above, or text follows a closing quote or bracket",
    ),
    ("did not find expected '-' indicator", 'the lines above are a list, but this one does not begin with "- "'),
    ("block sequence entries are not allowed", 'a list cannot begin here; start it in a line of its own with "- "'),
    ("second occurrence", "this anchor (&) is already defined above"),
    (
        "found unknown escape character",
        "unknown escape after the backslash; put the text in single quotes, or double the backslash",
    ),
    ("did not find expected alphabetic", 'text cannot begin with "*" or "&"; put it in quotes'),
    # libyaml has a limit of its own since 0.2.6 (PyYAML 6.0.4).
    ("exceeded maximum nesting depth", TOO_DEEP),
)


def explain(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """The line (from 1) and the cause of a syntax error."""
    if isinstance(error, yaml.reader.ReaderError):
        return _unprintable(text)
    mark = getattr(error, "problem_mark", None)
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return 1, "is not YAML"
    problem = error.problem or ""
    lines = _LINE_BREAK.split(text)
    number = min(mark.line, len(lines) - 1)
    line = lines[number]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return number + 1, "the line is indented with a tab; use spaces"
    if _BARE_TEMPLATE.search(line):
        return number + 1, QUOTE_TEMPLATE
    if error.context_mark is not None:
        for fragment, meaning in _AT_CONTEXT:
            if fragment in problem:
                return error.context_mark.line + 1, meaning
    return number + 1, _at(problem, line, mark.column)


def _at(problem: str, line: str, column: int) -> str:
    if "mapping values are not allowed" in problem:
        if ": " in line[:column]:
            return 'text that holds ": " must be in quotes'
        return 'unexpected ":"; check the indentation of this line and the space after ":" in the line before'
    if "cannot start any token" in problem:
        return f'text cannot begin with "{line[column : column + 1]}"; put it in quotes'
    if "undefined alias" in problem:
        alias = _NAMED_ALIAS.match(line, column)
        name = alias[0] if alias else "*"
        return f'"{name}" refers to an anchor that is not defined above; put it in quotes if it is text'
    for fragment, meaning in _AT_PROBLEM:
        if fragment in problem:
            return meaning
    return f"is not YAML: {problem}"


def _unprintable(text: str) -> tuple[int, str]:
    # libyaml gives an offset in bytes, PyYAML's own reader one in characters: neither is needed to find the character.
    for number, line in enumerate(_LINE_BREAK.split(text), start=1):
        found = yaml.reader.Reader.NON_PRINTABLE.search(line)
        if found:
            return number, f"holds the control character U+{ord(found[0]):04X}; remove it"
    return 1, "holds a control character; remove it"

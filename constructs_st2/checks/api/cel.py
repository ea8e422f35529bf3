"""The Common Expression Language, as far as it can be judged without knowing the types of what it is about.

Brackets, quotes and operators, and that names are known: https://github.com/google/cel-spec/blob/master/doc/langdef.md
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache, lru_cache

_TEXT = r"""(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
_QUOTED = r"`[^`\n]*`"


@cache
def _tokens() -> re.Pattern[str]:
    """Compiled when it is needed: few releases have an expression."""
    return re.compile(
        rf"""
        (?P<space> \s+ | //[^\n]* )
      | (?P<text> [rRbB]{{0,2}} {_TEXT} )
      | (?P<number> 0x[0-9a-fA-F]+u? | (?: \d+\.\d+ | \.\d+ | \d+ ) (?: [eE][-+]?\d+ )? u? )
      | (?P<name> [A-Za-z_]\w* )
      | (?P<quoted> {_QUOTED} )
      | (?P<operator> && | \|\| | <= | >= | == | != | [-+*/%<>!?:.,] )
      | (?P<open> [(\[{{] )
      | (?P<close> [)\]}}] )
        """,
        re.VERBOSE,
    )


_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_PREFIXES = ("!", "-")
_WORDS = frozenset({"true", "false", "null"})
_TYPES = frozenset(
    {
        *("bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"),
        *("base64", "cel", "google", "lists", "math", "net", "optional", "sets", "strings"),
    }
)
"""Types, and what begins the names of functions."""


_BINDERS = ("all", "bind", "exists", "filter", "map", "sortBy", "transform")
"""How the functions begin that give names to something."""


@cache
def _binding() -> re.Pattern[str]:
    """What gives names to the items of a list, or to a value."""
    return re.compile(
        r"\.\s*(?:all|exists|exists_one|existsOne|filter|map|sortBy|transform\w+)\s*\(\s*(\w+)\s*,(?:\s*(\w+)\s*,)?"
        r"|\bcel\s*\.\s*bind\s*\(\s*(\w+)\s*,"
    )


OF_ADMISSION = frozenset({"authorizer", "namespaceObject", "object", "oldObject", "params", "request", "variables"})
"""What an admission policy can look at."""


def fault(text: object, names: frozenset[str]) -> str | None:
    """What is wrong with an expression.

    Args:
        text: the expression.
        names: the names that mean something where it is.
    """
    if not isinstance(text, str) or not text.strip():
        return "is required: an expression of CEL"
    # Releases have the same expressions with other texts in them, such as their names, of which nothing is said.
    return _fault(text, names) if _fault(_texts().sub(_emptied, text), names) else None


@cache
def _texts() -> re.Pattern[str]:
    """Texts, and comments and quoted names, in which quotation marks begin none."""
    return re.compile(rf"(?P<text>{_TEXT})|//[^\n]*|{_QUOTED}")


def _emptied(match: re.Match[str]) -> str:
    # The blanks keep it from becoming one with quotation marks beside it.
    return ' "" ' if match["text"] else match[0]


@lru_cache(256)
def _fault(text: str, names: frozenset[str]) -> str | None:
    """The same of a text, however many objects have it."""
    tokens: list[tuple[str, str]] = []
    end = 0
    for token in _tokens().finditer(text):
        if token.start() != end:
            break
        end = token.end()
        if token.lastgroup and token.lastgroup != "space":
            tokens.append((token.lastgroup, token[0]))
    if end < len(text):
        return f"is no CEL: {_shown(text, end)} cannot be read{_hint(text[end:])}"
    return _of_brackets(tokens) or _of_operands(tokens) or _of_names(text, tokens, names)


def _shown(text: str, position: int) -> str:
    return repr(text[position : position + 12])


def _hint(rest: str) -> str:
    if rest.startswith("="):
        return "; did you mean ==?"
    if rest.startswith(("&", "|")):
        return f"; did you mean {rest[0] * 2}?"
    return "; the text does not end" if rest.startswith(("'", '"')) else ""


def _of_brackets(tokens: Collection[tuple[str, str]]) -> str | None:
    opened: list[str] = []
    for kind, token in tokens:
        if kind == "open":
            opened.append(token)
        elif kind == "close" and (not opened or _CLOSED_BY[opened.pop()] != token):
            return f"is no CEL: {token} closes nothing"
    return f"is no CEL: {opened[-1]} is not closed" if opened else None


def _of_operands(tokens: list[tuple[str, str]]) -> str | None:
    """Operators stand between operands, and operands have an operator between them."""
    before: tuple[str, str] = ("open", "")
    for kind, token in [*tokens, ("close", "")]:
        is_operator = (kind == "operator" or token == "in") and token not in _PREFIXES
        begins = kind in ("text", "number", "name", "quoted") and token != "in"
        ended = before[0] in ("text", "number", "name", "quoted", "close") and before[1] != "in"
        if begins and ended:
            return f"is no CEL: there is no operator between {before[1]} and {token}{_word(before[1], token)}"
        is_leading = token in (".", "?") and (token, before[1]) != (".", ".") and before[0] in ("open", "operator")
        if is_operator and not ended and not is_leading:
            return f"is no CEL: {token} has nothing before it"
        if kind == "close" and (before[0] == "operator" or before[1] == "in") and before[1] != ",":
            return f"is no CEL: {before[1]} has nothing behind it"
        before = (kind, token)
    return None


def _word(*words: str) -> str:
    meant = {"and": "&&", "or": "||", "not": "!"}
    return next((f"; did you mean {meant[word]}?" for word in words if word in meant), "")


def _of_names(text: str, tokens: list[tuple[str, str]], names: Collection[str]) -> str | None:
    bound: set[str] = set()
    if any(token.startswith(_BINDERS) for kind, token in tokens if kind == "name"):
        bound.update(name for found in _binding().finditer(text) for name in found.groups() if name)
    known = {*names, *bound, *_WORDS, *_TYPES, "in"}
    for number, (kind, token) in enumerate(tokens):
        before = tokens[number - 1][1] if number else ""
        after = tokens[number + 1][1] if number + 1 < len(tokens) else ""
        if kind == "name" and token not in known and before not in (".", "?") and after not in ("(", "{", ":"):
            return f'there is no "{token}" here; possible are: {", ".join(sorted(names))}'
    return None

"""What pydantic finds wrong, in words for people who write values files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from types import NoneType
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from constructs_st2.values import secret_looks
from constructs_st2.values.layers import Finding, Layered
from constructs_st2.values.paths import KeyPath, get
from constructs_st2.values.shape import keys, keys_at, types_at

_MAX_KEYS_LISTED = 12
_MAX_TEXT_SHOWN = 60

_CHOICE = re.compile(r"'([^']*)'|([^\s',]+)")

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "null",
}


class _Problem(NamedTuple):
    """One error of pydantic, located in the data."""

    path: KeyPath
    type: str
    message: str
    context: Mapping[str, Any]
    value: Any
    is_about_key: bool = False
    # The alternatives of unions that pydantic was trying, each with the length of the path at which it chose them.
    branches: tuple[tuple[int, str], ...] = ()


def findings_from(
    error: ValidationError,
    layered: Layered,
    model: type[BaseModel],
    *,
    meanings: Mapping[str, str] | None = None,
) -> list[Finding]:
    """What is wrong, each with the path of its value. ``meanings``: what patterns stand for ("a DNS label")."""
    located = [_located(details, layered.data, model) for details in error.errors(include_url=False)]
    return [Finding(problem.path, _text(problem, model, meanings or {})) for problem in _of_the_meant_branches(located)]


def _located(details: Mapping[str, Any], data: object, model: type[BaseModel]) -> _Problem:
    path: KeyPath = ()
    branches: list[tuple[int, str]] = []
    location: Sequence[str | int] = details["loc"]
    is_about_key = bool(location) and location[-1] == "[key]"
    segments = location[:-1] if is_about_key else location
    for index, segment in enumerate(segments):
        is_missing_key = details["type"] == "missing" and index == len(segments) - 1
        if is_missing_key or _exists(data, (*path, segment)) or _is_only_a_key(segment, types_at(model, path)):
            path = (*path, segment)
        else:
            branches.append((len(path), str(segment)))
    return _Problem(
        path=path,
        type=details["type"],
        message=details["msg"],
        context=details.get("ctx", {}),
        value=details["input"],
        is_about_key=is_about_key,
        branches=tuple(branches),
    )


def _is_only_a_key(segment: str | int, types: Sequence[Any]) -> bool:
    """Whether pydantic's word for a step can be no alternative of a union, but the key of something left out."""
    known = [keys(owner) for owner in types if owner is not NoneType]
    return len(known) == 1 and segment in (known[0] or {})


def _exists(data: object, path: KeyPath) -> bool:
    try:
        get(data, path)
    except KeyError:
        return False
    return True


def _of_the_meant_branches(problems: Iterable[_Problem]) -> list[_Problem]:
    """Of each union, the problems of the alternative that the value comes nearest to."""
    chosen: list[_Problem] = []
    unions: dict[KeyPath, list[_Problem]] = {}
    for problem in problems:
        if problem.branches:
            unions.setdefault(problem.path[: problem.branches[0][0]], []).append(problem)
        else:
            chosen.append(problem)
    for place, members in unions.items():
        by_branch = [list(group) for _, group in groupby(members, key=lambda problem: problem.branches[0])]
        inner = [
            _of_the_meant_branches(problem._replace(branches=problem.branches[1:]) for problem in group)
            for group in by_branch
        ]
        chosen += _nearest_branch(place, inner)
    return chosen


def _nearest_branch(place: KeyPath, branches: list[list[_Problem]]) -> list[_Problem]:
    of_fitting_kind = [branch for branch in branches if not any(p.type in _KINDS and p.path == place for p in branch)]
    if of_fitting_kind:
        return min(of_fitting_kind, key=len)
    kinds = dict.fromkeys(_kind(problem) for branch in branches for problem in branch if problem.type in _KINDS)
    return [branches[0][0]._replace(context={"kinds": tuple(kinds)})]


def _kind(problem: _Problem) -> str:
    kinds: tuple[str, ...] = problem.context.get("kinds", (_KINDS[problem.type],))
    return " or ".join(kinds)


def _text(
    problem: _Problem,
    model: type[BaseModel],
    meanings: Mapping[str, str],
) -> str:
    if problem.type == "extra_forbidden":
        return unknown_key(problem.path, model)
    text = _wrong_kind(problem) if problem.type in _KINDS else _wrong_value(problem, meanings)
    return f"the key {text}" if problem.is_about_key else text


def unknown_key(path: KeyPath, model: type[BaseModel]) -> str:
    """What to say of a key that the model does not have: which one was probably meant."""
    name = str(path[-1])
    valid = list(keys_at(model, path[:-1]))
    near = nearest(name, valid)
    if near:
        return f'unknown key; did you mean "{near}"?'
    if name in (keys(model) or {}):
        return f'unknown key here; "{name}" is a top-level key'
    if len(valid) <= _MAX_KEYS_LISTED:
        return f"unknown key; valid keys: {', '.join(valid)}" if valid else "unknown key; no keys are possible here"
    if len(path) == 1:
        return "unknown key; one of your own begins with x-, or is referred to by a template (.Values)"
    return "unknown key"


def nearest(word: str, choices: Collection[str]) -> str | None:
    """The choice that was probably meant, if any. Capitals, ``_`` and ``-`` do not count."""
    import difflib

    by_letters = {_letters(choice): choice for choice in reversed(list(choices))}
    near = difflib.get_close_matches(_letters(word), list(by_letters), n=1, cutoff=0.7)
    return by_letters[near[0]] if near else None


def there_is_no(what: str, name: str, known: Collection[str], otherwise: str = "") -> str:
    """What to say of a name that nothing has: which one was probably meant, or else ``otherwise``, or all of them."""
    near = nearest(name, known)
    instead = f'did you mean "{near}"?' if near else otherwise or f"there are: {', '.join(known)}"
    return f'there is no {what} "{name}"; {instead}'


def _letters(word: str) -> str:
    return word.replace("_", "").replace("-", "").lower()


def _wrong_kind(problem: _Problem) -> str:
    value = problem.value
    text = f"must be {_kind(problem)}, not {_shown(value, _name(problem))}"
    if problem.type == "string_type" and isinstance(value, bool | int | float):
        return f"{text}; put it in quotes"
    is_quoted_number = problem.type.startswith("int_") and isinstance(value, str) and re.fullmatch("-?[0-9]+", value)
    is_quoted_switch = problem.type.startswith("bool_") and value in ("true", "false")
    return f"{text}; remove the quotes" if is_quoted_number or is_quoted_switch else text


def _wrong_value(problem: _Problem, meanings: Mapping[str, str]) -> str:
    describe = _TEXTS.get(problem.type)
    if describe:
        return describe(problem)
    if problem.type == "string_pattern_mismatch":
        pattern = problem.context["pattern"]
        wanted = meanings.get(pattern, f"text that matches {pattern}")
        return f"must be {wanted}, not {_shown(problem.value, _name(problem))}"
    if problem.type == "literal_error":
        return _wrong_choice(problem)
    return " ".join(problem.message.split())


def _wrong_choice(problem: _Problem) -> str:
    value = problem.value
    found = _CHOICE.findall(problem.context["expected"])
    choices = [quoted or bare for quoted, bare in found if bare != "or"]
    text = f"must be {'' if len(choices) == 1 else 'one of '}{', '.join(choices)}"
    near = nearest(value, choices) if isinstance(value, str) else None
    return f'{text}; did you mean "{near}"?' if near else f"{text}, not {_shown(value, _name(problem))}"


def _name(problem: _Problem) -> str:
    return next((segment for segment in reversed(problem.path) if isinstance(segment, str)), "")


def _limit(wording: str, name: str) -> Callable[[_Problem], str]:
    return lambda problem: f"must be {wording} {_digits(problem.context[name])}, not {_digits(problem.value)}"


def _digits(number: Any) -> str:
    return str(int(number) if isinstance(number, float) and number.is_integer() else number)


def _items(wording: str, name: str) -> Callable[[_Problem], str]:
    def describe(problem: _Problem) -> str:
        count = problem.context[name]
        return f"must have {wording} {count} {'item' if count == 1 else 'items'}, but has {len(problem.value)}"

    return describe


def _characters(wording: str, name: str) -> Callable[[_Problem], str]:
    def describe(problem: _Problem) -> str:
        count = problem.context[name]
        noun = "character" if count == 1 else "characters"
        return f"must have {wording} {count} {noun}, but has {len(problem.value)}"

    return describe


_TEXTS: Mapping[str, Callable[[_Problem], str]] = {
    "missing": lambda _: "is required",
    "greater_than": _limit("more than", "gt"),
    "greater_than_equal": _limit("at least", "ge"),
    "less_than": _limit("less than", "lt"),
    "less_than_equal": _limit("at most", "le"),
    "multiple_of": _limit("a multiple of", "multiple_of"),
    "too_short": _items("at least", "min_length"),
    "too_long": _items("at most", "max_length"),
    "string_too_short": _characters("at least", "min_length"),
    "string_too_long": _characters("at most", "max_length"),
    "value_error": lambda problem: " ".join(str(problem.context["error"]).split()),
    "assertion_error": lambda problem: " ".join(str(problem.context["error"]).split()),
}


def _shown(value: object, name: str = "") -> str:
    """A value inside a sentence; if it looks like a secret, also by its name, only that."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if value == "":
        return "empty text"
    if isinstance(value, str):
        if not secret_looks.is_shown(name, value):
            return "a text that looks like a secret"
        shown = " ".join(value.split())
        return f'the text "{shown if len(shown) <= _MAX_TEXT_SHOWN else shown[: _MAX_TEXT_SHOWN - 1] + "…"}"'
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a mapping"
    # In Python, values may be anything.
    return f"the class {value.__name__}" if isinstance(value, type) else f"of the class {type(value).__name__}"

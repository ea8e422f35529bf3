"""Setting one value in the text of a values file, of which all else stays as it is, comments too."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from constructs_st2.errors import UserError


def with_value(text: str, path: Sequence[str], value: str) -> str:
    """The text of a values file with another value.

    Raises:
        UserError: it is written in a way that only a person can change.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    if root is None:
        return _appended(text, _rendered(path, value, 0))
    node, depth = root, 0
    while True:
        if not isinstance(node, yaml.MappingNode) or node.flow_style:
            raise UserError(
                f"{'.'.join(path[:depth]) or 'the file'} is not a mapping of one line for each key; {_BY_HAND}"
            )
        found = next((each for key, each in node.value if _same(key.value, path[depth])), None)
        if found is None:
            return _inserted(text, node, _rendered(path[depth:], value, node.start_mark.column))
        depth += 1
        if depth == len(path):
            if not isinstance(found, yaml.ScalarNode):
                raise UserError(f"{'.'.join(path)} is no single value; {_BY_HAND}")
            return f"{text[: found.start_mark.index]}{_quoted(value)}{text[found.end_mark.index :]}"
        node = found


_BY_HAND = "change it by hand"


def _same(written: str, name: str) -> bool:
    """Whether both are the same key: values may be written in camel case or with underscores."""
    return _plain(written) == _plain(name)


def _plain(name: str) -> str:
    return re.sub(r"[_-]", "", name).lower()


def _quoted(value: str) -> str:
    return f'"{value}"'


def _rendered(path: Sequence[str], value: str, indent: int) -> str:
    lines = [f"{' ' * (indent + 2 * depth)}{name}:" for depth, name in enumerate(path)]
    lines[-1] += f" {_quoted(value)}"
    return "\n".join(lines) + "\n"


def _appended(text: str, addition: str) -> str:
    return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{addition}"


def _inserted(text: str, node: yaml.MappingNode, addition: str) -> str:
    """Before the first key of a mapping: where it ends, comments are that belong to what follows."""
    start = node.start_mark.index - node.start_mark.column
    return f"{text[:start]}{addition}{text[start:]}"

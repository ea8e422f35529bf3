"""One values file as plain data, with the line of every key.

The dialect is YAML 1.1, as in Helm: ``yes`` and ``on`` are true, ``0755`` is octal. As in Helm's parser, and unlike in
PyYAML, ``22:30`` is text and not a number to the base of 60 (https://github.com/go-yaml/yaml/tree/v2#compatibility).
Dates stay text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from constructs_st2.errors import UserError
from constructs_st2.kube.yaml_text import LOADER
from constructs_st2.values.paths import KeyPath, dotted
from constructs_st2.values.yaml_errors import QUOTE_TEMPLATE, TOO_DEEP, explain

_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_TAG = "tag:yaml.org,2002:"
_MAX_NODES = 100_000
_MAX_DEPTH = 100
# libyaml's composer recurses on the C stack, which overflows at roughly a hundred thousand levels.
_MAX_COMPOSED_DEPTH = 10_000


class Source(NamedTuple):
    """Values that were read from one place.

    ``positions`` maps every path to its line (from 1), or to None where lines mean nothing. ``text_lines`` maps the
    path of every literal block (``|``) to the line before its first line. ``is_profile``: it is no user's.
    """

    name: str
    data: Mapping[str, Any]
    positions: Mapping[KeyPath, int | None] = {}
    text_lines: Mapping[KeyPath, int] = {}
    is_profile: bool = False


def read(path: Path) -> Source:
    """Read a values file.

    Raises:
        UserError: the file cannot be read, is not YAML, or holds keys that are no text, or keys given twice.
    """
    name = str(path)
    text = text_of(path)
    root = _compose(text, name)
    if root is None or root.tag == f"{_TAG}null":
        return Source(name, {}, {(): None})
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1
        raise UserError(f"{name}:{line}: must be a mapping of keys to values, not {_kind(root)}")
    reading = _Reading()
    data = reading.mapping(root, ())
    if reading.problems:
        lines = sorted(reading.problems, key=lambda problem: problem[0])
        raise UserError(f"{name}:{line}: {message}" for line, message in lines)
    return Source(name, data, {(): None, **reading.positions}, reading.text_lines)


def text_of(path: Path) -> str:
    """The text of a file. Line ends are those of Unix: what Git makes of them on Windows must not make another Job.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    name = str(path)
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        raise UserError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise UserError(f"{name}: is a directory, not a values file") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{name}:{line}: is not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise UserError(f"{name}: cannot be read: {error.strerror or error}") from None


def _compose(text: str, name: str) -> yaml.Node | None:
    if _is_hopelessly_deep(text):
        raise UserError(f"{name}: {TOO_DEEP}")
    loader = LOADER(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
    except yaml.YAMLError as error:
        line, cause = explain(error, text)
        raise UserError(f"{name}:{line}: {cause}") from None
    except RecursionError:
        raise UserError(f"{name}: {TOO_DEEP}") from None
    finally:
        loader.dispose()
    return node


def _is_hopelessly_deep(text: str) -> bool:
    if sum(map(text.count, "[{-?")) < _MAX_COMPOSED_DEPTH:
        return False
    depth = 0
    try:
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth >= _MAX_COMPOSED_DEPTH:
                return True
    except (yaml.YAMLError, RecursionError):
        return False
    return False


class _Reading:
    """Turns nodes into plain data, and collects positions and problems on the way."""

    def __init__(self) -> None:
        self.positions: dict[KeyPath, int | None] = {}
        self.text_lines: dict[KeyPath, int] = {}
        self.problems: list[tuple[int, str]] = []
        self._entries: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = {}
        self._open: set[int] = set()

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        return {
            key: self._child(value_node, (*path, key), key_node)
            for key, (key_node, value_node) in self._entries_of(node, path).items()
        }

    def _child(self, node: yaml.Node, path: KeyPath, shown_at: yaml.Node) -> object:
        if len(self.positions) >= _MAX_NODES:
            if len(self.positions) == _MAX_NODES:
                self.positions[path] = None
                self._complain(shown_at, (), f"more than {_MAX_NODES} values after aliases (*) are expanded")
            return None
        self.positions[path] = shown_at.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self._complain(shown_at, path, "the alias (*) refers to a mapping or list that it is itself part of")
            return None
        if len(path) > _MAX_DEPTH:
            self._complain(shown_at, (), TOO_DEEP)
            return None
        self._open.add(id(node))
        try:
            return self._collection(node, path)
        finally:
            self._open.discard(id(node))

    def _collection(self, node: yaml.Node, path: KeyPath) -> object:
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._child(item, (*path, index), item) for index, item in enumerate(node.value)]
        self._complain(node, path, f"the tag {_shown(node.tag)} is not supported; remove it")
        return None

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        if node.style == "|":
            self.text_lines[path] = node.start_mark.line + 1
        construct = _SCALARS.get(node.tag)
        if construct is None:
            self._complain(node, path, f"the tag {_shown(node.tag)} is not supported; remove it")
            return None
        try:
            return construct(node)
        except OverflowError:
            self._complain(node, path, f"{node.value} is not a number that can be used here")
        except (ValueError, KeyError):
            self._complain(node, path, f'"{node.value}" does not fit the tag {_shown(node.tag)}')
        return None

    def _entries_of(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """The keys of a mapping with those that it merges in (``<<``), worked out once per node."""
        known = self._entries.get(id(node))
        if known is not None:
            return known
        self._entries[id(node)] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                # Of several mappings, the first one wins.
                for other in reversed(self._merged_mappings(key_node, value_node, path)):
                    merged |= self._entries_of(other, path)
                continue
            key = self._key(key_node, node, path)
            if key is None:
                continue
            if key in own:
                first = own[key][0].start_mark.line + 1
                self._complain(key_node, (*path, key), f"duplicate key; it is already in line {first}")
            own[key] = key_node, value_node
        self._entries[id(node)] = {**merged, **own}
        return self._entries[id(node)]

    def _merged_mappings(self, key: yaml.Node, value: yaml.Node, path: KeyPath) -> list[yaml.MappingNode]:
        nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
        mappings = [node for node in nodes if isinstance(node, yaml.MappingNode)]
        if len(mappings) < len(nodes):
            self._complain(key, path, 'the value of "<<" must be an alias (*) of a mapping, or a list of those')
        return mappings

    def _key(self, node: yaml.Node, parent: yaml.Node, path: KeyPath) -> str | None:
        if node.tag in _TEXT_TAGS and isinstance(node, yaml.ScalarNode):
            return str(node.value)
        if not isinstance(node, yaml.ScalarNode):
            is_template = (
                isinstance(node, yaml.MappingNode)
                and node.flow_style
                and node.start_mark.line == parent.start_mark.line
                and node.start_mark.column == parent.start_mark.column + 1
            )
            self._complain(node, path, QUOTE_TEMPLATE if is_template else f"a key must be text, not {_kind(node)}")
        elif not node.value:
            self._complain(node, path, 'there is no key before ":"')
        else:
            meaning = _MEANINGS.get(node.tag, "not text")
            if node.tag == f"{_TAG}bool":
                meaning = str(_CONSTRUCTOR.construct_yaml_bool(node)).lower()
            self._complain(node, path, f'the key {node.value} means {meaning} in YAML; write "{node.value}"')
        return None

    def _complain(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        self.problems.append((node.start_mark.line + 1, f"{dotted(path)}: {message}" if path else message))


def _value(node: yaml.ScalarNode) -> str:
    return str(node.value)


def _integer(node: yaml.ScalarNode) -> int | str:
    return _value(node) if ":" in node.value else int(_CONSTRUCTOR.construct_yaml_int(node))


def _number(node: yaml.ScalarNode) -> float | str:
    if ":" in node.value:
        return _value(node)
    number = float(_CONSTRUCTOR.construct_yaml_float(node))
    if not math.isfinite(number):
        raise OverflowError
    return number


# "=" has a tag of its own in YAML 1.1, and "<<" is a merge only as a key.
_TEXT_TAGS = frozenset({f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}value"})
_SCALARS: Mapping[str, Callable[[yaml.ScalarNode], object]] = {
    **dict.fromkeys(_TEXT_TAGS, _value),
    f"{_TAG}merge": _value,
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": _CONSTRUCTOR.construct_yaml_bool,
    f"{_TAG}int": _integer,
    f"{_TAG}float": _number,
}
_MEANINGS = {f"{_TAG}int": "a number", f"{_TAG}float": "a number", f"{_TAG}null": "nothing"}


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else "text" if node.tag in _TEXT_TAGS else "a single value"


def _shown(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag

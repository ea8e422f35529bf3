"""The reference page of a values model, in Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel

from constructs_st2.values.reference_words import cell, in_yaml, parts_of, type_in_words
from constructs_st2.values.schema import Schema, json_schema, plain_schema
from constructs_st2.values.shape import models_in

__all__ = ["json_schema", "markdown"]

_INTRO = """\
Every key of the values file. This page is generated from the model that checks the file.

Keys that are left out, or set to `null`, have their default. Files given with `-f` are laid over each other from left
to right, and `--set` over all of them: mappings merge key by key, anything else replaces what is below. An unknown key
is an error. Texts may hold `{{ .Release.Name }}`, `{{ .Release.Namespace }}`, `{{ .Chart.AppVersion }}` and
`{{ .Values.a.b }}`.
"""
_HEADER = "| Key | Type | Default | Description |\n|---|---|---|---|\n"
_GENERAL = "General settings"


class _Described(NamedTuple):
    """Where a model class is described: the title of the section, and the class whose keys it lists."""

    title: str
    owner: str


class Row(NamedTuple):
    """A line of a table."""

    key: str
    type: str
    default: str
    description: str

    def __str__(self) -> str:
        default = f"`{self.default}`" if self.default else ""
        return f"| `{self.key}` | {cell(self.type)} | {cell(default)} | {cell(self.description)} |\n"


class Section(NamedTuple):
    """A heading with a table."""

    title: str
    description: str
    rows: list[Row]

    def __str__(self) -> str:
        description = f"\n{cell(self.description)}\n" if self.description else ""
        table = f"\n{_HEADER}{''.join(map(str, self.rows))}" if self.rows else ""
        return f"## {self.title}\n{description}{table}"


def markdown(model: type[BaseModel], *, title: str = "Values", meanings: Mapping[str, str] | None = None) -> str:
    """The page: an introduction, a table of contents, a section per top-level key, and one per type used repeatedly.

    A model class with the class attribute ``reference_section`` has a section of that title, and so what its
    subclasses share is described once. ``meanings`` maps patterns of text to what they stand for.
    """
    page = _Page.of(model, meanings or {})
    sections = page.sections()
    contents = "".join(f"* [{section.title}](#{page.anchors[section.title]})\n" for section in sections)
    return f"# {title}\n\n{_INTRO}\n{contents}\n" + "\n".join(map(str, sections))


@dataclass
class _Page:
    """What the sections of a page have in common."""

    root: Schema
    definitions: dict[str, Schema]
    described: Mapping[str, _Described]
    meanings: Mapping[str, str]
    uses: Counter[str] = field(default_factory=Counter)
    anchors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, model: type[BaseModel], meanings: Mapping[str, str]) -> _Page:
        root = plain_schema(model)
        page = cls(root, dict(root.get("$defs", {})), {}, meanings)
        described = {}
        for inner in models_in(model):
            owner: Any = next((parent for parent in inner.__mro__ if "reference_section" in vars(parent)), None)
            if owner:
                described[inner.__name__] = _Described(owner.reference_section, owner.__name__)
                if owner.__name__ not in page.definitions:
                    schema = dict(plain_schema(owner))
                    page.definitions |= {**schema.pop("$defs", {}), owner.__name__: schema}
        page.described = described
        page.count_uses()
        return page

    def count_uses(self) -> None:
        """Count the places where each definition would be shown."""
        waiting = [self.root["properties"]]
        waiting += [self.definitions[owner]["properties"] for owner in {owner for _, owner in self.described.values()}]
        while waiting:
            for schema in waiting.pop().values():
                parts = parts_of(schema)
                for _, name in parts:
                    if name in self.described:
                        waiting.append(self._own_keys(name))
                        continue
                    # Alternatives cannot all be shown in place.
                    self.uses[name] += len(parts)
                    if self.uses[name] == len(parts):
                        waiting.append(self.definitions[name].get("properties", {}))

    def sections(self) -> list[Section]:
        """The sections in the order of the page."""
        top = self.root["properties"]
        owners = {described.title: described.owner for described in self.described.values()}
        shared = sorted(name for name, count in self.uses.items() if count > 1)
        with_keys = [key for key, schema in top.items() if self._has_section(schema)]
        general = {key: schema for key, schema in top.items() if key not in with_keys}
        self.anchors |= anchors_of([_GENERAL] * bool(general) + [*with_keys, *owners, *shared])
        return [
            *([Section(_GENERAL, "", [*self._rows(general, "", self.root)])] if general else []),
            *(self._of_key(key, top[key]) for key in with_keys),
            *(self._of_definition(title, self.definitions[owner]) for title, owner in owners.items()),
            *(self._of_definition(name, self.definitions[name]) for name in shared),
        ]

    def _of_key(self, key: str, schema: Schema) -> Section:
        rows = [*self._rows({key: schema}, "", self.root)]
        description = self._description(schema)
        if self._is_described(schema):
            title = self.described[parts_of(schema)[0][1]].title
            link = f"All [{title[0].lower()}{title[1:]}](#{self.anchors[title]})"
            description = f"{description} {link}{', and these:' if rows[1:] else '.'}".strip()
        return Section(key, description, rows[1:] if "$ref" in schema else rows)

    def _of_definition(self, title: str, schema: Schema) -> Section:
        return Section(title, schema.get("description", ""), [*self._rows(schema.get("properties", {}), "", schema)])

    def _rows(self, properties: Mapping[str, Schema], prefix: str, owner: Schema) -> Iterator[Row]:
        for key, schema in properties.items():
            required = " (required)" if key in owner.get("required", ()) else ""
            yield Row(prefix + key, self._type(schema) + required, default_of(schema), self._description(schema))
            for separator, name in parts_of(schema):
                if name in self.described:
                    yield from self._rows(self._own_keys(name), f"{prefix}{key}{separator}", self.definitions[name])
                elif self.uses[name] == 1:
                    inner = self.definitions[name]
                    yield from self._rows(inner.get("properties", {}), f"{prefix}{key}{separator}", inner)

    def _own_keys(self, name: str) -> dict[str, Schema]:
        """The keys of a described class that its section does not describe."""
        common = self.definitions[self.described[name].owner]["properties"]
        own = self.definitions[name]["properties"]
        return {key: schema for key, schema in own.items() if not _says_the_same(schema, common.get(key, {}))}

    def _has_section(self, schema: Schema) -> bool:
        return self._is_described(schema) or any(self.uses[name] == 1 for _, name in parts_of(schema))

    def _is_described(self, schema: Schema) -> bool:
        return "$ref" in schema and parts_of(schema)[0][1] in self.described

    def _description(self, schema: Schema) -> str:
        # Pydantic leaves a key's description out where it is that of the key's type.
        described = self.definitions[parts_of(schema)[0][1]] if "$ref" in schema else {}
        return str(schema.get("description") or described.get("description", ""))

    def _type(self, schema: Schema) -> str:
        return type_in_words(schema, self._link, self.meanings)

    def _link(self, name: str) -> str:
        title = self.described[name].title if name in self.described else name
        return f"[{title}](#{self.anchors[title]})" if title in self.anchors else "mapping"


def _says_the_same(own: Schema, common: Schema) -> bool:
    """Whether a key is the common one; it may lack the default, where that comes from elsewhere."""
    return {**common, **own} == common


def default_of(schema: Schema) -> str:
    """The default as YAML on one line; nothing where the parts have defaults of their own."""
    default = schema.get("default")
    if default is None or (default == {} and parts_of(schema)):
        return ""
    return in_yaml(default)


def anchors_of(titles: Iterable[str]) -> dict[str, str]:
    """The anchors that GitHub gives to headings."""
    anchors: dict[str, str] = {}
    taken: Counter[str] = Counter()
    for title in titles:
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        anchors[title] = f"{slug}-{taken[slug]}" if taken[slug] else slug
        taken[slug] += 1
    return anchors

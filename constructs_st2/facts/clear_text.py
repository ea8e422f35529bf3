"""Secrets that stand in the values in clear text: a values file is no place for them, wherever in it they are.

Every text is looked at, in whatever key: variables of any pod, options of any file, objects of the user's own, patches,
and what files of folders hold. Keys that are made for secrets (``mongodb.auth.password``) are those of `given`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from constructs_st2.errors import ValueProblem
from constructs_st2.facts import chat_adapters
from constructs_st2.facts.content.texts import TextError, YamlText
from constructs_st2.facts.option_secrets import secrets_of
from constructs_st2.facts.secrets.given import external, given
from constructs_st2.values import secret_looks
from constructs_st2.values.model import PatchOperation, Values
from constructs_st2.values.model.base import DNS_SUBDOMAIN
from constructs_st2.values.model.datastore import KeyValue
from constructs_st2.values.model.secrets import SecretKey
from constructs_st2.values.paths import KeyPath, begins_with, dotted, matches
from constructs_st2.values.problems import nearest
from constructs_st2.values.secret_looks import Look

LIST = "security.notSecret"

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_OBJECT_NAME = re.compile(DNS_SUBDOMAIN)

_FILES: frozenset[KeyPath] = frozenset(
    {
        ("st2", "packs", "configs"),
        ("st2", "overrides"),
        ("st2", "rbac", "roles"),
        ("st2", "rbac", "assignments"),
        ("st2", "rbac", "mappings"),
        ("st2", "keyvalueFiles"),
        ("st2", "apikeysFiles"),
    }
)
"""Keys whose values are YAML files."""

_BY_SECRET = "put it into a Secret and refer to that"
_BY_VARIABLE = (
    "put it into a Secret and refer to that: {valueFrom: {secretKeyRef: {name: SECRET, key: KEY}}}, or envFromSecrets "
    "where there is one"
)
_BY_ITEM = (
    "put the whole value into a Secret, as JSON if it has several parts, and say where "
    "(secret: true, value: {existingSecret: NAME, key: KEY})"
)
_ADVICE: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("st2", "packs", "configs"),
        "put it into the datastore and refer to it ({{st2kv.system.NAME}}), "
        "or give the whole file in the Secret of st2.packs.existingConfigsSecret",
    ),
    (("st2", "keyvalue"), _BY_ITEM),
    (("st2", "keyvalueFiles"), _BY_ITEM),
    (("st2", "config"), "put it into the Secret of st2.existingConfigSecret"),
    (("st2chatops", "env"), "put it into a Secret and say where: st2chatops.tokens, or st2chatops.existingSecret"),
    (
        ("extraObjects",),
        "have a Secret made in the cluster (by hand, SealedSecret, ExternalSecret), and refer to that",
    ),
    (("*", "configuration"), "put it into a Secret; auth.existingSecret names the one that the members read"),
)
"""Where a secret belongs, by the beginning of the key that it stands at."""

_REFERENCES = ("From", "Ref", "Selector")
"""What keys end with below which are names of objects and their keys."""
_SECRET_MACHINERY = ("Secret", "SecretStore", "SecretProviderClass", "SecretKey", "Generator")
"""What kinds of objects end with that tell where secrets are, or hold them encrypted."""


class _Place(NamedTuple):
    """Where a text stands: its key, and in a text of several parts its line and ``inner`` path.

    Where objects are described, ``names_objects``, a text called `…Secret` is likely the name of one.
    """

    path: KeyPath
    line: int | None = None
    inner: KeyPath = ()
    name: str = ""
    names_objects: bool = False

    def at(self, segment: str | int, name: str | None = None) -> _Place:
        # For each of very many places: `_replace` takes four times as long.
        known_as = self.name if name is None else name
        return _Place((*self.path, segment), self.line, self.inner, known_as, self.names_objects)

    @property
    def key(self) -> str:
        """What the place is called in the list of those that hold no secret."""
        inner = dotted(self.inner)
        return dotted(self.path) + (f".{inner}" if inner and not inner.startswith("[") else inner)


class _Found(NamedTuple):
    """Something that looks like a secret, and where."""

    place: _Place
    look: Look
    in_comment: bool = False

    @property
    def problem(self) -> ValueProblem:
        place = self.place
        where = "the comment " if self.in_comment else f"{dotted(place.inner)}: " if place.inner else ""
        message = (
            f"{where}holds {self.look.what} in clear text; {_advice(place)}; "
            f"if it is no secret, add it to {LIST}: {place.key}"
        )
        return ValueProblem(dotted(place.path), message, place.line)


def secret_problems(values: Values) -> Iterator[ValueProblem]:
    """Secrets in clear text, but for those that the user says are none; and what is said of places without one."""
    listed = values.security.not_secret
    found = list(_found(values))
    of_settings = {entry for entry, _ in _of_settings(values)}
    known = {each.place.key for each in found} | of_settings
    yield from (each.problem for each in found if each.place.key not in {*listed, *of_settings})
    for index, entry in enumerate(listed):
        if entry not in known:
            near = nearest(entry, known)
            hint = f'; did you mean "{near}"?' if near else "; remove it"
            yield ValueProblem(f"{LIST}[{index}]", f'there is nothing at "{entry}" that looks like a secret{hint}')


def no_secrets(values: Values) -> frozenset[str]:
    """The texts of which the user says that they are no secrets, although they look like some."""
    listed = values.security.not_secret
    if not listed:
        return frozenset()
    places = [*((each.place.key, each.look.value) for each in _found(values)), *_of_settings(values)]
    return frozenset(value for key, value in places if key in listed)


def _of_settings(values: Values) -> Iterator[tuple[str, str]]:
    """What looks secret in st2.config, whose own checks tell it: its key, and the text."""
    for section, option, value in secrets_of(values.st2.config):
        yield f"st2.config.{section}.{option}", value


def _advice(place: _Place) -> str:
    if place.path[:2] == ("st2chatops", "env") and place.name in chat_adapters.SECRETS:
        return f"put it into a Secret and say where in {chat_adapters.SECRETS[place.name]} (existingSecret, key)"
    if advice := next((advice for pattern, advice in _ADVICE if begins_with(place.path, [pattern])), None):
        return advice
    return _BY_VARIABLE if "env" in place.path else _BY_SECRET


def _found(values: Values) -> Iterator[_Found]:
    bot = {f"st2chatops.env.{name}" for name in values.st2chatops.env if name in chat_adapters.SECRETS}
    elsewhere = {*given(values), *external(values), *bot, "secrets.seed", LIST, "st2.config"}
    yield from _of_chat_bot(values)
    for name in values.model_fields_set:
        field = type(values).model_fields[name]
        yield from _found_in(getattr(values, name), _Place((field.alias or name,)), elsewhere)


def _of_chat_bot(values: Values) -> Iterator[_Found]:
    """Variables of the chat bot that are known to be secret; but for what the chart's values say where it is off."""
    bot = values.st2chatops
    for name, value in bot.env.items():
        is_text = isinstance(value, str) and secret_looks.is_literal(value)
        if name in chat_adapters.SECRETS and is_text and (bot.enabled or "CHANGE-ME" not in str(value)):
            look = Look(0, f"a value of {name}", str(value))
            yield _Found(_Place(("st2chatops", "env", name), name=name), look)


def _found_in(value: Any, place: _Place, apart: set[str]) -> Iterator[_Found]:
    """What is found in a value of any type; ``apart`` are the keys that are looked at elsewhere."""
    match value:
        case None | bool() | SecretKey():
            return
        case str():
            found = _in_text(value, place)
            if found and dotted(place.path) not in apart:
                yield from found
        case bytes():
            # YAML's !!binary
            yield from _found_in(value.decode(errors="replace"), place, apart)
        case int() | float():
            if place.name and secret_looks.is_secret_name(place.name):
                yield from _in_text(str(value), place)
        case KeyValue():
            # What is secret, and not a reference, is refused by the model.
            yield from _in_key(value.name, place.at("name"))
            if not value.encrypted:
                yield from _found_in(value.value, place.at("value", value.name), apart)
        case PatchOperation():
            yield from _found_in(value.value, place.at("value", value.path.rpartition("/")[2]), apart)
        case BaseModel():
            yield from _in_model(value, place, apart)
        case dict():
            yield from _in_mapping(value, place, apart)
        case list():
            yield from _in_list(value, place, apart)


def _in_model(value: BaseModel, place: _Place, apart: set[str]) -> Iterator[_Found]:
    fields = type(value).model_fields
    for name in value.model_fields_set:
        # Most keys that profiles give hold nothing.
        if inner := getattr(value, name):
            yield from _found_in(inner, _below(place, fields[name].alias or name, ""), apart)


def _in_mapping(value: Mapping[str, Any], place: _Place, apart: set[str]) -> Iterator[_Found]:
    if place.path in _FILES:
        for name, text in value.items():
            yield from _in_file(text, _Place((*place.path, name)))
        return
    if matches(place.path, ("extraObjects", "*")):
        kind = str(value.get("kind"))
        place = place._replace(names_objects=kind != "ConfigMap")
        if kind == "Secret" and (value.get("data") or value.get("stringData")):
            yield _Found(place, Look(0, "a Secret", ""))
            return
        if kind.endswith(_SECRET_MACHINERY):
            return
    if isinstance(value.get("name"), str) and isinstance(value.get("value"), str) and not value.get("encrypted"):
        # A variable, or an item of the key-value store.
        yield from _in_text(value["value"], place.at("value", value["name"])._replace(names_objects=False))
        value = {key: item for key, item in value.items() if key != "value"}
    for key, item in value.items():
        yield from _in_key(str(key), place)
        if str(key).endswith(_REFERENCES) or (key == "value" and value.get("encrypted")):
            continue
        yield from _found_in(item, _below(place, str(key), str(key)), apart)


def _below(place: _Place, segment: str, name: str) -> _Place:
    inner = place.at(segment, name)
    return inner._replace(names_objects=True) if segment.lower().endswith("annotations") else inner


def _in_list(value: list[Any], place: _Place, apart: set[str]) -> Iterator[_Found]:
    texts = [item if isinstance(item, str) else "" for item in value]
    for position, look in secret_looks.in_arguments(texts):
        yield _Found(place.at(position), look)
    for index, item in enumerate(value):
        yield from _found_in(item, place.at(index), apart)


def _in_text(text: str, place: _Place) -> Sequence[_Found]:
    """The first that is found in a text; nothing in nearly all."""
    looks = secret_looks.in_value(text, place.name) or secret_looks.in_command(text)
    if not looks or (place.names_objects and place.name.lower().endswith("secret") and _is_name_of_object(text)):
        return ()
    line = text.count("\n", 0, looks[0].position) + 1 if "\n" in text.rstrip("\n") else None
    return (_Found(place._replace(line=line), looks[0]),)


def _in_key(name: str, place: _Place) -> Sequence[_Found]:
    """What is found in a name, which is text like any other, and not repeated by messages."""
    return [_Found(place, look) for look in secret_looks.in_text(name)[:1]]


def _in_file(text: str, place: _Place) -> Iterator[_Found]:
    """What is found in a YAML file. What cannot be read is told by those who know what belongs there."""
    try:
        parsed = YamlText.parse(text)
    except TextError:
        return
    for each in _found_in(parsed.data, _Place(()), set()):
        inner = each.place.path
        yield each._replace(place=place._replace(inner=inner, line=parsed.line_of(inner)))
    for number, line in enumerate(text.splitlines(), start=1):
        comment = _COMMENT.search(line)
        if comment and (look := next(iter(secret_looks.in_text(comment[0])), None)):
            yield _Found(place._replace(line=number), look, in_comment=True)


def _is_name_of_object(text: str) -> bool:
    return all(_OBJECT_NAME.fullmatch(part) for part in text.split("/", 1))

"""Items of the key-value store and API keys: what the Jobs load, and what of it lies in Secrets.

A Job mounts a document of all items. In it a secret is a path (``value_file``, ``key_file``), at which the Job finds
the key of the user's Secret; jobs/scripts/load_datastore.py puts the content in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import yaml

from constructs_st2.errors import ValueProblem
from constructs_st2.facts.content import present
from constructs_st2.facts.content.texts import TextError, YamlText, file_key, located
from constructs_st2.facts.secrets.given import DISABLED
from constructs_st2.kube.parted import FILES_LIMIT, applied_size
from constructs_st2.values.model import Values
from constructs_st2.values.model.content import Files
from constructs_st2.values.model.datastore import ApiKey, KeyValue
from constructs_st2.values.model.secrets import SecretKey
from constructs_st2.values.paths import KeyPath, dotted

SECRETS_PATH = "/opt/constructs-st2-secrets"
"""Where the Jobs find the keys of the user's Secrets: <secret>/<key>."""

Item = TypeVar("Item", KeyValue, ApiKey)

_ELSEWHERE = "put the value into a Secret of yours, up to 1 MiB, and say where: {existingSecret: NAME, key: KEY}"
_KEY_VALUES = ("st2.keyvalue", "st2.keyvalueFiles")
_API_KEYS = ("st2.apikeys", "st2.apikeysFiles")


class Reference(NamedTuple):
    """A key of a Secret, and the path at which a Job finds it."""

    secret: str
    key: str
    path: str


@dataclass(frozen=True)
class _Placed(Generic[Item]):
    """An item, and where it is written: an item of a list of the values, or of a file in them."""

    item: Item
    key: str
    line: int | None = None
    path: KeyPath = ()

    def problem(self, message: str) -> ValueProblem:
        place = f"{dotted(self.path)}: " if self.path else ""
        return ValueProblem(self.key, f"{place}{message}", self.line)

    @property
    def where(self) -> str:
        return f"line {self.line} of {self.key}" if self.line else self.key


def key_values(values: Values) -> list[KeyValue]:
    """All items of the key-value store, in their order. Files that cannot be read count as empty."""
    return [placed.item for placed in _key_values(values, [])]


def api_keys(values: Values) -> list[ApiKey]:
    """All API keys, in their order. Files that cannot be read count as empty."""
    return [placed.item for placed in _api_keys(values, [])]


def problems(values: Values) -> Iterator[ValueProblem]:
    """What is wrong with the items in files, or with several items together."""
    found: list[ValueProblem] = []
    items, keys = _key_values(values, found), _api_keys(values, found)
    yield from found
    yield from _twice(items, lambda item: (_owner(item, values), item.name), _item_is_there)
    for item in items:
        yield from _of_value(item, values)
        if (size := applied_size(document([item.item]))) > FILES_LIMIT:
            yield item.problem(f"has {size} bytes, of at most {FILES_LIMIT} that fit into a ConfigMap; {_ELSEWHERE}")
    for index, placed in enumerate(keys):
        if placed.item.id is None:
            message = (
                f"id is required: `st2 apikey load` fails without one; for instance "
                f"id: {_proposed_id(placed.item, index)}"
            )
            yield placed.problem(message)
    yield from _twice(keys, lambda item: item.id, _id_is_there)
    yield from _twice(keys, lambda item: item.key_hash or item.key, _key_is_there)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def document(items: Iterable[KeyValue | ApiKey]) -> str:
    """The items as YAML for load_datastore.py: the same items give the same text."""
    content = [_of_key_value(item) if isinstance(item, KeyValue) else _of_api_key(item) for item in items]
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def documents(items: Sequence[KeyValue | ApiKey]) -> list[str]:
    """The items as one document, or as several where one would be too large for a ConfigMap."""
    whole = document(items) if items else ""
    if applied_size(whole) <= FILES_LIMIT:
        return [whole] if items else []
    parts: list[list[KeyValue | ApiKey]] = [[]]
    room = FILES_LIMIT
    for item in items:
        size = applied_size(document([item]))
        if parts[-1] and size > room:
            parts.append([])
            room = FILES_LIMIT
        parts[-1].append(item)
        room -= size
    return list(map(document, parts))


def references(items: Iterable[KeyValue | ApiKey]) -> list[Reference]:
    """The keys of Secrets that items refer to, each once, in their order."""
    secrets = (item.value if isinstance(item, KeyValue) else item.key for item in items)
    return list(dict.fromkeys(_reference(secret) for secret in secrets if isinstance(secret, SecretKey)))


def _reference(secret: SecretKey) -> Reference:
    return Reference(secret.existing_secret, secret.key, f"{SECRETS_PATH}/{secret.existing_secret}/{secret.key}")


def _key_values(values: Values, found: list[ValueProblem]) -> list[_Placed[KeyValue]]:
    return _placed(KeyValue, values.st2.keyvalue, values.st2.keyvalue_files, _KEY_VALUES, found)


def _api_keys(values: Values, found: list[ValueProblem]) -> list[_Placed[ApiKey]]:
    return _placed(ApiKey, values.st2.apikeys, values.st2.apikeys_files, _API_KEYS, found)


def _placed(
    model: type[Item], listed: Sequence[Item], files: Files, keys: tuple[str, str], found: list[ValueProblem]
) -> list[_Placed[Item]]:
    """The items of the values and of files; the problems of the files are added to ``found``."""
    key_of_list, key_of_files = keys
    items = [_Placed(item, f"{key_of_list}[{index}]") for index, item in enumerate(listed)]
    for name, text in present(files).items():
        key = file_key(key_of_files, name)
        try:
            parsed = YamlText.parse(text)
            for index, item in enumerate(parsed.as_items(model)):
                items.append(_Placed(item, key, parsed.line_of((index,)), (index,)))
        except TextError as error:
            found += located(key_of_files, name, error)
    return items


def _twice(
    items: Iterable[_Placed[Item]], identity: Callable[[Item], Hashable | None], message: Callable[[Item, str], str]
) -> Iterator[ValueProblem]:
    first: dict[Hashable, _Placed[Item]] = {}
    for placed in items:
        what = identity(placed.item)
        if what is None:
            continue
        if what in first:
            yield placed.problem(message(placed.item, first[what].where))
        first.setdefault(what, placed)


def _item_is_there(item: KeyValue, where: str) -> str:
    return f'the item "{item.name}" is already in {where}'


def _id_is_there(item: ApiKey, where: str) -> str:
    return f"the id {item.id} is already in {where}; take another one"


def _key_is_there(_: ApiKey, where: str) -> str:
    return f"the same key is already in {where}; st2 has each key once"


def _owner(item: KeyValue, values: Values) -> str | None:
    return (item.user or values.st2.username) if item.is_of_a_user else None


def _of_value(placed: _Placed[KeyValue], values: Values) -> Iterator[ValueProblem]:
    item = placed.item
    if item.is_secret and values.st2.datastore_crypto_key == DISABLED:
        message = f"is secret, which st2 refuses with st2.datastore_crypto_key: {DISABLED}; remove secret, or that"
        yield placed.problem(message)


def _proposed_id(item: ApiKey, index: int) -> str:
    """24 hexadecimal digits that are the same in every synth."""
    return hashlib.sha1(f"{item.user}{index}".encode(), usedforsecurity=False).hexdigest()[:24]


def _of_key_value(item: KeyValue) -> dict[str, Any]:
    content: dict[str, Any] = {"name": item.name, "scope": item.scope}
    if item.user is not None:
        content["user"] = item.user
    content |= {flag: True for flag in ("secret", "encrypted") if getattr(item, flag)}
    if item.ttl is not None:
        content["ttl"] = item.ttl
    if isinstance(item.value, SecretKey):
        return {**content, "value_file": _reference(item.value).path}
    return {**content, "value": item.value}


def _of_api_key(item: ApiKey) -> dict[str, Any]:
    content: dict[str, Any] = {"id": item.id, "user": item.user, "enabled": item.enabled}
    if item.metadata:
        content["metadata"] = item.metadata
    if item.key is None:
        return {**content, "key_hash": item.key_hash}
    return {**content, "key_file": _reference(item.key).path}

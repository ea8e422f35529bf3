"""Items of the key-value store and API keys: what is refused, and what the Jobs are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from support import each_of

from constructs_st2.facts.content.datastore import (
    Reference,
    api_keys,
    document,
    key_values,
    problems,
    references,
)
from constructs_st2.values import Values, from_mapping
from constructs_st2.values.model.datastore import ApiKey, KeyValue
from constructs_st2.values.model.secrets import SecretKey

ID, OTHER_ID = "5c14491c6cb8de1a9207e3a2", "5c14491c6cb8de1a9207e3a3"
HASH, OTHER_HASH = "a" * 128, "b" * 128
IN_SECRET: dict[str, str] = {"existingSecret": "mine", "key": "token"}
SECRET_ITEM: dict[str, Any] = {"name": "hidden", "secret": True, "value": IN_SECRET}


def values(**st2: Any) -> Values:
    return from_mapping({"st2": st2})


def found(**st2: Any) -> list[str]:
    return [f"{each.key}:{each.line}: {each.message}" for each in problems(values(**st2))]


def refusal(model: type[KeyValue] | type[ApiKey], item: Mapping[str, Any]) -> str:
    with pytest.raises(ValidationError) as raised:
        model.model_validate(item)
    (error,) = raised.value.errors()
    return str(error["msg"]).removeprefix("Value error, ")


@pytest.mark.parametrize("value", ["", "text", "1", 1, 1.5, True, [1, {"a": None}], {"a": [1]}])
def test_a_value_keeps_its_type(value: object) -> None:
    item = KeyValue.model_validate({"name": "a", "value": value})
    assert (item.value, type(item.value)) == (value, type(value))
    (written,) = yaml.safe_load(document([item]))
    assert written == {"name": "a", "scope": "st2kv.system", "value": value}


def test_a_mapping_that_names_a_secret_is_a_reference() -> None:
    item = KeyValue.model_validate(SECRET_ITEM)
    assert item.value == SecretKey.model_validate(IN_SECRET)


@each_of(
    ("item", "message"),
    [
        ({"name": "a/b", "value": "x"}, "cannot hold '/': st2 would take it as a part of a URL"),
        ({"name": "a\n", "value": "x"}, r"cannot hold '\n': st2 would take it as a part of a URL"),
        ({"name": "a", "value": "x", "user": "eva"}, 'has a user, which only items of the scope "user" have'),
        (
            {"name": "a", "value": "geheim", "secret": True},
            "is a secret, and a values file is no place for it: put it into a Secret and say where",
        ),
        ({"name": "a", "value": {"a": 1}, "secret": True}, "is a secret, and a values file is no place for it"),
        ({"name": "a", "value": IN_SECRET}, "has its value in a Secret, so it must have secret: true"),
        (
            {"name": "a", "value": {**IN_SECRET, "kee": "x"}, "secret": True},
            "value must be {existingSecret: NAME, key: KEY}, with valid names and no other keys",
        ),
        ({"name": "a", "value": "geheim", "encrypted": True}, "has encrypted: true, but its value is not encrypted"),
        ({"name": "a", "value": 12, "encrypted": True}, "has encrypted: true, but its value is not encrypted"),
    ],
)
def test_an_item_must_be_consistent(item: Mapping[str, Any], message: str) -> None:
    text = refusal(KeyValue, item)
    assert text.startswith(message)
    assert "geheim" not in text


@pytest.mark.parametrize("flags", [{"encrypted": True}, {"encrypted": True, "secret": True}])
def test_what_is_encrypted_may_stand_in_the_values_and_is_secret(flags: Mapping[str, bool]) -> None:
    item = KeyValue.model_validate({"name": "a", "value": "06AF", **flags})
    assert item.is_secret
    (written,) = yaml.safe_load(document([item]))
    assert written == {"name": "a", "scope": "st2kv.system", "value": "06AF", **flags}


@pytest.mark.parametrize("scope", ["user", "st2kv.user"])
def test_an_item_of_a_user_may_name_the_user(scope: str) -> None:
    item = {"name": "a", "value": "x", "scope": scope}
    assert not found(keyvalue=[item, {**item, "user": "eva"}])


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"user": "u", "id": ID}, "must have either key_hash or key: {existingSecret: NAME, key: KEY}"),
        ({"user": "u", "id": ID, "key_hash": HASH, "key": IN_SECRET}, "must have either key_hash or key"),
        ({"user": "u", "id": ID, "key_hash": "geheim"}, "must be the SHA-512 hash of the key"),
        ({"user": "u", "id": "x", "key_hash": HASH}, "must be 24 hexadecimal digits in small letters"),
    ],
)
def test_an_api_key_must_be_whole(item: Mapping[str, Any], message: str) -> None:
    text = refusal(ApiKey, item)
    assert text.startswith(message)
    assert "geheim" not in text


def test_an_exported_api_key_is_taken_as_it_is() -> None:
    exported = {"created_at": "2018-12-15T00:21:48Z", "uid": f"api_key:{HASH}", "id": ID, "user": "eva"}
    item = ApiKey.model_validate({**exported, "enabled": True, "metadata": {"for": "chat"}, "key_hash": HASH})
    (written,) = yaml.safe_load(document([item]))
    assert written == {"id": ID, "user": "eva", "enabled": True, "metadata": {"for": "chat"}, "key_hash": HASH}


def test_an_api_key_needs_an_id_and_a_lasting_one_is_proposed() -> None:
    items: list[dict[str, Any]] = [{"user": "eva", "key_hash": HASH}, {"user": "eva", "key": IN_SECRET}]
    first, second = found(apikeys=items)
    assert first.startswith(
        "st2.apikeys[0]:None: id is required: `st2 apikey load` fails without one; for instance id: "
    )
    proposed = [message.rpartition(" ")[2] for message in (first, second)]
    assert found(apikeys=items) == [first, second]
    assert found(apikeys=[{**item, "id": id} for item, id in zip(items, proposed, strict=True)]) == []


def test_items_come_from_the_values_and_then_from_files() -> None:
    given = values(
        keyvalue=[{"name": "b", "value": "1"}],
        keyvalueFiles={"z.yaml": "- {name: a, value: 2020-01-01, user: null}\n", "y.yaml": "# none\n", "x.yaml": ""},
        apikeys=[{"user": "u", "id": ID, "key_hash": HASH}],
        apikeysFiles={"a.yaml": f"- user: v\n  id: {OTHER_ID}\n  key: {{existingSecret: mine, key: token}}\n"},
    )
    assert [(item.name, item.value) for item in key_values(given)] == [("b", "1"), ("a", "2020-01-01")]
    assert [item.user for item in api_keys(given)] == ["u", "v"]
    assert list(problems(given)) == []


def test_what_is_wrong_in_a_file_is_told_with_its_line() -> None:
    text = "- name: a\n  vlaue: geheim\n- name: b\n  secret: true\n  value: geheim\n- geheim\n"
    messages = found(keyvalueFiles={"kv.yaml": text, "one.yaml": "name: a\n", "no.yaml": "- {"})
    place = 'st2.keyvalueFiles["kv.yaml"]'
    assert messages[:2] == [
        f"{place}:1: [0].value: is required",
        f'{place}:2: [0].vlaue: unknown key; did you mean "value"?',
    ]
    assert messages[2].startswith(f"{place}:3: [1]: is a secret, and a values file is no place for it")
    assert messages[3].startswith(f"{place}:6: [2]: must be a mapping")
    assert messages[4] == 'st2.keyvalueFiles["one.yaml"]:1: must be a list of items, each of which begins with "- "'
    assert messages[5].startswith('st2.keyvalueFiles["no.yaml"]:1: ')
    assert "geheim" not in "".join(messages[:3])
    assert key_values(values(keyvalueFiles={"kv.yaml": text})) == []


@pytest.mark.parametrize(
    ("second", "is_the_same"),
    [
        ({"name": "a"}, True),
        ({"name": "a", "scope": "system"}, True),
        ({"name": "b"}, False),
        ({"name": "a", "scope": "user"}, False),
    ],
)
def test_an_item_is_given_once(second: Mapping[str, Any], is_the_same: bool) -> None:
    messages = found(keyvalue=[{"name": "a", "value": "1"}, {**second, "value": "2"}])
    assert messages == ['st2.keyvalue[1]:None: the item "a" is already in st2.keyvalue[0]'] * is_the_same


def test_an_item_without_user_is_that_of_the_first_user() -> None:
    items = [{"name": "a", "value": "1", "scope": "user"}]
    file = "\n- {name: a, value: x, scope: st2kv.user, user: eva}\n"
    assert found(username="eva", keyvalue=items, keyvalueFiles={"kv.yaml": file}) == [
        'st2.keyvalueFiles["kv.yaml"]:2: [0]: the item "a" is already in st2.keyvalue[0]'
    ]
    assert found(username="tom", keyvalue=items, keyvalueFiles={"kv.yaml": file}) == []


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"id": ID, "key_hash": OTHER_HASH}, f"the id {ID} is already in st2.apikeys[0]; take another one"),
        ({"id": OTHER_ID, "key_hash": HASH}, "the same key is already in st2.apikeys[0]; st2 has each key once"),
    ],
)
def test_ids_and_hashes_are_given_once(second: Mapping[str, Any], message: str) -> None:
    first = {"user": "u", "id": ID, "key_hash": HASH}
    assert found(apikeys=[first, {"user": "u", **second}]) == [f"st2.apikeys[1]:None: {message}"]


def test_a_key_of_a_secret_is_one_api_key() -> None:
    items = [{"user": "u", "id": ID, "key": IN_SECRET}, {"user": "u", "id": OTHER_ID, "key": IN_SECRET}]
    assert found(apikeys=items) == [
        "st2.apikeys[1]:None: the same key is already in st2.apikeys[0]; st2 has each key once"
    ]
    other = {"existingSecret": "mine", "key": "other"}
    assert found(apikeys=[items[0], {**items[1], "key": other}]) == []


def test_a_secret_needs_the_key_that_encrypts_it() -> None:
    items = [SECRET_ITEM, {"name": "cipher", "value": "06AF", "encrypted": True}, {"name": "a", "value": "x"}]
    assert found(keyvalue=items) == []
    refused = "is secret, which st2 refuses with st2.datastore_crypto_key: disable; remove secret, or that"
    assert found(keyvalue=items, datastore_crypto_key="disable") == [
        f"st2.keyvalue[0]:None: {refused}",
        f"st2.keyvalue[1]:None: {refused}",
    ]


def test_the_document_names_the_paths_of_secrets() -> None:
    given = values(
        keyvalue=[{"name": "note", "value": "one\ntwo\n", "ttl": 5}, SECRET_ITEM],
        apikeys=[{"user": "bot", "id": ID, "key": IN_SECRET, "enabled": False}],
    )
    assert (
        document(key_values(given))
        == """\
- name: note
  scope: st2kv.system
  ttl: 5
  value: |
    one
    two
- name: hidden
  scope: st2kv.system
  secret: true
  value_file: /opt/constructs-st2-secrets/mine/token
"""
    )
    assert (
        document(api_keys(given))
        == f"""\
- id: {ID}
  user: bot
  enabled: false
  key_file: /opt/constructs-st2-secrets/mine/token
"""
    )
    wanted = [Reference("mine", "token", "/opt/constructs-st2-secrets/mine/token")]
    assert references([*key_values(given), *api_keys(given)]) == wanted


def test_no_items_are_an_empty_list() -> None:
    assert yaml.safe_load(document([])) == []
    assert references([]) == []

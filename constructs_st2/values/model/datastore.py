"""Items of the key-value store, and API keys, which a Job loads into StackStorm."""

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from typing_extensions import Self

from constructs_st2.values.model.base import ANY_LOGIN_NAME, StrictModel, key, same
from constructs_st2.values.model.secrets import SecretKey

_OF_URLS = re.compile(r"[/?#%\x00-\x1f]")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_SHA512 = re.compile(r"[0-9a-f]{128}")


def _fits_into_a_url(name: str) -> str:
    # The st2 client builds the URL /v1/keys/<name> without encoding the name.
    found = _OF_URLS.search(name)
    if found:
        raise ValueError(
            f"cannot hold {found[0]!a}: st2 would take it as a part of a URL; use letters, digits, "
            '".", "-", "_" and ":"'
        )
    return name


def _is_an_object_id(text: str) -> str:
    if not _OBJECT_ID.fullmatch(text):
        raise ValueError("must be 24 hexadecimal digits in small letters")
    return text


def _is_a_hash(text: str) -> str:
    # Whoever gives the key itself here should not find it in the message.
    if not _SHA512.fullmatch(text):
        raise ValueError(
            "must be the SHA-512 hash of the key, 128 hexadecimal digits in small letters; "
            "to give the key itself, use key: {existingSecret: NAME, key: KEY}"
        )
    return text


KeyValueName: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_fits_into_a_url)]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
# From left to right: a mapping that names a Secret is a reference, any other one is a value.
KeyValueContent: TypeAlias = Annotated[
    SecretKey | bool | int | Number | str | list[Any] | dict[str, Any], Field(union_mode="left_to_right")
]
UserName: TypeAlias = Annotated[str, StringConstraints(pattern=ANY_LOGIN_NAME)]


class KeyValue(StrictModel):
    """An item of the key-value store, as in the files of `st2 key load`."""

    name: KeyValueName = key("Name of the item.", ...)
    value: KeyValueContent = key(
        "Text; or a number, true, false, a list or a mapping, which are stored as JSON; or, for a secret, "
        "`{existingSecret: NAME, key: KEY}`: where it is.",
        ...,
    )
    scope: Literal["system", "user", "st2kv.system", "st2kv.user"] = key(
        "Whether the item belongs to all (`system`) or to a user (`user`). `st2kv.` before it means the same.",
        "st2kv.system",
    )
    user: UserName | None = key("Whose item it is (scope `user`). Default: `st2.username`.")
    secret: bool = key("Store the value encrypted.", False)
    encrypted: bool = key(
        "The value is encrypted already, with the cluster's own `datastore_crypto_key`, "
        "as `st2 key list` shows secret items.",
        False,
    )
    ttl: Annotated[int, Field(ge=1)] | None = key("Seconds until the item is deleted, counted from when it is loaded.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        # Messages never show the value: it may be a secret.
        if self.user is not None and not self.is_of_a_user:
            raise ValueError('has a user, which only items of the scope "user" have; remove it, or set the scope')
        if isinstance(self.value, dict) and "existingSecret" in self.value:
            raise ValueError("value must be {existingSecret: NAME, key: KEY}, with valid names and no other keys")
        if isinstance(self.value, SecretKey):
            if not self.is_secret:
                raise ValueError("has its value in a Secret, so it must have secret: true")
        elif self.encrypted:
            if not isinstance(self.value, str) or not _HEX.fullmatch(self.value):
                raise ValueError(
                    "has encrypted: true, but its value is not encrypted: that would be hexadecimal digits, "
                    "as `st2 key list` shows secret items"
                )
        elif self.secret:
            raise ValueError(
                "is a secret, and a values file is no place for it: put it into a Secret and say where "
                "(value: {existingSecret: NAME, key: KEY}), or give it encrypted, with encrypted: true"
            )
        return self

    @property
    def is_of_a_user(self) -> bool:
        """Whether the item belongs to one user."""
        return self.scope.endswith("user")

    @property
    def is_secret(self) -> bool:
        """Whether st2 stores the value encrypted.

        ``encrypted`` implies it (st2common/models/api/keyvalue.py, to_model).
        """
        return self.secret or self.encrypted


class ApiKey(StrictModel):
    """An API key, as `st2 apikey list --show-secrets` exports it."""

    user: UserName = key("User on whose behalf the key acts.", ...)
    id: Annotated[str, AfterValidator(_is_an_object_id)] | None = key(
        "24 hexadecimal digits that identify the key (required). A key with a new hash needs a new one."
    )
    enabled: bool = key("Whether the key can be used.", True)
    metadata: dict[str, Any] = key("Notes about the key.", {})
    key_hash: Annotated[str, AfterValidator(_is_a_hash)] | None = same(
        "key_hash", "Hash of the key: SHA-512 of `saltnpepper` and the key. Give this or `key`."
    )
    created_at: str | None = same("created_at", "Taken from exports, without effect.")
    uid: str | None = key("Taken from exports, without effect.")
    key: SecretKey | None = key("Where the key itself is. It is hashed in the cluster. Give this or `key_hash`.")

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if (self.key_hash is None) == (self.key is None):
            raise ValueError("must have either key_hash or key: {existingSecret: NAME, key: KEY}")
        return self

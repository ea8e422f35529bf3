"""How secrets are written into texts of several kinds."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Literal, TypeAlias
from urllib.parse import quote

from constructs_st2.config import ini

Encoding: TypeAlias = Literal["plain", "conf", "url", "url-verbatim", "rabbitmq-hash"]
"""``conf``: the value of an option of st2.conf. ``url``: a part of a URL whose reader decodes it. ``url-verbatim``: a
part of a URL whose reader does not. ``rabbitmq-hash``: hashed as RabbitMQ's definitions want it."""

_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")


def encoded(value: str, encoding: Encoding) -> str:
    """The secret as it is written.

    Raises:
        ValueError: it cannot be written so.
    """
    match encoding:
        case "plain":
            return value
        case "conf":
            return ini.literal(value)
        case "url":
            return quote(value, safe="")
        case "url-verbatim":
            # tooz does not decode the password of a Redis URL (oslo_utils.netutils.urlsplit).
            if not _UNRESERVED.fullmatch(value):
                raise ValueError('may only consist of letters, digits and "-._~", because it becomes part of a URL')
            return value
        case "rabbitmq-hash":
            return rabbitmq_hash(value)


def rabbitmq_hash(password: str) -> str:
    """A password as `rabbit_password_hashing_sha256` has it: base64 of a salt of four bytes and the salted SHA-256.

    The salt follows from the password, so that the same password always gives the same definitions.
    https://www.rabbitmq.com/docs/passwords#computing-password-hash
    """
    salt = hashlib.sha256(b"salt of " + password.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()

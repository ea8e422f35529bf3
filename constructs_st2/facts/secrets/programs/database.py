"""Asks the database of a release whether it holds encrypted items. Runs by the Python of the st2 images.

It is asked before a crypto key is made, which would open none of them.
"""

from __future__ import annotations

from typing import Any, Mapping  # noqa: UP035 - Python 3.8 knows no collections.abc.Mapping[str, Any]

SECONDS = 20
"""For which a server is looked for, and for which it may take to answer."""
COLLECTION = "key_value_pair_d_b"
"""Where StackStorm keeps the datastore (st2common/models/db/keyvalue.py)."""
_AUTHENTICATION_FAILED = 18


class Unanswered(Exception):
    """The database has not told. The text is of its driver, and names no password."""


def has_encrypted_items(database: Mapping[str, Any], password: str | None) -> bool:
    """Whether somebody needs the key that encrypted them.

    Args:
        database: how it is reached: ``uri``, ``name``, ``username``, ``tls``, ``ca``.
        password: that of the user.

    Raises:
        Unanswered: it cannot be reached, or does not let the user read.
    """
    from pymongo.errors import OperationFailure, PyMongoError  # type: ignore[import-not-found,unused-ignore]

    try:
        try:
            return _ask(database, password, {})
        except OperationFailure as error:
            if error.code != _AUTHENTICATION_FAILED:
                raise
            # As StackStorm of 3.8 logs in, where the URI does not say otherwise.
            return _ask(database, password, {"authSource": database["name"]})
    except PyMongoError as error:
        raise Unanswered(str(error).partition(", Timeout: ")[0]) from None


def _ask(database: Mapping[str, Any], password: str | None, options: dict[str, Any]) -> bool:
    from pymongo import MongoClient

    milliseconds = 1000 * SECONDS
    options = {**options, "serverSelectionTimeoutMS": milliseconds, "socketTimeoutMS": milliseconds}
    if database["username"]:
        options.update(username=database["username"], password=password)
    if database["tls"]:
        options["tls"] = True
    if database["ca"]:
        options["tlsCAFile"] = database["ca"]
    client: Any = MongoClient(database["uri"], **options)
    try:
        return client[database["name"]][COLLECTION].find_one({"secret": True}, {"_id": 1}) is not None
    finally:
        client.close()

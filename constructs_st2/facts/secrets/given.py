"""Secrets that the user gives in the values: where they are, or themselves."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.errors import ValueProblem
from constructs_st2.values.model import Values
from constructs_st2.values.model.secrets import SecretKey, SecretValue

DISABLED = "disable"
"""The value of st2.datastore_crypto_key that is no key."""

_NO_PLACE = (
    "is a secret, and a values file is no place for it: put it into a Secret and say where "
    "({existingSecret: NAME, key: KEY})"
)
_MADE = "leave it out and it is made for you"
_PLAIN = "set secrets.mode: plain for development"
_OTHERWISE = {
    "st2.datastore_crypto_key": "for a new cluster leave it out and one is made (another key than that of a cluster "
    "with data could not read the encrypted items)"
}


def given(values: Values) -> dict[str, SecretValue]:
    """What is given, by its key in the values."""
    crypto_key = values.st2.datastore_crypto_key
    found = {
        "st2.password": values.st2.password,
        "st2.ssh_key": values.st2.ssh_key,
        "st2.datastore_crypto_key": None if crypto_key == DISABLED else crypto_key,
        "enterprise.license": values.enterprise.license,
        "mongodb.auth.rootPassword": values.mongodb.auth.root_password,
        "mongodb.auth.password": values.mongodb.auth.password,
        "mongodb.auth.replicaSetKey": values.mongodb.auth.replica_set_key,
        "rabbitmq.auth.password": values.rabbitmq.auth.password,
        "rabbitmq.auth.erlangCookie": values.rabbitmq.auth.erlang_cookie,
        "redis.auth.password": values.redis.auth.password,
    }
    return {key: value for key, value in found.items() if value is not None}


def external(values: Values) -> dict[str, SecretValue]:
    """The passwords of backends that run elsewhere, by their keys in the values. They stand in st2.secrets.conf."""
    backends = {
        "mongodb": values.mongodb.external,
        "rabbitmq": values.rabbitmq.external,
        "coordination": values.coordination.external,
    }
    found = {f"{name}.external.password": backend.password for name, backend in backends.items() if backend}
    return {key: value for key, value in found.items() if value is not None}


def references(values: Values) -> Iterator[SecretKey]:
    """The keys of the user's own Secrets that values are made of."""
    return (value for value in (given(values) | external(values)).values() if isinstance(value, SecretKey))


def misplaced_secrets(values: Values) -> Iterator[ValueProblem]:
    """Secrets in the values, which belong in Secrets, and settings that the mode makes no use of."""
    secrets = values.secrets
    if secrets.mode == "plain":
        if secrets.seed is None:
            message = "is required with secrets.mode plain: what is not given follows from it"
            yield ValueProblem("secrets.seed", message)
        for key, value in (given(values) | external(values)).items():
            if isinstance(value, SecretKey):
                message = "must be the secret itself with secrets.mode plain, which reads no Secret of the cluster"
                yield ValueProblem(key, message)
        return
    if secrets.seed is not None:
        yield ValueProblem("secrets.seed", f"has no effect with secrets.mode {secrets.mode}; remove it")
    for key, value in (given(values) | external(values)).items():
        if isinstance(value, str):
            yield ValueProblem(key, f"{_NO_PLACE}, {_OTHERWISE.get(key, _MADE)}, or {_PLAIN}")
        elif secrets.mode != "bootstrap" and key in given(values):
            message = (
                f"is copied by the bootstrap Job only; with secrets.mode {secrets.mode} name a whole Secret instead"
            )
            yield ValueProblem(key, message)

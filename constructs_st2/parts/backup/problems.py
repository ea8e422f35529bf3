"""Settings of backups that cannot be honoured."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.errors import ValueProblem
from constructs_st2.values.model import Values


def problems(values: Values) -> Iterator[ValueProblem]:
    """What is wrong with the settings of backups, where they are made."""
    if values.backup.enabled:
        yield from _problems(values)


def problems_of_restore(values: Values) -> Iterator[ValueProblem]:
    """What is wrong with the settings of backups, where one is to be restored."""
    yield from _problems(values)
    external = values.backup.external
    if external and not external.restore and values.mongodb.external:
        yield ValueProblem("backup.external.restore", "is required to restore: the user of backups may only read")


def _problems(values: Values) -> Iterator[ValueProblem]:
    backup, mongodb = values.backup, values.mongodb
    if backup.destination is None:
        yield ValueProblem("backup.destination", "is required; give claim or s3")
    if mongodb.enabled and backup.external:
        message = "has no effect with the MongoDB in the cluster, which has a user for it; remove it"
        yield ValueProblem("backup.external", message)
    if not mongodb.enabled and not mongodb.external:
        message = "needs mongodb.external: nobody can tell the connection from what is in your Secret"
        yield ValueProblem("backup.enabled", message)
    if mongodb.external and not backup.external:
        message = "is required where MongoDB runs elsewhere; give the username and password of a user that may read"
        yield ValueProblem("backup.external", message)
    account = backup.service_account
    if account.create is False and (account.annotations or account.labels):
        message = "has no effect with serviceAccount.create false: the account is yours, and so are its annotations"
        yield ValueProblem("backup.serviceAccount", message)
    if backup.etcd and values.coordination_backend != "etcd":
        message = f"has no effect with coordination.backend {values.coordination_backend}; remove it"
        yield ValueProblem("backup.etcd", message)

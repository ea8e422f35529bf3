"""mongod.conf as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import yaml

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.pod_paths import OWN
from constructs_st2.kube.documents import Document
from constructs_st2.kube.quantity import amount
from constructs_st2.kube.yaml_text import DUMPER
from constructs_st2.values.model.backends import Mongodb
from constructs_st2.values.model.kubernetes import ResourceRequirements

KEYFILE_DIRECTORY = f"{OWN}/keyfile"
KEYFILE = f"{KEYFILE_DIRECTORY}/keyfile"
CERTIFICATE = f"{KEYFILE_DIRECTORY}/mongod.pem"
"""The certificate and its key, which mongod wants in one file."""

_SHARE_OF_MEMORY = Decimal("0.4")
_SMALLEST_CACHE = Decimal("0.25")
"""MongoDB accepts no less (storage.wiredTiger.engineConfig.cacheSizeGB)."""

_GIBIBYTE = Decimal(2**30)


def mongod_conf(
    settings: Mongodb, *, data_path: str, port: int, cache_gigabytes: float, authority: str | None = None
) -> Document:
    """The configuration of every member, with the user's laid over it. All of it exists from MongoDB 4.4 to 8.

    With ``authority``, a file of certificates, nobody can connect without TLS. Members show each other their
    certificates then, and clients need none.

    Raises:
        InvalidValues: the user's settings touch what the set stands on.
    """
    own: Document = {
        "net": {"bindIpAll": True, "port": port},
        "replication": {"replSetName": settings.replica_set_name},
        # The key file turns authorization on by itself; it is said for those who read.
        "security": {"authorization": "enabled", "keyFile": KEYFILE},
        "storage": {
            "dbPath": data_path,
            # By default half of the memory of the node, not of the container, where no limit is set.
            "wiredTiger": {"engineConfig": {"cacheSizeGB": cache_gigabytes}},
        },
    }
    if authority:
        own["net"]["tls"] = {
            "mode": "requireTLS",
            "certificateKeyFile": CERTIFICATE,
            "CAFile": authority,
            "allowConnectionsWithoutCertificates": True,
        }
    ours = _OURS | {f"net.tls.{option}" for option in own["net"].get("tls", ())}
    problems = [
        ValueProblem(f"mongodb.configuration.{path}", "is what the replica set stands on, and cannot be changed here")
        for path in _paths(settings.configuration)
        if path in ours or path.startswith("processManagement")
    ]
    if problems:
        raise InvalidValues(*problems)
    return _laid_over(own, settings.configuration)


def cache_gigabytes(resources: ResourceRequirements) -> float:
    """The size of WiredTiger's cache: a part of the memory that the container may use."""
    memory = resources.get("limits", {}).get("memory") or resources.get("requests", {}).get("memory")
    if memory is None:
        return float(_SMALLEST_CACHE)
    return float(max(_SMALLEST_CACHE, round(amount(memory) / _GIBIBYTE * _SHARE_OF_MEMORY, 2)))


def written(conf: Mapping[str, Any]) -> str:
    """The text of the file."""
    text: str = yaml.dump(dict(conf), Dumper=DUMPER, sort_keys=False)
    return text


_OURS = frozenset(
    {
        "net.bindIp",
        "net.bindIpAll",
        "net.port",
        "replication.replSetName",
        "security.authorization",
        "security.keyFile",
        "storage.dbPath",
    }
)


def _paths(conf: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in conf.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _laid_over(below: Document, above: Mapping[str, Any]) -> Document:
    merged = dict(below)
    for name, value in above.items():
        inner = merged.get(name)
        merged[name] = _laid_over(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else value
    return merged

"""The Secrets of a cluster, which no manifest holds, for tests that run its pods."""

from __future__ import annotations

import hashlib

from servers.certificates import certificates_of

from constructs_st2.facts.backends.connections import secrets_conf
from constructs_st2.facts.backends.rabbitmq import definitions
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.secrets.composition import SecretPart, filled

_RAW = (contract.MONGODB, contract.RABBITMQ, contract.REDIS, contract.REDIS_METRICS)


def secrets_of(cluster: Cluster) -> dict[str, dict[str, str]]:
    """The Secrets of the backends, with certificates, and the one with st2's settings: name to keys and values."""

    def value(secret: str, key: str) -> str:
        """A password as the generator would make it: 32 letters and digits, another one for each key."""
        return hashlib.sha256(f"{secret}/{key}".encode()).hexdigest()[:32]

    made = {
        cluster.secret(spec): {key: value(cluster.secret(spec), key) for key in spec.keys}
        for spec in _RAW
        if spec.in_use(cluster.values)
    }
    if cluster.values.rabbitmq.enabled:
        name = cluster.secret(contract.RABBITMQ)
        password = SecretPart(name, contract.RABBITMQ_PASSWORD, "rabbitmq-hash")
        made[name][contract.DEFINITIONS] = filled(definitions(cluster.values.rabbitmq, password), value)
    conf = filled(secrets_conf(cluster.settings.connections), value)
    made[cluster.secret(contract.SETTINGS)] = {contract.SECRETS_CONF: conf}
    return {**made, **certificates_of(cluster)}

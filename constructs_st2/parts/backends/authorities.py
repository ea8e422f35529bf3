"""What pods check the certificates of backends with: of those that run elsewhere, and of the cluster's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from constructs_st2.facts.backends.connections import ca_path
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.secrets import contract
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model.backends import Authorities

_OWN = {
    "database": (contract.MONGODB_TLS,),
    "messaging": (contract.RABBITMQ_TLS,),
    "coordination": (contract.REDIS_TLS, contract.ETCD_TLS),
}


def authorities(cluster: Cluster) -> Mapping[str, Authorities]:
    """The certificates that connections are checked with, by the section of st2.conf."""
    values = cluster.values
    mongodb, rabbitmq = values.mongodb.external, values.rabbitmq.external
    coordination = values.coordination.external
    given = {
        "database": mongodb.tls.ca if mongodb else None,
        "messaging": rabbitmq.tls.ca if rabbitmq else None,
        "coordination": coordination.ca if coordination else None,
    }
    own = {
        section: Authorities.model_validate({"existingSecret": cluster.secret(spec), "key": contract.TLS_AUTHORITY})
        for section, specs in _OWN.items()
        for spec in specs
        if spec.in_use(values)
    }
    return {**{section: ca for section, ca in given.items() if ca}, **own}


def mounts(cluster: Cluster) -> list[Mount]:
    """The mounts that bring those certificates to a pod."""
    return [mount for section in authorities(cluster) for mount in mounts_of(section, cluster)]


def mounts_of(section: str, cluster: Cluster) -> list[Mount]:
    """The same for the connection of one section."""
    ca = authorities(cluster).get(section)
    return [Mount(_volume(f"ca-{section}", ca), str(PurePosixPath(ca_path(section, ca.key)).parent))] if ca else []


def _volume(name: str, ca: Authorities) -> Volume:
    items = [{"key": ca.key, "path": ca.key}]
    if ca.config_map:
        return Volume(name, {"configMap": {"name": ca.config_map, "items": items}})
    return Volume(name, {"secret": {"secretName": ca.existing_secret, "items": items}})

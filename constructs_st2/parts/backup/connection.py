"""How MongoDB's database tools reach the database, and as whom.

The connection string says where, options say who, and a file holds the password: arguments can be seen by others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from constructs_st2.facts.backends import MONGODB
from constructs_st2.facts.backends.connections import ca_path
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.pod_paths import SECRET_PATH
from constructs_st2.facts.secrets import contract
from constructs_st2.parts.backends import authorities as outside
from constructs_st2.parts.backends import tls
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model import Values
from constructs_st2.values.model.backends import ExternalMongodb
from constructs_st2.values.model.backup import ExternalUser

BACKUP_USER = "backup"
"""The user of the replica set that may read everything, and nothing else."""

PASSWORD_FILE = f"{SECRET_PATH}/password"


@dataclass(frozen=True)
class Connection:
    """Options for mongodump and mongorestore, and the files that they need.

    Args:
        options: where the server is, and who asks.
        secret: the Secret with the password.
        key: its key.
        authorities: what the server's certificate is checked with.
    """

    options: Sequence[str]
    secret: str
    key: str
    authorities: Sequence[Mount] = ()

    @property
    def mounts(self) -> list[Mount]:
        """Where the files are."""
        password = Volume.secret("password", self.secret, {self.key: "password"})
        return [Mount(password, SECRET_PATH), *self.authorities]


def database(values: Values) -> str:
    """StackStorm's database."""
    mongodb = values.mongodb
    return mongodb.external.database if mongodb.external else mongodb.auth.database


def is_of_the_whole_server(values: Values) -> bool:
    """Whether backups hold all databases and the oplog. Without the oplog they are of no single moment."""
    external = values.backup.external
    return external.whole_server if external else True


def to_dump(cluster: Cluster) -> Connection:
    """The connection of backups. The user needs no more than to read."""
    external = cluster.values.backup.external
    if external:
        return _external(external, cluster)
    return _replica_set(cluster, BACKUP_USER, contract.MONGODB_BACKUP_PASSWORD)


def to_restore(cluster: Cluster) -> Connection:
    """The connection of restores.

    In the cluster that of the administrator, who may replay the oplog like everybody with the role `restore`
    (https://jira.mongodb.org/browse/SERVER-25994).
    """
    external = cluster.values.backup.external
    if external and external.restore:
        return _external(external.restore, cluster)
    return _replica_set(cluster, cluster.values.mongodb.auth.root_user, contract.MONGODB_ROOT_PASSWORD)


def _replica_set(cluster: Cluster, user: str, key: str) -> Connection:
    settings = cluster.values.mongodb
    hosts = cluster.release.members(MONGODB.component, settings.replicas)
    addresses = ",".join(f"{host}:{MONGODB.port}" for host in hosts)
    uri = f"mongodb://{addresses}/?replicaSet={settings.replica_set_name}&authSource=admin"
    options = [f"--uri={uri}", f"--username={user}"]
    authorities = tls.client_mounts(contract.MONGODB_TLS, cluster)
    if authorities:
        options += ["--ssl", f"--sslCAFile={tls.AUTHORITY}"]
    return Connection(options, cluster.secret(contract.MONGODB), key, authorities)


def _external(user: ExternalUser, cluster: Cluster) -> Connection:
    mongodb = cluster.values.mongodb.external
    assert mongodb
    options = [f"--uri={mongodb.uri}", f"--username={user.username}"]
    if user.auth_source:
        options.append(f"--authenticationDatabase={user.auth_source}")
    options += _tls(mongodb)
    return Connection(options, user.password.existing_secret, user.password.key, _authorities(mongodb, cluster))


def _tls(mongodb: ExternalMongodb) -> list[str]:
    if not mongodb.tls.enabled and not mongodb.uri.startswith("mongodb+srv://"):
        return []
    return ["--ssl", *([f"--sslCAFile={ca_path('database', mongodb.tls.ca.key)}"] if mongodb.tls.ca else [])]


def _authorities(mongodb: ExternalMongodb, cluster: Cluster) -> list[Mount]:
    if not mongodb.tls.ca:
        return []
    folder = str(PurePosixPath(ca_path("database", mongodb.tls.ca.key)).parent)
    return [mount for mount in outside.mounts(cluster) if mount.path == folder]

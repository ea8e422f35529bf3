"""MongoDB: a replica set that forms by itself.

The members start empty; a container beside each server reconciles the set with what the manifests say (see
``scripts/reconcile.js``). The image's own initialisation is not used: it would give every member data of its own, and
MongoDB refuses to join members that have data.
"""

from __future__ import annotations

import json

from constructs_st2.errors import InvalidValues, ValueProblem
from constructs_st2.facts.backends import MONGODB
from constructs_st2.facts.backends.connections import SCALER_USER
from constructs_st2.facts.backends.upgrades import COMPATIBILITY_ANNOTATION, REPLICA_SET_ANNOTATION, version_in
from constructs_st2.facts.backends.upgrades import MONGODB as MONGODB_UPGRADES
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import Image
from constructs_st2.facts.pod_paths import CONFIG_PATH, OWN, SECRET_PATH, STATE_PATH
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.work import COUNTED_COLLECTIONS
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.backends import looking, tls
from constructs_st2.parts.backends.member_set import MemberSet, config_mount, data_mount, scripts_mount, secret_mount
from constructs_st2.parts.backends.mongodb.config import (
    KEYFILE_DIRECTORY,
    cache_gigabytes,
    mongod_conf,
    written,
)
from constructs_st2.parts.backends.server import Server, Version
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.variables import POD_NAME, env_of_secret, env_text
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model import Values

SERVER = Server(
    key="mongodb",
    name="MongoDB",
    repository="docker.io/library/mongo",
    oldest=Version(4, 4),
)
UID = 999
"""The user `mongodb` of the image."""

MONGOD_CONF = "mongod.conf"
REPLICA_SET = "replica-set.json"
DATA_PATH = "/data/db"
SCALER_SECRET_PATH = f"{OWN}/autoscaling-secret"

_METRICS_ROLE = "st2-metrics"
_METRICS_PRIVILEGES: list[Document] = [
    {
        "resource": {"cluster": True},
        "actions": ["connPoolStats", "getCmdLineOpts", "replSetGetStatus", "serverStatus"],
    },
    {"resource": {"db": "local", "collection": "oplog.rs"}, "actions": ["collStats"]},
]
"""What getDiagnosticData and replSetGetStatus need (ftdc_commands.cpp of MongoDB), and no document of anybody. Its
own role `clusterMonitor` reads the oplog, which has all that is written, tokens among it."""
_SCALER_ROLE = "st2-autoscaling"

_KEYFILE = Volume.scratch_in_memory("keyfile")
_STATE = Volume.scratch_in_memory("state")
_TMP = Mount(Volume.scratch("tmp"), "/tmp", writable=True)

_PREPARE = "prepare.sh"
_RECONCILE = "reconcile.sh"
_READY = "ready.sh"


def member_set(cluster: Cluster) -> MemberSet:
    """The members of the replica set.

    Raises:
        InvalidValues: the image or the configuration cannot be used.
    """
    settings = cluster.values.mongodb
    version = SERVER.version(settings, cluster)
    conf = mongod_conf(
        settings,
        data_path=DATA_PATH,
        port=MONGODB.port,
        cache_gigabytes=cache_gigabytes(settings.resources),
        authority=tls.AUTHORITY if contract.MONGODB_TLS.in_use(cluster.values) else None,
    )
    # What members and users there are is read again and again: another number of members restarts none of them.
    config = config_mount(MONGODB, cluster.release, fingerprint(conf))
    return MemberSet(
        backend=MONGODB,
        version=version,
        notes=_notes(cluster.values, version),
        settings=settings,
        uid=UID,
        # A primary that is told to stop hands over by itself, and then waits up to 15 s for its clients to move on.
        grace=90,
        containers=[_server(config, cluster), _reconciler(config, cluster), *_exporter(cluster)],
        init_containers=[_preparation(cluster)],
        client_ports={"mongodb": MONGODB.port},
        config={MONGOD_CONF: written(conf), REPLICA_SET: _replica_set(cluster)},
        scripts={**scripts.texts("constructs_st2.parts.backends.mongodb.scripts"), **looking.SCRIPTS},
    )


def _server(config: Mount, cluster: Cluster) -> Container:
    settings = cluster.values.mongodb
    return Container(
        name="mongodb",
        image=SERVER.image(settings, cluster),
        command=["mongod"],
        args=["--config", f"{CONFIG_PATH}/{MONGOD_CONF}"],
        ports={"mongodb": MONGODB.port},
        resources=settings.resources,
        probes=_probes(),
        mounts=[
            data_mount(settings, DATA_PATH),
            Mount(_KEYFILE, KEYFILE_DIRECTORY),
            Mount(_STATE, STATE_PATH),
            config,
            scripts_mount(MONGODB, cluster.release),
            # The image declares it a volume; the runtime would make one on the node's disk.
            Mount(Volume.scratch("configdb"), "/data/configdb", writable=True),
            _TMP,
            *tls.client_mounts(contract.MONGODB_TLS, cluster),
        ],
    )


def _reconciler(config: Mount, cluster: Cluster) -> Container:
    """Makes the set what the manifests say."""
    settings = cluster.values.mongodb
    return Container(
        name="reconcile",
        image=SERVER.image(settings, cluster),
        command=scripts.command(_RECONCILE),
        # The shell keeps its history and settings in the home directory.
        env=[POD_NAME, env_text("HOME", "/tmp")],
        resources=cluster.values.helper_resources.of("reconcile"),
        probes=looking.probes(f"{STATE_PATH}/looked"),
        mounts=[
            config,
            scripts_mount(MONGODB, cluster.release),
            _secrets(cluster),
            *_scaler_secret(cluster),
            Mount(_STATE, STATE_PATH, writable=True),
            # For the note of the formats beside the data; see data_guard.
            data_mount(settings, DATA_PATH),
            _TMP,
            *tls.client_mounts(contract.MONGODB_TLS, cluster),
        ],
    )


def _preparation(cluster: Cluster) -> Container:
    """Writes the key file, and the certificate, as mongod wants them."""
    return Container(
        name="prepare",
        image=SERVER.image(cluster.values.mongodb, cluster),
        command=scripts.command(_PREPARE),
        resources=cluster.values.helper_resources.of("scripts"),
        mounts=[
            scripts_mount(MONGODB, cluster.release),
            _secrets(cluster),
            Mount(_KEYFILE, KEYFILE_DIRECTORY, writable=True),
            *tls.server_mounts(contract.MONGODB_TLS, cluster),
        ],
    )


def _secrets(cluster: Cluster) -> Mount:
    return secret_mount(contract.MONGODB, list(contract.MONGODB.keys), cluster)


def _notes(values: Values, version: Version) -> dict[str, str]:
    """What a plan has to know of the set.

    Raises:
        InvalidValues: the version cannot have that featureCompatibilityVersion.
    """
    notes = {REPLICA_SET_ANNOTATION: values.mongodb.replica_set_name}
    wanted = values.mongodb.feature_compatibility_version
    held = version_in(wanted) if wanted else None
    if held is None:
        return notes
    if held > version or not MONGODB_UPGRADES.reads(held, version):
        message = (
            f"MongoDB {version} does not start with {held}: it can have that of its own version, or of the one before"
        )
        raise InvalidValues(ValueProblem("mongodb.featureCompatibilityVersion", message))
    return {**notes, COMPATIBILITY_ANNOTATION: str(held)}


def _probes() -> dict[str, Document]:
    """A restart never helps a member that others do not hear: liveness asks for no more than an open port.

    Asking a server itself starts a shell, which costs 0.6 s of CPU; the container beside it keeps one running and
    writes down what the server says.
    """
    listens = {"tcpSocket": {"port": "mongodb"}}
    return {
        # Replaying the journal of a big database takes its time.
        "startupProbe": {**listens, "periodSeconds": 5, "failureThreshold": 360},
        "livenessProbe": {**listens, "periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 6},
        "readinessProbe": {"exec": {"command": scripts.command(_READY)}, "periodSeconds": 10, "timeoutSeconds": 5},
    }


def _replica_set(cluster: Cluster) -> str:
    """The members and users that the set should have."""
    settings = cluster.values.mongodb
    auth = settings.auth
    database = auth.database

    def user(name: str, home: str, password: str, roles: dict[str, str], folder: str = SECRET_PATH) -> Document:
        return {
            "name": name,
            "database": home,
            "roles": [{"role": role, "db": on} for role, on in roles.items()],
            "passwordFile": f"{folder}/{password}",
        }

    wanted: Document = {
        "set": settings.replica_set_name,
        "members": [f"{host}:{MONGODB.port}" for host in cluster.release.members(MONGODB.component, settings.replicas)],
        "database": database,
        "root": {"name": auth.root_user, "passwordFile": f"{SECRET_PATH}/{contract.MONGODB_ROOT_PASSWORD}"},
        "users": [
            # Every service of st2 makes and drops indexes when it starts, which readWrite does not allow.
            user(auth.username, database, contract.MONGODB_PASSWORD, {"readWrite": database, "dbAdmin": database}),
            user("backup", "admin", contract.MONGODB_BACKUP_PASSWORD, {"backup": "admin"}),
            user("metrics", "admin", contract.MONGODB_METRICS_PASSWORD, {_METRICS_ROLE: "admin"}),
        ],
        "roles": [{"name": _METRICS_ROLE, "privileges": _METRICS_PRIVILEGES}],
    }
    if settings.feature_compatibility_version:
        wanted["featureCompatibilityVersion"] = settings.feature_compatibility_version
    if contract.MONGODB_AUTOSCALING.in_use(cluster.values):
        password = contract.MONGODB_AUTOSCALING_PASSWORD
        wanted["users"].append(user(SCALER_USER, "admin", password, {_SCALER_ROLE: "admin"}, SCALER_SECRET_PATH))
        counting = [
            {"resource": {"db": database, "collection": collection}, "actions": ["find"]}
            for collection in COUNTED_COLLECTIONS
        ]
        wanted["roles"].append({"name": _SCALER_ROLE, "privileges": counting})
    return json.dumps(wanted, indent=2) + "\n"


def _scaler_secret(cluster: Cluster) -> list[Mount]:
    """The password of the user by whom KEDA looks at StackStorm's work, where it does."""
    secret = contract.MONGODB_AUTOSCALING
    if not secret.in_use(cluster.values):
        return []
    volume = Volume.secret("autoscaling-secret", cluster.secret(secret), {key: key for key in secret.keys})
    return [Mount(volume, SCALER_SECRET_PATH)]


def _exporter(cluster: Cluster) -> list[Container]:
    metrics = cluster.values.mongodb.metrics
    if not cluster.values.monitoring.exports(metrics.enabled):
        return []
    # The exporter reads no file with a password (main.go of mongodb_exporter).
    password = env_of_secret(
        "MONGODB_METRICS_PASSWORD", cluster.secret(contract.MONGODB), contract.MONGODB_METRICS_PASSWORD
    )
    uri = f"mongodb://metrics:$(MONGODB_METRICS_PASSWORD)@127.0.0.1:{MONGODB.port}/admin?directConnection=true"
    authority = tls.client_mounts(contract.MONGODB_TLS, cluster)
    if authority:
        uri += f"&tls=true&tlsCAFile={tls.AUTHORITY}"
    image: Image = cluster.images.other(metrics.image)
    return [
        Container(
            name="metrics",
            image=image,
            # All collectors together ask for statistics of every collection, which is heavy on a big database.
            args=[
                "--collector.replicasetstatus",
                "--collector.diagnosticdata",
                f"--web.listen-address=:{MONGODB.metrics_port}",
            ],
            env=[password, env_text("MONGODB_URI", uri)],
            ports={"metrics": MONGODB.metrics_port},
            resources=metrics.resources,
            mounts=authority,
        )
    ]

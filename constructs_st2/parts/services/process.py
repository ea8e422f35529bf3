"""What runs in the main container of a service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from constructs_st2.facts.catalogue import CatalogueEntry, Need, Probes
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.pod_paths import CONF_DIRECTORY, home_of
from constructs_st2.facts.secrets import contract
from constructs_st2.facts.st2_conf.settings import DOCKER_CONF, USER_CONF
from constructs_st2.facts.timing import stop_timing
from constructs_st2.kube.documents import Document
from constructs_st2.parts.backends import authorities as outside
from constructs_st2.parts.backends import payload
from constructs_st2.parts.pods.pod import Container
from constructs_st2.parts.pods.scripts import command
from constructs_st2.parts.pods.variables import SEARCH_PATH
from constructs_st2.parts.pods.volumes import READABLE_BY_GROUP, Mount, Volume
from constructs_st2.parts.services import internal_tls
from constructs_st2.parts.services.contents import mounts_of
from constructs_st2.parts.services.scripts import CONNECTED, NOT_STUCK, START_REGISTERED
from constructs_st2.parts.services.stopping import stoppable
from constructs_st2.parts.services.users import name_mounts, user_of_service
from constructs_st2.parts.services.waiting import endpoint, scripts_mount
from constructs_st2.values.model.services import EnvValue, Service

CONFIG_MAP = "st2-config"
"""The ConfigMap with the settings of all services, and the volume of it."""
USER_SECRETS_CONF = "st2.user.secrets.conf"
USUAL_START = 10
"""Seconds after which a service listens, or is connected to the message bus. Three to six were measured."""
HEARD_AFTER = 5
"""Seconds besides its grace period until a pod that is to end has ended, at most: its kubelet must hear of it."""


class Process(NamedTuple):
    """The main container of a service, as far as the service decides it.

    ``reads`` holds fingerprints of what is read at the start and is not a volume; another one rolls the pods.
    ``beside`` runs in the same pod.
    """

    command: Sequence[str]
    args: Sequence[str] = ()
    env: Mapping[str, EnvValue] = {}
    env_from: Sequence[Document] = ()
    ports: Mapping[str, int] = {}
    mounts: Sequence[Mount] = ()
    probes: Mapping[str, Document] = {}
    reads: Mapping[str, str] = {}
    beside: Sequence[Container] = ()


def st2_process(
    entry: CatalogueEntry,
    cluster: Cluster,
    *,
    args: Sequence[str] = (),
    conf: Sequence[Mount] = (),
    component: str | None = None,
    settings: Service | None = None,
) -> Process:
    """A Python service of st2: reads st2.conf, and whatever the catalogue says.

    Args:
        entry: the service.
        cluster: the cluster that it belongs to.
        args: further arguments.
        conf: further files for ``--config-file``, which win over the ConfigMap's but not over those from Secrets.
        component: whose process it is, where the service has several.
        settings: its values, where they are not those of the service.
    """
    configuration = configured(entry.name, cluster, conf)
    home = home_of(cluster.values)
    settings = settings or getattr(cluster.values, entry.name)
    program = _program(entry, cluster, component or entry.name, settings)
    return Process(
        command=[*cluster.values.image.entrypoint, *stoppable(program, entry.stop, entry, cluster.values)],
        args=[*configuration.args, *args],
        env={**({"HOME": home} if entry.writes_home else {}), **configuration.env},
        ports={"http": entry.port} if entry.port else {},
        mounts=[*configuration.mounts, *_content_mounts(entry, settings, cluster)],
        probes=_probes(entry, cluster),
    )


def _content_mounts(entry: CatalogueEntry, settings: Service, cluster: Cluster) -> Iterator[Mount]:
    """Where a service finds and leaves files, besides its settings."""
    for content in entry.contents:
        yield from mounts_of(content, cluster, manages_packs=entry.manages_packs)
    yield from scratch(home_of(cluster.values) if entry.writes_home else None)
    yield from name_mounts(user_of_service(entry, settings, cluster), settings, cluster)
    if _runs_scripts(entry, cluster):
        yield scripts_mount(cluster.release)


def _program(entry: CatalogueEntry, cluster: Cluster, component: str, settings: Service) -> list[str]:
    """What runs, and takes its arguments from ``Process.args``."""
    if not entry.registered_as:
        return [entry.command]
    alone: Sequence[object] = ()
    if entry.is_single and cluster.values.coordination_backend != "none":
        longest = stop_timing(entry, settings).grace + HEARD_AFTER
        alone = ("--alone", longest, cluster.release.named(component))
    return command(START_REGISTERED, *alone, entry.registered_as, entry.command)


class Configured(NamedTuple):
    """By what a program of st2 finds its settings and reaches its backends."""

    args: Sequence[str]
    env: Mapping[str, str]
    mounts: Sequence[Mount]


def configured(reader: str, cluster: Cluster, conf: Sequence[Mount] = ()) -> Configured:
    """The settings of a service, or of a program that is none and reads what all services do."""
    files = [*_public_conf(reader, cluster), *conf, *_secret_conf(cluster)]
    library = payload.mounts(cluster)
    paths = [f"{CONF_DIRECTORY}/st2.conf", *(mount.path for mount in files)]
    return Configured(
        args=[f"--config-file={path}" for path in paths],
        env={**({SEARCH_PATH: library[0].path} if library else {}), **internal_tls.client_env(cluster.values)},
        mounts=[*files, *outside.mounts(cluster), *internal_tls.authority_mounts(cluster), *library],
    )


def scratch(home: str | None = None) -> list[Mount]:
    """What a process may write to: its root is read-only."""
    mounts = [Mount(Volume.scratch("tmp"), "/tmp", writable=True)]
    return [Mount(Volume.scratch("home"), home, writable=True), *mounts] if home else mounts


def _public_conf(service: str, cluster: Cluster) -> list[Mount]:
    fingerprint = cluster.settings.fingerprint(service)
    volume = Volume.config_map(CONFIG_MAP, cluster.release.named(CONFIG_MAP), fingerprint=fingerprint)
    # Single files: a volume over the whole directory would hide the image's st2.conf and logging settings.
    return [Mount(volume, f"{CONF_DIRECTORY}/{file}", sub_path=file) for file in (DOCKER_CONF, USER_CONF)]


def _secret_conf(cluster: Cluster) -> list[Mount]:
    ours, key = contract.SETTINGS, contract.SECRETS_CONF
    mounts = [_secret_file(ours.component, cluster.secret(ours), key, f"{CONF_DIRECTORY}/{key}")]
    if own := cluster.values.st2.existing_config_secret:
        mounts.append(_secret_file("st2-user-secrets-conf", own, key, f"{CONF_DIRECTORY}/{USER_SECRETS_CONF}"))
    return mounts


def _secret_file(volume: str, secret: str, key: str, path: str) -> Mount:
    source = {"secret": {"secretName": secret, "defaultMode": READABLE_BY_GROUP}}
    return Mount(Volume(volume, source, secret_at_start=secret), path, sub_path=key)


def _runs_scripts(entry: CatalogueEntry, cluster: Cluster) -> bool:
    return bool(entry.registered_as) or entry.stop != "TERM" or bool(_probes(entry, cluster))


def _probes(entry: CatalogueEntry, cluster: Cluster) -> dict[str, Document]:
    match entry.probes:
        case Probes.AUTH:
            if internal_tls.is_on(cluster.values):
                return _probes_within("GET", entry, "/v1/sso")
            return http_probes({"httpGet": {"path": "/v1/sso", "port": "http"}})
        case Probes.OPTIONS:
            return _probes_within("OPTIONS", entry, entry.path)
        case Probes.MESSAGING:
            return {**connected(Need.MESSAGING, cluster), **not_stuck(entry.command)}
        case Probes.DATABASE:
            return {**connected(Need.DATABASE, cluster), **not_stuck(entry.command)}
        case Probes.OWN:
            return {}


def connected(need: Need, cluster: Cluster) -> dict[str, Document]:
    """The readiness probe of a program that serves no port; none where it is connected to what others run."""
    backend = endpoint(need, cluster)
    if backend is None:
        return {}
    check = {"exec": {"command": command(CONNECTED, backend.port)}, "periodSeconds": 10, "timeoutSeconds": 5}
    return {"readinessProbe": {"initialDelaySeconds": USUAL_START, **check}}


def not_stuck(program: str) -> dict[str, Document]:
    """The liveness probe of a program that serves no port: one that has done nothing for ten minutes hangs.

    A look can find nothing but once in a minute; and where the processor is short, one that takes too long is a failure
    of the probe, and none of the program.
    """
    check = {"exec": {"command": command(NOT_STUCK, program)}}
    return {"livenessProbe": {**check, "periodSeconds": 120, "timeoutSeconds": 30, "failureThreshold": 5}}


def _probes_within(method: str, entry: CatalogueEntry, path: str) -> dict[str, Document]:
    """Those of a service that does not answer the kubelet, asked in its container."""
    curl = ["curl", "-fsS", "-m", "4", "-o", "/dev/null", "-X", method, f"http://127.0.0.1:{entry.port}{path}"]
    return http_probes({"exec": {"command": curl}})


def http_probes(check: Document, *, usual_start: int = USUAL_START) -> dict[str, Document]:
    """The three probes of a service that answers requests.

    A service builds the indexes of the database before it listens, which takes minutes on a big one: the startup
    probe allows ten. Before it has had ``usual_start`` seconds it is not asked, for each answer that fails is an event
    of the type Warning. A busy event loop may miss some liveness checks; two minutes of silence are a hang.
    """
    return {
        "startupProbe": {
            "initialDelaySeconds": usual_start,
            **check,
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 120,
        },
        "livenessProbe": {**check, "periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 6},
        "readinessProbe": {**check, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 2},
    }

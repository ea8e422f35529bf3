"""The one builder of backends: members of a cluster that form it by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from constructs_st2.facts.backends import Backend
from constructs_st2.facts.backends.upgrades import ACCEPTED_ANNOTATION, VERSION_ANNOTATION, Version
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import Image
from constructs_st2.facts.node_loss import keepalive
from constructs_st2.facts.pod_paths import CONFIG_PATH, SECRET_PATH
from constructs_st2.facts.release import Release
from constructs_st2.facts.secrets.spec import SecretSpec
from constructs_st2.kube.builders import config_map, disruption_budget
from constructs_st2.kube.documents import Document
from constructs_st2.kube.well_known import HOST_LABEL
from constructs_st2.parts.backends.data_guard import guard as data_guard
from constructs_st2.parts.pods import scripts
from constructs_st2.parts.pods.placement import preferably_apart, spread_constraints
from constructs_st2.parts.pods.pod import Container, extra_mounts, pod_spec, probes, template_of_pods, with_room
from constructs_st2.parts.pods.rolling import checksums, files_at_start, reloader_annotation
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid, restricted_pod
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.values.model import Values
from constructs_st2.values.model.backends import Members


class MemberSet(NamedTuple):
    """The members of a backend, and all that they need.

    The first container is the server; the user's settings of probes and volumes are about it. ``grace`` is the time
    to stop in seconds, unless the user sets another. ``steady`` is how long a new member must have been ready before
    the next one may stop. ``version`` is that of the server, ``notes``
    what else plans compare: annotations of the StatefulSet. ``has_shell``: the image of the server has one.
    """

    backend: Backend
    version: Version
    settings: Members
    uid: int
    grace: int
    containers: Sequence[Container]
    init_containers: Sequence[Container] = ()
    client_ports: Mapping[str, int] = {}
    peer_ports: Mapping[str, int] = {}
    config: Mapping[str, str] = {}
    scripts: Mapping[str, str] = {}
    steady: int = 10
    notes: Mapping[str, str] = {}
    has_shell: bool = True

    @property
    def component(self) -> str:
        """Its name in the cluster."""
        return self.backend.component

    @property
    def image(self) -> Image:
        """The image of the server."""
        return self.containers[0].image


def members_file(hosts: Iterable[str]) -> dict[str, str]:
    """The file of a configuration by which scripts know who the members are."""
    return {"members": "".join(f"{host}\n" for host in hosts)}


def config_mount(backend: Backend, release: Release, fingerprint: str | None) -> Mount:
    """The configuration of a backend. ``fingerprint`` stands for what members read only when they start."""
    name = release.named(_config_name(backend))
    return Mount(Volume.config_map("config", name, fingerprint=fingerprint), CONFIG_PATH)


def scripts_mount(backend: Backend, release: Release) -> Mount:
    """The scripts of a backend. They are read when they run, so a change of one rolls nothing."""
    return Mount(Volume.config_map("scripts", release.named(_scripts_name(backend))), scripts.MOUNT_PATH)


def secret_mount(secret: SecretSpec, keys: Sequence[str], cluster: Cluster) -> Mount:
    """Some keys of the Secret of a backend, as files of the same names."""
    return Mount(Volume.secret("secret", cluster.secret(secret), {key: key for key in keys}), SECRET_PATH)


def data_mount(settings: Members, path: str) -> Mount:
    """Where a member keeps its data."""
    persistence = settings.persistence
    volume = Volume.claimed("data") if persistence.enabled else Volume.scratch("data", persistence.size)
    return Mount(volume, path, writable=True)


def documents(members: MemberSet, cluster: Cluster) -> list[Document]:
    """The objects of a backend, in the order in which they are applied."""
    selector = cluster.release.selector(members.component)
    made = []
    if members.config:
        made.append(config_map(_metadata(members, cluster.release, _config_name(members.backend)), members.config))
    texts = {**members.scripts, **(data_guard.texts() if members.settings.persistence.enabled else {})}
    if texts:
        made.append(config_map(_metadata(members, cluster.release, _scripts_name(members.backend)), texts))
    made += [
        _headless_service(members, cluster.release),
        _client_service(members, cluster.release),
        stateful_set(members, cluster),
    ]
    if members.settings.replicas > 1:
        made.append(disruption_budget(_metadata(members, cluster.release), selector))
    return made


def stateful_set(members: MemberSet, cluster: Cluster) -> Document:
    """The StatefulSet of a backend."""
    settings = members.settings
    metadata = _metadata(members, cluster.release)
    annotations = {VERSION_ANNOTATION: str(members.version), **members.notes, **settings.annotations}
    if settings.persistence.accept_data_of:
        annotations[ACCEPTED_ANNOTATION] = settings.persistence.accept_data_of
    if cluster.values.secrets.reloader:
        # Certificates, not passwords: for another password members must not restart one after the other.
        files = [name for each in (*members.containers, *members.init_containers) for name in files_at_start(each)]
        annotations = {**reloader_annotation(files), **annotations}
    metadata["annotations"] = annotations
    retention = settings.persistence.retention
    spec: Document = {
        "serviceName": cluster.release.headless(members.component),
        "replicas": settings.replicas,
        # One after the other would never come up again after all were lost: the first waits for a majority.
        "podManagementPolicy": "Parallel",
        "minReadySeconds": members.steady,
        "revisionHistoryLimit": 5,
        "updateStrategy": {"type": "RollingUpdate"},
        "selector": {"matchLabels": cluster.release.selector(members.component)},
        "template": _template(members, cluster),
    }
    if settings.persistence.enabled:
        spec["persistentVolumeClaimRetentionPolicy"] = {
            "whenDeleted": retention.when_deleted,
            "whenScaled": retention.when_scaled,
        }
        spec["volumeClaimTemplates"] = [_claim(members, cluster.release)]
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


def _config_name(backend: Backend) -> str:
    return f"{backend.component}-config"


def _scripts_name(backend: Backend) -> str:
    return f"{backend.component}-scripts"


def _labels(members: MemberSet, release: Release) -> dict[str, str]:
    labels = release.labels(members.component, members.backend.role, version=members.image.version)
    return {**members.settings.labels, **labels}


def _metadata(members: MemberSet, release: Release, name: str | None = None) -> Document:
    return {
        "name": release.named(name or members.component),
        "namespace": release.namespace,
        "labels": _labels(members, release),
    }


def _template(members: MemberSet, cluster: Cluster) -> Document:
    settings = members.settings
    main, *others = members.containers
    main = main._replace(probes=probes(settings, main.probes), extra_mounts=extra_mounts(settings))
    if not settings.persistence.enabled:
        main = main._replace(resources=with_room(main.resources, settings.persistence.size))
    security = overlaid(RESTRICTED_CONTAINER, settings.security_context)
    containers = [each._replace(security=security) for each in (main, *others)]
    init_containers = [
        each._replace(security=security) for each in (*_guards(members, cluster), *members.init_containers)
    ]
    selector = cluster.release.selector(members.component)
    annotations = {**_scraped(members, cluster.values), **settings.annotations, **checksums(containers)}
    grace = settings.termination_grace_period_seconds
    spec = pod_spec(
        settings,
        containers,
        init_containers,
        security={**restricted_pod(members.uid), **keepalive(cluster.values)},
        grace=members.grace if grace is None else grace,
        spread=spread_constraints(settings, selector),
        affinity=settings.affinity or _apart(settings, selector),
    )
    return template_of_pods(_labels(members, cluster.release), annotations, spec)


def _guards(members: MemberSet, cluster: Cluster) -> list[Container]:
    """What stops a member before it touches data that it cannot read. Without volumes, it has none."""
    if not members.settings.persistence.enabled:
        return []
    image = members.image if members.has_shell else cluster.images.utility()
    accepted = members.settings.persistence.accept_data_of
    guard = data_guard.container(members.component, members.version, accepted, image, cluster)
    mounts = [data_mount(members.settings, data_guard.PATH), scripts_mount(members.backend, cluster.release)]
    return [guard._replace(mounts=mounts)]


def _scraped(members: MemberSet, values: Values) -> dict[str, str]:
    if not values.monitoring.enabled:
        return {}
    from constructs_st2.facts.monitoring import scrape_annotations

    return scrape_annotations(members.component, values)


def _apart(settings: Members, selector: Mapping[str, str]) -> Document | None:
    """Members on different hosts."""
    if settings.replicas < 2:
        return None
    members: Document = {"matchLabels": {**selector}}
    if settings.pod_anti_affinity_preset == "hard":
        term = {"labelSelector": members, "topologyKey": HOST_LABEL}
        return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    return preferably_apart(members)


def _claim(members: MemberSet, release: Release) -> Document:
    """The claim template, which cannot be changed later: nothing versioned goes in."""
    persistence = members.settings.persistence
    metadata: Document = {
        "name": "data",
        "labels": {**persistence.labels, **release.labels(members.component, members.backend.role)},
    }
    if persistence.annotations:
        metadata["annotations"] = dict(persistence.annotations)
    spec: Document = {
        "accessModes": list(persistence.access_modes),
        "resources": {"requests": {"storage": persistence.size}},
    }
    if persistence.storage_class is not None:
        spec["storageClassName"] = persistence.storage_class
    # The API server adds apiVersion and kind; with them here, Argo CD finds no difference.
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def _headless_service(members: MemberSet, release: Release) -> Document:
    """Names for members. They must find each other before any of them is ready."""
    return _service(
        members,
        release,
        release.headless(members.component),
        {"clusterIP": "None", "publishNotReadyAddresses": True},
        {**members.client_ports, **members.peer_ports},
    )


def _client_service(members: MemberSet, release: Release) -> Document:
    """An address at which only members answer that are ready."""
    return _service(members, release, release.named(members.component), {"type": "ClusterIP"}, members.client_ports)


def _service(members: MemberSet, release: Release, name: str, fields: Document, ports: Mapping[str, int]) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": release.namespace,
            "labels": release.labels(members.component, members.backend.role),
        },
        "spec": {
            **fields,
            "selector": release.selector(members.component),
            "ports": [{"name": port, "port": number, "targetPort": port} for port, number in ports.items()],
        },
    }

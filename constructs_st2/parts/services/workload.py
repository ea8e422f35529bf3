"""The one builder: a service of the catalogue, its values and its process become Kubernetes objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from constructs_st2.facts.catalogue import CATALOGUE, CatalogueEntry, Content, Rollout
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import NODES, ST2_UID, Image, Images
from constructs_st2.facts.node_loss import keepalive
from constructs_st2.facts.release import CHECKSUM_ANNOTATION, Release
from constructs_st2.facts.timing import stop_timing
from constructs_st2.kube.builders import config_map, disruption_budget
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.kube.well_known import HOST_LABEL, INSTANCE_LABEL
from constructs_st2.parts import packs
from constructs_st2.parts.pods.placement import spread_constraints, spread_over
from constructs_st2.parts.pods.pod import Container, dns_config, extra_mounts, pod_spec, probes, template_of_pods
from constructs_st2.parts.pods.rolling import checksums, reloader_annotation, secrets_at_start
from constructs_st2.parts.pods.security import RESTRICTED_CONTAINER, overlaid, restricted_pod
from constructs_st2.parts.pods.variables import env_of_secrets, environment
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.parts.services.process import Process
from constructs_st2.parts.services.users import user_of_service
from constructs_st2.parts.services.waiting import wait_containers
from constructs_st2.values.model import Values
from constructs_st2.values.model.pods import ONE_OF_MANY_STAYS, SINGLE_STAYS
from constructs_st2.values.model.services import Service

POST_START_PATH = "/opt/constructs-st2-post-start"
POST_START_FILE = "post-start.sh"


@dataclass(frozen=True)
class Workload:
    """A Deployment to be: which service, under which values, as which component.

    Most services are one component of the same name; sensors can be several. ``role_annotations`` describe the part
    that this component plays. ``preparing_security`` is that of the init containers that bring packs.
    """

    entry: CatalogueEntry
    settings: Service
    process: Process
    component: str
    role_annotations: Mapping[str, str] = field(default_factory=dict)
    pod_security: Document = field(default_factory=dict)
    preparing_security: Document = field(default_factory=dict)
    container_security: Document = field(default_factory=dict)

    @property
    def replicas(self) -> int:
        """Number of pods; where an autoscaler decides it, the least."""
        return self.settings.least_replicas


def deployment(workload: Workload, cluster: Cluster) -> Document:
    """The Deployment of a workload."""
    selector = cluster.release.selector(workload.component)
    main = _main_container(workload, cluster)
    metadata = _metadata(workload, cluster)
    if cluster.values.secrets.reloader and (reloading := _reloading(workload, main)):
        metadata["annotations"] = {**reloading, **metadata.get("annotations", {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            # A number here would be set again at every apply, whatever the autoscaler has made of it.
            **({} if workload.settings.scaler else {"replicas": workload.replicas}),
            "revisionHistoryLimit": 5,
            "selector": {"matchLabels": selector},
            "strategy": _strategy(workload.entry.rollout, workload.replicas),
            "template": _template(workload, cluster, main),
        },
    }


def _reloading(workload: Workload, main: Container) -> dict[str, str]:
    return reloader_annotation(name for each in (main, *workload.process.beside) for name in secrets_at_start(each))


def budget(workload: Workload, cluster: Cluster) -> Document | None:
    """The disruption budget; None for a single pod, which a budget could only make undrainable."""
    if workload.replicas < 2:
        return None
    selector = cluster.release.selector(workload.component)
    return disruption_budget(_metadata(workload, cluster, annotated=False), selector)


def post_start_script(workload: Workload, cluster: Cluster) -> Document | None:
    """The ConfigMap with the user's post-start script, if there is one."""
    if not workload.settings.post_start_script:
        return None
    metadata = _metadata(workload, cluster, annotated=False)
    metadata["name"] = _post_start_name(workload, cluster.release)
    return config_map(metadata, {POST_START_FILE: workload.settings.post_start_script})


def _post_start_name(workload: Workload, release: Release) -> str:
    return release.named(f"{workload.component}-post-start-script")


def _labels(workload: Workload, cluster: Cluster) -> dict[str, str]:
    entry = workload.entry
    version = _image(workload, cluster.images).version
    labels = cluster.release.labels(workload.component, entry.role, app=entry.name, version=version)
    return {**workload.settings.labels, **labels}


def _metadata(workload: Workload, cluster: Cluster, *, annotated: bool = True) -> Document:
    metadata: Document = {
        "name": cluster.release.named(workload.component),
        "namespace": cluster.release.namespace,
        "labels": _labels(workload, cluster),
    }
    if annotated and workload.settings.annotations:
        metadata["annotations"] = dict(workload.settings.annotations)
    return metadata


def _strategy(rollout: Rollout, replicas: int) -> Document:
    match rollout:
        case "recreate":
            return {"type": "Recreate"}
        case "surge":
            return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        case "replace-one":
            # A runner that stops hands its work to nobody: it needs another one registered to be allowed to finish.
            return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": int(replicas > 1)}}


def _template(workload: Workload, cluster: Cluster, main: Container) -> Document:
    annotations = {
        **workload.settings.annotations,
        **workload.role_annotations,
        **checksums([main, *workload.process.beside]),
        **{f"{CHECKSUM_ANNOTATION}{name}": value for name, value in workload.process.reads.items()},
    }
    return template_of_pods(_labels(workload, cluster), annotations, _pod_spec(workload, cluster, main))


def _pod_spec(workload: Workload, cluster: Cluster, main: Container) -> Document:
    settings, values = workload.settings, cluster.values
    attached = settings.service_account.attach
    return pod_spec(
        settings,
        [main, *workload.process.beside],
        [*wait_containers(workload.entry.needs, cluster), *_packs(workload, main.image, cluster)],
        security=overlaid(
            restricted_pod(user_of_service(workload.entry, settings, cluster), ST2_UID),
            keepalive(values),
            workload.pod_security,
            values.pod_security_context,
        ),
        grace=stop_timing(workload.entry, settings).grace,
        spread=_spread(workload, cluster.release),
        stays=_stays(workload, values),
        serviceAccountName=cluster.service_account if attached else None,
        automountServiceAccountToken=attached,
        nodeSelector={**NODES, **settings.node_selector},
        dnsPolicy=values.dns_policy,
        dnsConfig=dns_config(values.dns_config),
    )


def _stays(workload: Workload, values: Values) -> int:
    """Seconds that a pod stays on a lost node."""
    given = values.failover.toleration_seconds
    if given is not None:
        return given
    return SINGLE_STAYS if workload.entry.is_single else ONE_OF_MANY_STAYS


def _spread(workload: Workload, release: Release) -> list[Document]:
    """Services of which there is one pod go to different hosts where that is possible: not all are lost with one."""
    if not workload.entry.is_single or workload.settings.topology_spread is not None:
        return spread_constraints(workload.settings, release.selector(workload.component), revision="pod-template-hash")
    singles: Document = {
        "matchLabels": {INSTANCE_LABEL: release.name},
        "matchExpressions": [
            {"key": "app", "operator": "In", "values": [entry.name for entry in CATALOGUE if entry.is_single]}
        ],
    }
    return [spread_over(HOST_LABEL, singles)]


def _packs(workload: Workload, image: Image, cluster: Cluster) -> list[Container]:
    if Content.PACKS not in workload.entry.contents:
        return []
    copying = packs.copies(cluster, image)
    return [each._replace(security=overlaid(each.security, workload.preparing_security)) for each in copying]


def _main_container(workload: Workload, cluster: Cluster) -> Container:
    settings, process = workload.settings, workload.process
    return Container(
        name=workload.entry.name,
        image=_image(workload, cluster.images),
        command=process.command,
        args=process.args,
        env=environment(process.env, settings.env),
        env_from=[*process.env_from, *env_of_secrets(settings.env_from_secrets)],
        ports=process.ports,
        resources=settings.resources,
        security=overlaid(
            RESTRICTED_CONTAINER,
            workload.container_security,
            cluster.values.security_context,
            settings.security_context,
        ),
        probes=probes(settings, process.probes),
        lifecycle=_lifecycle(workload),
        mounts=[*process.mounts, *_post_start_mounts(workload, cluster.release)],
        extra_mounts=extra_mounts(settings),
    )


def _image(workload: Workload, images: Images) -> Image:
    return images.st2(workload.entry.image or workload.entry.name, workload.settings.image)


def _lifecycle(workload: Workload) -> Document:
    """Hooks of the main container: a wait before SIGTERM, unless its process waits, and the user's after the start."""
    drain = stop_timing(workload.entry, workload.settings).drain
    hooks: Document = {}
    if drain and workload.entry.stop == "TERM":
        hooks["preStop"] = {"exec": {"command": ["sleep", str(drain)]}}
    if workload.settings.post_start_script:
        hooks["postStart"] = {"exec": {"command": ["bash", f"{POST_START_PATH}/{POST_START_FILE}"]}}
    return hooks


def _post_start_mounts(workload: Workload, release: Release) -> list[Mount]:
    script = workload.settings.post_start_script
    if not script:
        return []
    name = _post_start_name(workload, release)
    volume = Volume.config_map("st2-post-start-script", name, fingerprint=fingerprint(script))
    return [Mount(volume, POST_START_PATH)]

"""st2actionrunner and its pools, and what changes when actions may use sudo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_st2.facts import ini
from constructs_st2.facts.catalogue import ST2ACTIONRUNNER, pool_component
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import ST2_UID
from constructs_st2.facts.pod_paths import CONF_DIRECTORY
from constructs_st2.facts.timing import stop_timing
from constructs_st2.kube.documents import Document, fingerprint
from constructs_st2.parts.config_maps import config_map
from constructs_st2.parts.pods.volumes import Mount, Volume
from constructs_st2.parts.services.process import st2_process
from constructs_st2.parts.services.workload import Workload
from constructs_st2.values.model import Values
from constructs_st2.values.model.services import ActionRunner

POOLS_CONFIG = "st2-runner-pools"

ROOT_POD: Document = {"runAsNonRoot": False, "runAsUser": 0, "runAsGroup": 0}

ROOT_FREE: Document = {"runAsNonRoot": True, "runAsUser": ST2_UID, "runAsGroup": ST2_UID}
"""For the init containers beside: root without capabilities cannot even copy files of others."""

ROOT_CONTAINER: Document = {
    # sudo is a setuid program: it does nothing where privileges cannot be gained.
    "allowPrivilegeEscalation": True,
    # What sudo and the packages that actions install need; all of it is within the Pod Security level `baseline`.
    "capabilities": {
        "drop": ["ALL"],
        "add": ["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"],
    },
    "readOnlyRootFilesystem": False,
}


PROTECTED = {
    # https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    # https://karpenter.sh/docs/concepts/disruption/
    "karpenter.sh/do-not-disrupt": "true",
}
"""Annotations by which autoscalers of nodes leave a pod alone."""


def runners(values: Values) -> Iterator[tuple[str, ActionRunner]]:
    """The components that run actions, with their settings: st2actionrunner itself, and its pools."""
    settings = values.st2actionrunner
    yield ST2ACTIONRUNNER.name, settings
    for pool in settings.pools:
        yield pool_component(pool.name), pool.over(settings)


def workloads(cluster: Cluster) -> Iterator[Workload]:
    """The Deployments to be of all action runners."""
    return (_workload(component, settings, cluster) for component, settings in runners(cluster.values))


def pools_config(cluster: Cluster) -> Document | None:
    """The ConfigMap with the further st2.conf of each pool that has one."""
    confs = ((component, _own_conf(settings, cluster.values)) for component, settings in runners(cluster.values))
    files = {_conf_file(component): ini.render(conf) for component, conf in confs if conf}
    return config_map(POOLS_CONFIG, files, cluster, component=ST2ACTIONRUNNER.name) if files else None


def _own_conf(settings: ActionRunner, values: Values) -> Mapping[str, Mapping[str, ini.ConfValue]]:
    """How long running work gets to finish, where that is not as long as in st2.conf, which is one for all runners."""
    finish, everywhere = (stop_timing(ST2ACTIONRUNNER, each).finish for each in (settings, values.st2actionrunner))
    return {"actionrunner": {"exit_still_active_check": finish}} if finish != everywhere and finish is not None else {}


def _conf_file(component: str) -> str:
    return f"{component}.conf"


def _conf_mounts(component: str, settings: ActionRunner, cluster: Cluster) -> list[Mount]:
    conf = _own_conf(settings, cluster.values)
    if not conf:
        return []
    volume = Volume.config_map("st2-pool-config", cluster.release.named(POOLS_CONFIG), fingerprint=fingerprint(conf))
    return [Mount(volume, f"{CONF_DIRECTORY}/st2.pool.conf", sub_path=_conf_file(component))]


def _workload(component: str, settings: ActionRunner, cluster: Cluster) -> Workload:
    """As the system user, or with `sudo` as root, which then becomes the system user for actions."""
    return Workload(
        ST2ACTIONRUNNER,
        settings,
        st2_process(ST2ACTIONRUNNER, cluster, conf=_conf_mounts(component, settings, cluster)),
        component=component,
        role_annotations=PROTECTED if settings.protect_from_eviction else {},
        pod_security=ROOT_POD if settings.sudo else {},
        preparing_security=ROOT_FREE if settings.sudo else {},
        container_security=ROOT_CONTAINER if settings.sudo else {},
    )

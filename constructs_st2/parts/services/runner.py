"""st2actionrunner and its pools, and what changes when actions may use sudo."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_st2.facts.catalogue import ST2ACTIONRUNNER, pool_component
from constructs_st2.facts.cluster import Cluster
from constructs_st2.facts.images import ST2_UID
from constructs_st2.kube.documents import Document
from constructs_st2.parts.services.overrides import laid_over
from constructs_st2.parts.services.process import st2_process
from constructs_st2.parts.services.workload import Workload
from constructs_st2.values.model import Values
from constructs_st2.values.model.services import ActionRunner

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
        yield pool_component(pool.name), laid_over(pool, settings, besides=("name",))


def workloads(cluster: Cluster) -> Iterator[Workload]:
    """The Deployments to be of all action runners."""
    return (_workload(component, settings, cluster) for component, settings in runners(cluster.values))


def _workload(component: str, settings: ActionRunner, cluster: Cluster) -> Workload:
    """As the system user, or with `sudo` as root, which then becomes the system user for actions."""
    return Workload(
        ST2ACTIONRUNNER,
        settings,
        st2_process(ST2ACTIONRUNNER, cluster),
        component=component,
        role_annotations=PROTECTED if settings.protect_from_eviction else {},
        pod_security=ROOT_POD if settings.sudo else {},
        preparing_security=ROOT_FREE if settings.sudo else {},
        container_security=ROOT_CONTAINER if settings.sudo else {},
    )

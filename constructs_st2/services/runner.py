"""st2actionrunner, and what changes when its actions may use sudo."""

from __future__ import annotations

from constructs_st2.cluster import Cluster
from constructs_st2.images import ST2_UID
from constructs_st2.kubernetes import Document
from constructs_st2.services.catalogue import ST2ACTIONRUNNER
from constructs_st2.services.process import st2_process
from constructs_st2.services.workload import Workload

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


def workload(cluster: Cluster) -> Workload:
    """The action runner: as the system user, or with `sudo` as root, which then becomes the system user for actions."""
    settings = cluster.values.st2actionrunner
    return Workload(
        ST2ACTIONRUNNER,
        settings,
        st2_process(ST2ACTIONRUNNER, cluster),
        component=ST2ACTIONRUNNER.name,
        pod_security=ROOT_POD if settings.sudo else {},
        preparing_security=ROOT_FREE if settings.sudo else {},
        container_security=ROOT_CONTAINER if settings.sudo else {},
    )
